# The shell's own `read` takes one line and nothing more: the rest stays for the next reader of
# the same open file, and is discarded when it closes.
# SEMANTICS: read-available, close-client
. "${0%/*}/expect.sh"
printf 'first line\nsecond\nthe rest\nof it\n' > text
exec 3< text
read -r one two <&3
same "the first read" "first,line" "$one,$two"
read -r one <&3
same "the second read" second "$one"
same "cat on the same open file" "the rest of it" "$(timeout 5 cat <&3 | xargs)"
read -r one <&3 && fail "read at the end of file said yes"
exec 3<&-
printf 'a\nb\n' > text
read -r one < text
same "read, opening the pipe" a "$one"
waits "what read left unread is discarded" cat text
printf 'no newline' > text
read -r one < text && fail "read without a newline said yes"
same "a line without its newline" "no newline" "$one"
