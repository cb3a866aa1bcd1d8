# cp from a pipe, to a pipe, and between pipes.
# SEMANTICS: file-regular, create-ways
. "${0%/*}/expect.sh"
numbers > "$scratch/numbers"
ends_with 0 "cp to a missing name" cp /etc/passwd new
ends_with 0 "cp from a pipe" cp new "$scratch/got"
same_file "a small file" /etc/passwd "$scratch/got"
ends_with 0 "cp to an existing name" cp /etc/passwd new
ends_with 0 "cp between pipes" cp new other
ends_with 0 "cp over a file" cp other "$scratch/got"
same_file "through two pipes" /etc/passwd "$scratch/got"
cp new "$scratch/got" & reader=$!
timeout 20 cp "$scratch/numbers" new || fail "cp of a long file: exit $?"
ended 0 "cp of a long text" $reader
same_file "a long text" "$scratch/numbers" "$scratch/got"
cp new other & between=$!
cp other "$scratch/got" & reader=$!
timeout 20 cp "$scratch/numbers" new || fail "cp of a long file: exit $?"
ended 0 "cp between pipes" $between
ended 0 "cp of a long text" $reader
same_file "a long text through two pipes" "$scratch/numbers" "$scratch/got"
chmod 640 "$scratch/numbers"
cp -p /etc/passwd kept || fail "cp -p: exit $?"
same "cp -p keeps the mode" "$(stat -c %a /etc/passwd)" "$(stat -c %a kept)"
same "cp -p keeps the time" "$(stat -c %Y /etc/passwd)" "$(stat -c %Y kept)"
