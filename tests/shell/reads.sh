# $2 is a command that reads the file `numbers`: it must say the same of a pipe as of a plain
# file, when the text is there already and when it comes while the command reads.
# SEMANTICS: close-drains, read-end-of-file
. "${0%/*}/expect.sh"
command=$1
needs timeout "${command%% *}"

(cd "$scratch" && seq 100 > numbers && sh -c "$command" > few) || fail "$command on a file"
cp "$scratch/numbers" numbers || fail "cp to a pipe"
timeout 20 sh -c "$command" > "$scratch/got" || fail "$command on a pipe with data: exit $?"
same_file "$command, the data is there" "$scratch/few" "$scratch/got"

(cd "$scratch" && numbers > numbers && sh -c "$command" > many) || fail "$command on a file"
timeout 20 sh -c "$command" > "$scratch/got" &
reader=$!
cat "$scratch/numbers" > numbers || fail "cat to a pipe"
ended 0 "$command" $reader
same_file "$command, the data comes" "$scratch/many" "$scratch/got"
