# set -C refuses `>` on an existing pipe, because it is a regular file; `>|` and `>>` write.
# SEMANTICS: limit-noclobber, create-excl
. "${0%/*}/expect.sh"
touch there
set -C
(echo text > there) 2> "$scratch/said" && fail "set -C let > pass"
grep -qi "exist" "$scratch/said" || fail "the shell said [$(cat "$scratch/said")]"
(echo text > new) || fail "set -C refused a missing name"
same "a new name" text "$(timeout 5 cat new)"
echo text >| there
same ">|" text "$(timeout 5 cat there)"
echo text >> there
same ">>" text "$(timeout 5 cat there)"
