# What a script may notice: a writer's open does not wait for a reader. The script ends all the
# same, and the reader gets what was written; but the order of events is another one.
# SEMANTICS: shared-writer-goes-first
. "${0%/*}/../expect.sh"
mkfifo gate
(
    echo "sent through the gate" > gate
    echo "the writer goes on" >> "$scratch/log"
) &
tries=0
until [ -e "$scratch/log" ] || [ $tries -eq 150 ]; do
    sleep 0.02
    tries=$((tries + 1))
done
echo "the reader comes" >> "$scratch/log"
cat gate
wait
cat "$scratch/log"
