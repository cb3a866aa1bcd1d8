# Archives and packed data go through a FIFO by its name, as if it were a file.
# SEMANTICS: shared-eof, shared-reader-waits
. "${0%/*}/../expect.sh"
needs tar gzip split
mkdir "$scratch/tree" "$scratch/tree/inner" "$scratch/copy" "$scratch/parts"
numbers > "$scratch/tree/numbers"
head -c 3000000 /dev/urandom > "$scratch/tree/inner/random"

mkfifo archive
tar cf archive -C "$scratch/tree" . &
tar xf archive -C "$scratch/copy" || fail "tar xf: $?"
wait
diff -r "$scratch/tree" "$scratch/copy" || fail "the copy differs"
tar cf archive -C "$scratch/tree" . &
tar tf archive | sort
tar cf - -C "$scratch/tree" . | gzip > archive &
tar xzf archive -O ./numbers | sha256sum

mkfifo dump
gzip -c < dump > "$scratch/dump.gz" &
numbers > dump
wait
zcat "$scratch/dump.gz" | sha256sum
cat "$scratch/dump.gz" > dump &
zcat < dump | sha256sum

# A backup that is cut into pieces on its way, and put together again.
split -b 500K - "$scratch/parts/" < dump &
numbers > dump
wait
ls "$scratch/parts" | xargs
cat "$scratch"/parts/* > dump &
sha256sum < dump
cd "$scratch" || exit 1
split -l 100000 --filter='gzip > $FILE.gz' - packed. < "$mount/dump" &
numbers > "$mount/dump"
wait
ls packed.* | xargs
zcat packed.* | sha256sum
