# sort reads a pipe. It plans its memory by the size of a regular file, which is 0 (as in /proc):
# a long text is sorted through `cat`, else it takes seconds for each 100 kB.
# SEMANTICS: close-drains, file-size, limit-size-zero
. "${0%/*}/expect.sh"
needs sort
printf 'b\nc\na\n' > text
same "sort" "a b c" "$(timeout 5 sort text | xargs)"
printf 'b\nc\na\n' > text
same "sort <" "c b a" "$(timeout 5 sort -r < text | xargs)"
touch text
numbers > text & writer=$!
(timeout 20 cat text | sort -rn) > "$scratch/got" || fail "sort: exit $?"
ended 0 "the writer" $writer
numbers | tac > "$scratch/expected"
same_file "cat | sort of a long text" "$scratch/expected" "$scratch/got"
echo 2 > left
echo 1 > right
same "sort of two pipes" "1 2" "$(timeout 5 sort left right | xargs)"
echo 1 > left
echo 2 > right
same "sort -m" "1 2" "$(timeout 5 sort -m left right | xargs)"
