# What programs make of a regular file of size 0 that holds something, as those in /proc do.
# SEMANTICS: file-size, file-seek, limit-size-zero
. "${0%/*}/expect.sh"
printf 'a\nb\n' > text
same "head: the right lines" a "$(timeout 5 head -n 1 text 2> "$scratch/said")"
same "head: and a complaint" "head: text: cannot seek to relative offset -2: Illegal seek" \
    "$(cat "$scratch/said")"
echo text > text
same "tail -f: the right lines" text "$(timeout 5 tail -f text 2> "$scratch/said")"
grep -q "file truncated" "$scratch/said" || fail "tail -f said [$(cat "$scratch/said")]"
echo text > text
(echo more; sleep 0.3; echo later) > text &
same "cat | tail -f follows" "text more later" \
    "$( (timeout 5 cat text; timeout 5 cat text) | tail -n 9 -f | xargs)"
wait
echo text > text
same "cp reads nevertheless" text "$(cp text "$scratch/copy" && cat "$scratch/copy")"
same "find -empty" ./text "$(find . -type f -empty)"
