# A server with one well-known FIFO; each client brings a FIFO of its own for the answer.
# SEMANTICS: shared-rdwr, shared-order, shared-reader-waits
. "${0%/*}/../expect.sh"
mkfifo requests
while read -r reply question <&3; do
    [ "$reply" != stop ] || break
    echo "$question is $(($question))" > "$reply"
done 3<> requests & server=$!

client() {
    reply=reply.$1
    mkfifo -m 600 "$reply"
    for number in 1 2 3 4 5; do
        echo "$reply $1*$number" > requests
        cat "$reply"
    done > "$scratch/client.$1"
    rm "$reply"
}
clients=
for number in 1 2 3 4 5 6 7 8; do
    client "$number" &
    clients="$clients $!"
done
wait $clients
echo stop > requests
wait $server
cat "$scratch"/client.*
same "what is left" requests "$(ls)"
