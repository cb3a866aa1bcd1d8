# Each `cat` gets one `echo`, whole, and the one that has been waiting longest first.
# SEMANTICS: instance-one-client, open-oldest-first
. "${0%/*}/expect.sh"
echo first > queue
echo second > queue
same "the first cat" first "$(timeout 5 cat queue)"
same "the second cat" second "$(timeout 5 cat queue)"
waits "a third cat" cat queue
