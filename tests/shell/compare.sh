# cmp, diff and comm with a pipe on one side or on both.
# SEMANTICS: file-size
. "${0%/*}/expect.sh"
needs cmp diff comm
numbers > "$scratch/numbers"
(numbers; echo more) > "$scratch/longer"
touch left right
cat "$scratch/numbers" > left & ends_with 0 "cmp, the same" cmp left "$scratch/numbers"
cat "$scratch/longer" > left & ends_with 1 "cmp, longer" cmp left "$scratch/numbers"
wait
cat "$scratch/numbers" > left & ends_with 0 "diff, the same" diff left "$scratch/numbers"
wait
cat "$scratch/longer" > left & timeout 20 diff "$scratch/numbers" left > "$scratch/said"
same "diff says" "300000a300001 > more" "$(xargs < "$scratch/said" -d '\n')"
wait
cat "$scratch/numbers" > left & cat "$scratch/numbers" > right &
ends_with 0 "cmp of two pipes" cmp left right
wait
printf 'a\nb\n' > left
printf 'b\nc\n' > right
same "comm of two pipes" b "$(timeout 5 comm -12 left right)"
printf 'a\n' > left
printf 'b\n' > right
ends_with 1 "diff -q of two pipes that differ" diff -q left right > /dev/null
