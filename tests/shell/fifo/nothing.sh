# A writer that finds nothing to write: its reader is told so, whoever comes first.
# SEMANTICS: shared-unmet-writer, shared-eof
. "${0%/*}/../expect.sh"
mkfifo pipe
for round in $(seq 40); do
    grep nothing /dev/null > pipe &
    [ $((round % 4)) = 0 ] && sleep 0.02
    cat pipe
    wait
done
echo "$round readers came to their end"
