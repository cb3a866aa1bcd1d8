# The example that must always work.
# SEMANTICS: example-greeting
. "${0%/*}/expect.sh"
ends_with 0 "echo returns at once" sh -c 'echo hello > greeting'
timeout 5 cat greeting > "$scratch/got" || fail "cat: exit $?"
printf 'hello\n' > "$scratch/expected"
same_file "cat prints hello, then end of file" "$scratch/expected" "$scratch/got"
waits "what was read is gone" cat greeting
