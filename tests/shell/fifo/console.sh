# A program that is fed by whoever writes into its FIFO: a console for a server without terminal.
# SEMANTICS: shared-eof, shared-order
. "${0%/*}/../expect.sh"
mkfifo console
sh < console > "$scratch/said" & server=$!
tail -f /dev/null > console & keeper=$!
has_open $keeper console
echo 'echo one' > console
echo 'name=two' > console
echo 'echo $name' >> console
printf 'echo three\nexit 3\n' > console
wait $server
same "its status" 3 $?
kill $keeper
cat "$scratch/said"
