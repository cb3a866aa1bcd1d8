# tar writes its archive to a pipe and reads it from one, by name and by redirection.
# SEMANTICS: file-seek
. "${0%/*}/expect.sh"
needs tar gzip
mkdir "$scratch/tree" "$scratch/by_name" "$scratch/redirected" "$scratch/packed"
numbers > "$scratch/tree/numbers"
cp /etc/passwd "$scratch/tree"
ln -s numbers "$scratch/tree/link"
touch archive
tar cf archive -C "$scratch" tree & writer=$!
ends_with 0 "tar xf" tar xf archive -C "$scratch/by_name"
ended 0 "tar cf" $writer
tar c -C "$scratch" tree > archive & writer=$!
ends_with 0 "tar x" tar x -C "$scratch/redirected" < archive
ended 0 "tar c" $writer
tar czf archive -C "$scratch" tree & writer=$!
ends_with 0 "tar xzf" tar xzf archive -C "$scratch/packed"
ended 0 "tar czf" $writer
for copy in by_name redirected packed; do
    ends_with 0 "$copy" diff -r --no-dereference "$scratch/tree" "$scratch/$copy/tree"
done
tar c -C "$scratch" tree > archive & writer=$!
timeout 20 tar tf archive | sort | xargs > "$scratch/list"
ended 0 "tar c for a listing" $writer
same "tar tf" "tree/ tree/link tree/numbers tree/passwd" "$(cat "$scratch/list")"
