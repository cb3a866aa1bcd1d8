# awk gives a line as soon as it is there, and answers on another pipe.
# SEMANTICS: read-available
. "${0%/*}/../shell/expect.sh"
needs awk
interactive=
awk -W version < /dev/null 2>&1 | grep -q mawk && interactive="-W interactive"
touch question answer
timeout 20 awk $interactive '{ print "got " $0 > "answer"; fflush("answer") }' question &
answerer=$!
exec 3> question
echo one >&3
# awk opens its pipe with its first answer; until then this open waits.
exec 4< answer
for text in one two three; do
    [ $text = one ] || echo $text >&3
    read -r line <&4
    same "the answer" "got $text" "$line"
done
exec 3>&-
ended 0 "awk" $answerer
read -r line <&4 && fail "an answer too many: $line"
exit 0
