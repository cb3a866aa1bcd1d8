# Programs that want the name of a file get that of a FIFO: nothing of it is ever on a disk.
# SEMANTICS: shared-reader-waits, shared-eof
. "${0%/*}/../expect.sh"
needs awk grep jq make patch perl sed tar xargs
mkfifo file
echo 'BEGIN { print "awk" }' > file & awk -f file
echo s/for/SED/ > file & echo for | sed -f file
printf 'grep\n' > file & seq 3 | sed '2s/.*/grep/' | grep -n -f file
printf 'all:\n\t@echo make\n' > file & make -r -s -f file
echo 'print "perl\n"' > file & perl file
printf 'echo sh $1\nexit 3\n' > file & sh file argument
same "the status of sh" 3 $?
echo 'echo dot' > file & . ./file
echo '{"jq": [1, 2]}' > file & jq -c . file
echo x args > file & xargs -a file echo
echo passwd > file & tar c -C /etc -T file | tar t
echo old > "$scratch/old"
printf -- '--- old\n+++ new\n@@ -1 +1 @@\n-old\n+patched\n' > file &
patch -s "$scratch/old" -i file
cat "$scratch/old"
echo 'url = file:///dev/null' > file & wc -l file
seq 300 > file & tail -n 1 file
seq 300 > file & tac file | sed -n 2p
printf 'b 1\na 2\n' > file & sort file
