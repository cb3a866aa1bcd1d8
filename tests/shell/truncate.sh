# truncate to 0 succeeds and discards nothing; other sizes are refused.
# SEMANTICS: file-truncate
. "${0%/*}/expect.sh"
needs truncate
echo text > p
ends_with 0 "truncate -s 0" truncate -s 0 p
same "what was there is still there" text "$(timeout 5 cat p)"
refused "Invalid argument" "truncate -s 5" truncate -s 5 p
echo one > p
echo two > p
same "> discards nothing" "one two" "$( (timeout 5 cat p; timeout 5 cat p) | xargs)"
