# A script that sends its own output through a FIFO, to the terminal and into a file.
# SEMANTICS: shared-reader-waits, shared-eof
. "${0%/*}/../expect.sh"
cat > "$scratch/script" << 'END'
trap 'rm output' EXIT
mkfifo output
tee "$1" < output & copy=$!
exec 3>&1 4>&2 > output 2>&1
echo "to standard output"
sh -c 'echo "from a child, to standard error" >&2'
seq 3
exec 1>&3 2>&4 3>&- 4>&-
wait $copy
echo "to the terminal alone"
END
sh "$scratch/script" "$scratch/log"
echo "the file:"
cat "$scratch/log"
same "what is left" "" "$(ls)"
