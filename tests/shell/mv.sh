# mv within the mount, onto an idle pipe, into the mount and out of it.
# SEMANTICS: dir-rename, file-inode
. "${0%/*}/expect.sh"
echo text > a
ends_with 0 "mv a b" mv a b
[ -e a ] && fail "the old name is still there"
same "the data has moved with the pipe" text "$(timeout 5 cat b)"
echo newer > a
ends_with 0 "mv onto an idle pipe" mv a b
same "the pipe that was moved" newer "$(timeout 5 cat b)"
same "the names" b "$(ls)"
mkdir inner
echo deeper > b
ends_with 0 "mv into a directory" mv b inner
ends_with 0 "mv of the directory" mv inner outer
same "the data has moved with the directory" deeper "$(timeout 5 cat outer/b)"
echo out > leaving
ends_with 0 "mv out of the mount" mv leaving "$scratch/file"
same "what was moved out" out "$(cat "$scratch/file")"
[ -e leaving ] && fail "the name has stayed"
ends_with 0 "mv into the mount" mv "$scratch/file" entering
same "what was moved in" out "$(timeout 5 cat entering)"
[ -e "$scratch/file" ] && fail "the file has stayed"
touch waiting
timeout 20 cat waiting > "$scratch/got" & reader=$!
sleep 0.3
mv waiting renamed || fail "mv of a pipe with a waiting reader: exit $?"
echo found > renamed
ended 0 "the reader that waited while its pipe was renamed" $reader
same "what it read" found "$(cat "$scratch/got")"
