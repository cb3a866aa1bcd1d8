# One stream that is made once and read by three programs at the same time.
# SEMANTICS: shared-reader-waits, shared-eof, write-full
. "${0%/*}/../expect.sh"
mkfifo sum zip
sha256sum < sum > "$scratch/sum" &
gzip -c < zip > "$scratch/numbers.gz" &
numbers | tee sum zip | wc -c > "$scratch/bytes"
wait
same "the sum" "$(numbers | sha256sum)" "$(cat "$scratch/sum")"
same "the packed copy" "$(numbers | sha256sum)" "$(gunzip < "$scratch/numbers.gz" | sha256sum)"
same "what went on" "$(numbers | wc -c)" "$(cat "$scratch/bytes")"
rm sum zip

# Nested: the second tee reads what the first one writes.
mkfifo upper both
tr a-z A-Z < upper > "$scratch/upper" &
tee "$scratch/copy" < both > upper &
printf 'one\ntwo\n' | tee both
wait
cat "$scratch/copy" "$scratch/upper"
