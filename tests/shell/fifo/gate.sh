# Processes wait for each other: at a gate that opens for all, and at a barrier, round by round.
# SEMANTICS: shared-eof, shared-rdwr, shared-compete, shared-reader-waits
. "${0%/*}/../expect.sh"

# Who reads from the gate waits until nobody holds it open for writing any more.
mkfifo gate ready
exec 3<> gate 4<> ready
for runner in 1 2 3 4; do
    (
        exec 5< gate 3>&-
        echo >&4
        cat <&5
        echo "$runner runs" >> "$scratch/log"
    ) &
done
for runner in 1 2 3 4; do read -r _ <&4; done
echo "all are ready" >> "$scratch/log"
exec 3>&-
wait
sort "$scratch/log"

# A byte is needed to go on, and comes when all have said that they are there. Each round has a
# FIFO of its own to go on, so that nobody takes two bytes.
mkfifo even odd
exec 5<> even 6<> odd
for runner in 1 2 3 4; do
    for round in 5 6 5 6; do
        echo "round" >> "$scratch/rounds"
        printf . >&4
        dd bs=1 count=1 status=none <&$round > "$scratch/byte.$runner"
    done &
done
for round in 5 6 5 6; do
    dd bs=1 count=4 status=none <&4 > "$scratch/byte"
    wc -l < "$scratch/rounds"
    printf .... >&$round
done
wait

# An open for writing lets in who waits in an open for reading; nothing needs to be written.
mkfifo signal
waiting=
for runner in 1 2 3; do
    cat signal &
    waiting="$waiting $!"
done
exec 7> signal
for runner in $waiting; do has_open "$runner" signal; done
exec 7>&-
for runner in $waiting; do
    ended 0 "one that waited for the signal" "$runner"
done
