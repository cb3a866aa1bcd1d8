# Waiting for no longer than a time, and cleaning up whatever happens.
# SEMANTICS: wait-kill, wait-interrupt, shared-rdwr, shared-no-reader
. "${0%/*}/../expect.sh"
mkfifo quiet
timeout 0.3 cat quiet
same "a reader without writer" 124 $?
exec 3<> quiet
timeout 0.3 cat quiet
same "a reader without data" 124 $?
timeout 0.3 bash -c 'read -r line <&3'
same "the shell's read" 124 $?
read -r -t 0 -u 3 && fail "read -t 0 found something"
echo line >&3
read -r -t 0 -u 3 || fail "read -t 0 found nothing"
timeout 20 head -c 5 <&3
timeout 0.3 sh -c 'exec yes >&3'
same "a writer of a full FIFO" 124 $?
exec 3>&-

# The writer learns that its reader has had enough.
mkfifo endless
yes > endless 2> "$scratch/said" & writer=$!
timeout 20 head -c 4 endless
wait $writer && fail "yes ended well"
rm endless
mkfifo endless
while echo again; do :; done > endless 2> "$scratch/said" & writer=$!
timeout 20 head -c 6 endless
wait $writer
rm endless

cat > "$scratch/worker" << 'END'
fifo=$(mktemp -u "$PWD/worker.XXXXXX")
trap 'rm -f "$fifo"; echo "cleaned up"' EXIT
trap 'exit 7' TERM
mkfifo -m 600 "$fifo"
exec 3<> "$fifo"
while read -r line <&3; do echo "did $line"; done
END
bash "$scratch/worker" > "$scratch/said" & worker=$!
until fifo=$(ls worker.* 2> /dev/null) && [ "$fifo" ]; do sleep 0.02; done
printf 'one\ntwo\n' > "$fifo"
until [ "$(wc -l < "$scratch/said")" -eq 2 ]; do sleep 0.02; done
kill -TERM $worker
wait $worker
same "the status that its trap gave" 7 $?
cat "$scratch/said"
same "what is left" quiet "$(ls)"
