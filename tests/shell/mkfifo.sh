# mkfifo makes a pipe of ours, in shared mode.
# SEMANTICS: create-mkfifo, create-ways, shared-writer-goes-first, shared-reader-waits
. "${0%/*}/expect.sh"
needs mkfifo mknod
mkfifo f; echo x > f & timeout 5 cat f > "$scratch/got"
same "mkfifo f; echo x > f & cat f" x "$(cat "$scratch/got")"
same "it is shown as" "regular empty file" "$(stat -c %F f)"
refused "File exists" "mkfifo of an existing name" mkfifo f
refused "File exists" "mknod of an existing name" mknod f p
ends_with 0 "mkfifo -m" mkfifo -m 600 private
same "its mode" 600 "$(stat -c %a private)"
ends_with 0 "mknod NAME p" mknod other p
ends_with 0 "a writer does not wait for a reader" sh -c 'echo kept > other'
same "and what it wrote stays" kept "$(timeout 5 cat other)"
waits "a reader waits for a writer" cat other
echo one > f
echo two > f
same "two writers are joined" "one two" "$(timeout 5 cat f | xargs)"
mkdir inner
cd inner && ends_with 0 "two at once" mkfifo a b
same "both" "a b" "$(ls | xargs)"
