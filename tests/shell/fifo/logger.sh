# A daemon that logs what others echo into a FIFO, each with an open of its own.
# SEMANTICS: shared-order, shared-eof, shared-rdwr
. "${0%/*}/../expect.sh"

# It holds the FIFO open for writing, too, so that it never sees its end.
mkfifo log
while read -r line; do
    [ "$line" = quit ] && break
    echo "logged: $line"
done <> log > "$scratch/log" & reader=$!
writers=
for process in 1 2 3 4; do
    for number in 1 2 3 4 5; do echo "$process $number" >> log; done &
    writers="$writers $!"
done
wait $writers
echo quit > log
wait $reader
sort "$scratch/log"

# Or another process holds it open, and its end is that of the log.
while read -r line; do
    echo "also logged: $line"
done < log > "$scratch/log" & reader=$!
sleep 30 > log & keeper=$!
has_open $keeper log
exec 4> log
echo first >&4
exec 4>&-
exec 4>> log
echo "again, reopened" >&4
exec 4>&-
echo last > log
kill $keeper
wait $reader
cat "$scratch/log"

# Or each line is read with an open of its own, while the FIFO is held open.
exec 3<> log
for number in 1 2 3; do echo "line $number" > log; done
for number in 1 2 3; do
    read -r line < log
    echo "$line"
done
