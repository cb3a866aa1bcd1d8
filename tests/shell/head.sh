# head stops early: the writer learns it.
# SEMANTICS: close-client
. "${0%/*}/expect.sh"
printf 'a\nb\nc\n' > text
same "head -n 2" "a b" "$(timeout 5 head -n 2 text 2> "$scratch/said" | xargs)"
# head knows that it read too much of a regular file, tries to go back, and says that it cannot.
grep -q "Illegal seek" "$scratch/said" || [ ! -s "$scratch/said" ] || fail "$(cat "$scratch/said")"
waits "what head left unread is discarded" cat text
echo 0123456789 > text
same "head -c" 01234 "$(timeout 5 head -c 5 text)"
yes > text 2> "$scratch/said" & writer=$!
same "head on an endless text" "y y y" "$(timeout 5 head -n 3 text 2> /dev/null | xargs)"
wait $writer && fail "yes ended well"
grep -q "Broken pipe" "$scratch/said" || fail "yes said [$(cat "$scratch/said")]"
