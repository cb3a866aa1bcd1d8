# fsync waits until the reader has everything.
# SEMANTICS: fsync-waits
. "${0%/*}/expect.sh"
waits "conv=fsync, nobody reads" dd if=/etc/passwd of=flushed conv=fsync status=none
# The one above was killed: what it wrote is still there.
timeout 5 cat flushed > "$scratch/got" || fail "cat: exit $?"
same_file "what it wrote" /etc/passwd "$scratch/got"
dd if=/etc/passwd of=flushed conv=fsync status=none & writer=$!
timeout 5 cat flushed > "$scratch/got"
ended 0 "dd conv=fsync" $writer
same_file "what was flushed" /etc/passwd "$scratch/got"
exec 3> flushed
head -c 100000 /dev/zero >&3
exec 4< flushed
dd bs=1000 count=1 status=none <&4 > /dev/null
exec 4<&-
refused "Broken pipe" "the reader has left" \
    sh -c 'exec dd if=/dev/null conv=notrunc,fsync status=none >&3'
