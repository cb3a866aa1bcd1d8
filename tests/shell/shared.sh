# A shared pipe: readers compete for what writers join, and read the end when the last writer
# has closed; the next writer revives it.
# SEMANTICS: shared-order, shared-compete, shared-eof
. "${0%/*}/expect.sh"
mkfifo f
exec 3> f
readers=
for number in 1 2 3 4; do
    timeout 20 cat f > "$scratch/got$number" 3>&- &
    readers="$readers $!"
done
for reader in $readers; do
    # The reader itself is the child of `timeout`.
    until child=$(pgrep -P "$reader"); do sleep 0.05; done
    has_open "$child" f
done
# Lines of 8 bytes, so that a full buffer does not end within one.
seq 1000000 1009999 >&3
sh -c 'seq 2000000 2009999 > f' 3>&-
for reader in $readers; do
    kill -0 "$reader" 2> /dev/null || fail "a reader has ended while a writer is there"
done
exec 3>&-
for reader in $readers; do
    ended 0 "a reader, when the last writer has closed" "$reader"
done
sort "$scratch"/got? > "$scratch/sorted"
(seq 1000000 1009999; seq 2000000 2009999) > "$scratch/expected"
same_file "each line has come once" "$scratch/expected" "$scratch/sorted"
echo again > f
same "the next writer revives it" again "$(timeout 5 cat f)"
