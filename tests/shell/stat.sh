# What stat, test, ls and df say of a pipe.
# SEMANTICS: file-regular, file-inode, file-times, file-attributes, file-block-size
. "${0%/*}/expect.sh"
umask 022
touch plain
same "a regular file" "regular empty file" "$(stat -c %F plain)"
same "the mode is 0666 & ~umask" 644 "$(stat -c %a plain)"
(umask 027 && touch private && echo x > written)
same "the mode of touch" 640 "$(stat -c %a private)"
same "the mode of >" 640 "$(stat -c %a written)"
same "the owner is the creator" "$(id -u):$(id -g)" "$(stat -c %u:%g plain)"
[ -f plain ] || fail "test -f says no"
[ -p plain ] && fail "test -p says yes"
[ -s written ] && fail "test -s says yes"
[ -d . ] || fail "test -d of the mount says no"
number=$(stat -c %i plain)
echo x > plain
same "the inode number with data" "$number" "$(stat -c %i plain)"
exec 3> plain
same "the inode number while it is open" "$number" "$(stat -c %i plain)"
same "the inode number of the open file" "$number" "$(stat -L -c %i /proc/self/fd/3)"
same "the inode number in ls" "$number" "$(ls -i plain | cut -d ' ' -f 1)"
exec 3>&-
[ "$(stat -c %i private)" != "$number" ] || fail "two pipes have one inode number"
[ "$(stat -c %o plain)" -ge 4096 ] || fail "the block size is $(stat -c %o plain)"
timeout 5 cat plain > /dev/null
touch -d @1000 plain
same "touch -d" "1000 1000" "$(stat -c '%X %Y' plain)"
echo x > plain
[ "$(stat -c %Y plain)" -gt 1000 ] || fail "a write does not change the time of modification"
same "a write does not change the time of access" 1000 "$(stat -c %X plain)"
timeout 5 cat plain > /dev/null
[ "$(stat -c %X plain)" -gt 1000 ] || fail "a read does not change the time of access"
chmod 600 plain
same "chmod" 600 "$(stat -c %a plain)"
df . > /dev/null || fail "df: exit $?"
type=$(awk -v dir="$PWD" '$2 == dir { print $3 }' /proc/mounts)
same "the filesystem's type" fuse.pipefs "$type"
