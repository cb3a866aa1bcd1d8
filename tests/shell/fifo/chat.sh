# Two shells talk over two FIFOs, each opening them in the other's order.
# SEMANTICS: shared-reader-waits, read-available, shared-eof
. "${0%/*}/../expect.sh"
mkfifo to_alice to_bob
(
    exec 3> to_bob 4< to_alice
    number=1
    while [ $number -lt 40 ]; do
        echo "$number" >&3
        read -r number <&4
    done
    echo "alice stops at $number"
) > "$scratch/alice" &
(
    exec 4< to_bob 3> to_alice
    while read -r number <&4; do
        echo $((number + 1)) >&3
        turns=$((${turns:-0} + 1))
    done
    echo "bob hears that she has gone after $turns turns"
) > "$scratch/bob" &
wait
cat "$scratch/alice" "$scratch/bob"
