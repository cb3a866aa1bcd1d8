# Reading a name that does not exist fails, and does not make it.
# SEMANTICS: create-missing
. "${0%/*}/expect.sh"
refused "No such file or directory" "cat of a missing name" cat nothing
[ -e nothing ] && fail "cat has created the name"
refused "No such file or directory" "a missing directory" cp /etc/passwd nowhere/file
same "the mount is empty" "" "$(ls -A)"
