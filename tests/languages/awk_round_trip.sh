# awk writes pipes by redirection and reads them as files and with getline.
# SEMANTICS: example-greeting
. "${0%/*}/../shell/expect.sh"
needs awk
awk 'BEGIN { print "one" > "text"; print "two" > "text" }'
same "print >, a file of awk" 3 "$(timeout 5 awk '{ sum += NR } END { print sum }' text)"
awk 'BEGIN { print "appended" >> "text"; close("text"); print "and again" >> "text" }'
same "print >>" appended "$(timeout 5 cat text)"
same "after close()" "and again" "$(timeout 5 cat text)"
printf 'a\nb\n' > text
lines='BEGIN { while ((getline line < "text") > 0) printf "%s ", line; print "end" }'
same "getline <" "a b end" "$(timeout 5 awk "$lines")"
touch left right
numbers > left & first=$!
numbers > right & second=$!
same "two files that come later" 600000 "$(timeout 20 awk 'END { print NR }' left right)"
ended 0 "the first writer" $first
ended 0 "the second writer" $second
awk 'BEGIN { for (i = 0; i < 300000; i++) print i > "left" }' & writer=$!
same "many lines" 300000 "$(timeout 20 wc -l < left)"
ended 0 "awk" $writer
