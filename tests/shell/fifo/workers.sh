# Four workers take their jobs from one FIFO.
# SEMANTICS: shared-compete, shared-eof, shared-reader-waits
. "${0%/*}/../expect.sh"
needs flock

# start WORKER: four of them; when the jobs come, each has the FIFO open.
start() {
    workers=
    for number in 1 2 3 4; do
        "$1" "$number" &
        workers="$workers $!"
    done
    exec 3> queue
    for worker in $workers; do has_open "$worker" queue; done
}

# The shell reads a line byte by byte, so only one may read at a time.
of_lines() {
    exec 3< queue 4> "$scratch/lock"
    while flock 4; read -r number name <&3; do
        flock -u 4
        echo "$number $name by $1" >> "$scratch/done"
    done
}
mkfifo queue
start of_lines
seq 200 | sed 's/$/ job/' >&3
exec 3>&-
wait
same "each job once" "$(seq 200)" "$(sort -n "$scratch/done" | cut -d ' ' -f 1)"
same "no line is torn" "" "$(grep -v '^[0-9]* job by [1-4]$' "$scratch/done")"

# Records of one size need no lock: a read takes one whole.
of_records() {
    exec 3< queue
    while record=$(dd bs=8 count=1 status=none <&3) && [ "$record" ]; do
        echo "$record" >> "$scratch/records"
    done
}
start of_records
seq 1000001 1000100 >&3
exec 3>&-
wait
same "each record once" "$(seq 1000001 1000100)" "$(sort "$scratch/records")"

# xargs has workers of its own.
seq 40 > queue &
xargs -P 4 -n 1 sh -c 'echo "did $0"' < queue | sort -k 2 -n | xargs
