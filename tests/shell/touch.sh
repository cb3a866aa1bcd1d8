# touch makes a pipe, leaves no instance, and sets the times of one that is there.
# SEMANTICS: close-empty, name-stays
. "${0%/*}/expect.sh"
ends_with 0 "touch of a missing name" touch new
waits "touch leaves no instance" cat new
echo text > new
ends_with 0 "touch of a pipe with data" touch -d @1000 new
same "its time" 1000 "$(stat -c %Y new)"
same "its data" text "$(timeout 5 cat new)"
ends_with 0 "touch -c" touch -c missing
[ -e missing ] && fail "touch -c has made a pipe"
mkfifo shared
ends_with 0 "touch of a shared pipe without a reader" touch -d @1000 shared
same "its time" 1000 "$(stat -c %Y shared)"
