# A FIFO with one line in it as a lock, and mkfifo itself as another one: it makes a name once.
# SEMANTICS: shared-rdwr, shared-compete, create-mkfifo
. "${0%/*}/../expect.sh"
increment() {
    read -r count < "$scratch/$1"
    sleep 0.01
    echo $((count + 1)) > "$scratch/$1"
}

mkfifo lock
exec 3<> lock
echo >&3
echo 0 > "$scratch/inherited"
for process in 1 2 3 4 5; do
    for round in 1 2 3 4 5 6; do
        read -r _ <&3
        increment inherited
        echo >&3
    done &
done
wait
same "one open file, inherited" 30 "$(cat "$scratch/inherited")"

echo 0 > "$scratch/own"
for process in 1 2 3 4 5; do
    (
        exec 4<> lock
        for round in 1 2 3 4 5 6; do
            read -r _ <&4
            increment own
            echo >&4
        done
    ) &
done
wait
same "an open file for each" 30 "$(cat "$scratch/own")"

echo 0 > "$scratch/named"
for process in 1 2 3 4 5; do
    for round in 1 2 3 4 5 6; do
        until mkfifo busy 2> /dev/null; do sleep 0.01; done
        increment named
        rm busy
    done &
done
wait
same "mkfifo as lock" 30 "$(cat "$scratch/named")"
