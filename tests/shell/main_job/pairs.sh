# 1,000 `echo` and `cat`, one after the other, on one name.
# SEMANTICS: instance-one-client
. "${0%/*}/../expect.sh"
number=0
while [ $number -lt 1000 ]; do
    number=$((number + 1))
    echo "text $number" > name
    got=$(cat name)
    [ "$got" = "text $number" ] || fail "pair $number: cat got [$got]"
done
same "all pairs have run" 1000 $number
same "nothing is left" 0 "$(stat -c %b name)"
waits "one more cat" cat name
