# sed -i and sort -o write a new pipe, or the same one, in place of the one they have read.
# SEMANTICS: dir-rename
. "${0%/*}/expect.sh"
needs sed sort
printf 'b\na\n' > text
ends_with 0 "sed -i" sed -i 's/b/c/' text
same "what sed leaves" "c a" "$(timeout 5 cat text | xargs)"
same "nothing else is left" text "$(ls -A)"
printf 'b\na\n' > text
ends_with 0 "sort -o" sort -o text text
same "what sort leaves" "a b" "$(timeout 5 cat text | xargs)"
