# Process substitution as sh has to do it: mkfifo a b; sort x > a & sort y > b & comm a b
# SEMANTICS: shared-reader-waits, shared-eof, shared-reader-nonblock
. "${0%/*}/../expect.sh"
needs comm diff join paste
printf 'cherry\napple\nbanana\n' > "$scratch/x"
printf 'banana\ndate\napple\n' > "$scratch/y"
mkfifo a b
feed() {
    sort "$scratch/x" > a &
    sort "$scratch/y" > b &
}
feed
comm a b
feed
diff a b
same "the status of diff" 1 $?
feed
diff -u --label x --label y a b
feed
paste -d ' ' a b
feed
join a b
feed
sort -m -u a b
feed
cat a b
feed
awk 'NR == FNR { seen[$1]; next } $1 in seen' a b
feed
grep -v -x -F -f a b
wait
numbers > a & numbers | sed '150000s/$/ /' > b &
cmp a b
same "the status of cmp" 1 $?
rm a b
