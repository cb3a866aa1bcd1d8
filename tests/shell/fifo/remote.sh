# Commands for another system, for example for the host of a container, come through a FIFO.
# SEMANTICS: shared-reader-waits, shared-eof
. "${0%/*}/../expect.sh"
mkfifo commands
while true; do eval "$(cat commands)"; done > "$scratch/done" & host=$!
# The next one is sent when this one has been done, so each `cat` gets one.
send() {
    echo "$1; touch $scratch/finished" > commands
    until [ -e "$scratch/finished" ]; do sleep 0.01; done
    rm "$scratch/finished"
}
send 'echo one'
send 'seq 3 | xargs'
send 'word=kept'
send 'echo $word'
echo exit 5 > commands
wait $host
same "its status" 5 $?
cat "$scratch/done"
