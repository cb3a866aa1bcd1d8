# A queue in an open FIFO: several push, one takes, until each has said that it is done.
# SEMANTICS: shared-rdwr, shared-order
. "${0%/*}/../expect.sh"
mkfifo queue
exec 3<> queue
rm queue
for producer in a b c; do
    {
        for number in 1 2 3 4 5 6 7 8 9; do echo "$producer $number" >&3; done
        echo "$producer done" >&3
    } &
done
running=3
while [ $running -gt 0 ] && read -r producer what <&3; do
    case $what in
    done) running=$((running - 1)) ;;
    *) echo "$producer $what" >> "$scratch/taken" ;;
    esac
done
wait
sort "$scratch/taken" | xargs -n 9 echo
for producer in a b c; do
    same "the order of $producer" "1 2 3 4 5 6 7 8 9" \
        "$(sed -n "s/$producer //p" "$scratch/taken" | xargs)"
done
exec 3<&-
