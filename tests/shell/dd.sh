# dd, with its block sizes and flags.
# SEMANTICS: wait-nonblock, open-nonblock-pending, file-truncate
. "${0%/*}/expect.sh"
numbers > "$scratch/numbers"
size=$(wc -c < "$scratch/numbers")
touch disk
dd if=disk of="$scratch/got" bs=1M status=none & reader=$!
timeout 20 dd if="$scratch/numbers" of=disk bs=64K status=none || fail "dd of=: exit $?"
ended 0 "dd if=" $reader
same_file "64 KiB blocks in, 1 MiB blocks out" "$scratch/numbers" "$scratch/got"
dd if="$scratch/numbers" of=disk bs=1000 status=none &
timeout 20 dd if=disk of="$scratch/got" bs=1M count=1 iflag=fullblock status=none
same "iflag=fullblock fills its block" 1048576 "$(wc -c < "$scratch/got")"
wait
echo 0123456789 > disk
same "skip= and count=" 345 "$(timeout 5 dd if=disk bs=1 skip=3 count=3 status=none)"
echo appended | dd of=disk oflag=append conv=notrunc status=none || fail "oflag=append"
same "oflag=append" appended "$(timeout 5 cat disk)"
refused "Resource temporarily unavailable" "iflag=nonblock, nobody writes" \
    dd if=disk iflag=nonblock status=none
waits "seek= reads what it is to skip, and there is nothing" \
    dd if=/etc/passwd of=disk seek=1 conv=notrunc status=none
same "the text was as long as expected" 1988895 "$size"
