# Processes that share one open file are one writer, or one reader.
# SEMANTICS: write-atomic
. "${0%/*}/expect.sh"
(echo a; sh -c 'echo b'; echo c | cat) > p
same "three writers, one opening" "a b c" "$(timeout 5 cat p | xargs)"
(for number in 1 2 3 4; do (seq 1000 | sed "s/^/$number /") & done; wait) > p & writers=$!
timeout 20 cat p > "$scratch/got" || fail "cat: exit $?"
ended 0 "four writers at once" $writers
sort -n "$scratch/got" > "$scratch/sorted"
for number in 1 2 3 4; do seq 1000 | sed "s/^/$number /"; done | sort -n > "$scratch/expected"
same_file "four writers at once, one opening" "$scratch/expected" "$scratch/sorted"
seq 4 > p
same "four readers, one opening" "1 2 3 4" \
    "$( (for n in 1 2 3 4; do dd bs=2 count=1 status=none; done) < p | xargs)"
