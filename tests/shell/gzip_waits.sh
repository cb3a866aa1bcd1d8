# gzip opens its file with O_NONBLOCK, finds nothing, takes the flag away and reads again.
# SEMANTICS: wait-nonblock
. "${0%/*}/expect.sh"
needs gzip gunzip
touch plain
timeout 20 gzip -c plain > "$scratch/packed" & reader=$!
sleep 0.3
kill -0 $reader 2> /dev/null || fail "gzip did not wait"
numbers > plain
ended 0 "gzip -c" $reader
numbers > "$scratch/numbers"
gunzip -c < "$scratch/packed" > "$scratch/got"
same_file "gzip -c of a pipe that is filled later" "$scratch/numbers" "$scratch/got"
