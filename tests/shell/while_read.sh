# `while read` takes the lines one by one and ends with the writer.
# SEMANTICS: read-available
. "${0%/*}/expect.sh"
touch lines
{
    for number in 1 2 3; do
        echo "line $number"
        sleep 0.1
    done
} > lines &
count=0
while read -r word number; do
    count=$((count + 1))
    same "line $count" "line $count" "$word $number"
done < lines
same "the number of lines" 3 $count
wait
seq 5000 > lines &
count=0
while read -r number; do
    count=$((count + 1))
    [ "$number" = $count ] || fail "line $count is [$number]"
done < lines
same "many lines" 5000 $count
wait
