# ls -s and du show what waits; the size is always 0.
# SEMANTICS: file-size
. "${0%/*}/expect.sh"
needs du
touch held
same "nothing waits" 0 "$(stat -c %b held)"
head -c 65536 /dev/zero > held
same "st_blocks" 128 "$(stat -c %b held)"
same "ls -s" "64 held" "$(ls -s --block-size=1K held)"
same "du" 64 "$(du -k held | cut -f 1)"
same "ls -l says size 0" 0 "$(ls -l held | awk '{ print $5 }')"
same "stat says size 0" 0 "$(stat -c %s held)"
head -c 65536 /dev/zero > held
same "two instances" 256 "$(stat -c %b held)"
cat held > /dev/null
same "one has been read" 128 "$(stat -c %b held)"
cat held > /dev/null
same "all has been read" 0 "$(stat -c %b held)"
mkdir inner
head -c 32768 /dev/zero > inner/a
head -c 32768 /dev/zero > inner/b
same "du of a directory" 64 "$(du -k -c inner/a inner/b | tail -n 1 | cut -f 1)"
du -sk . > /dev/null || fail "du of the mount: exit $?"
