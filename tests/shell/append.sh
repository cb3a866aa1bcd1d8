# `>>` is a writer like `>`: each opening is an instance of its own.
# SEMANTICS: open-wronly, instance-one-client
. "${0%/*}/expect.sh"
echo one >> log
echo two >> log
same "the first opening" one "$(timeout 5 cat log)"
same "the second opening" two "$(timeout 5 cat log)"
{ echo three; echo four; } >> log
same "one opening, two writers" "three four" "$(timeout 5 cat log | xargs)"
numbers > "$scratch/numbers"
cat "$scratch/numbers" >> log &
writer=$!
timeout 20 cat log > "$scratch/got"
ended 0 "a long append" $writer
same_file "a long append" "$scratch/numbers" "$scratch/got"
