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
echo text | tee text > "$scratch/text"
ends_with 1 "cmp -s sees another size" cmp -s text "$scratch/text"
echo text > text
timeout 5 cat text | cmp -s - "$scratch/text"
same "cat | cmp -s does not" 0 $?
echo 'echo sourced' > text
same "source of bash reads nothing" "" "$(timeout 5 bash -c '. ./text')"
echo 'int main(void) { return 0; }' > text
same "neither does the C compiler" "" "$(timeout 20 gcc -E -P -x c text)"
echo text > text
same "gzip: the right bytes" text "$(timeout 5 gzip -c text 2> "$scratch/said" | gunzip)"
same "gzip: and a complaint" "gzip: text: file size changed while zipping" "$(cat "$scratch/said")"
