# A reader of a pipe that has no instance waits for one.
# SEMANTICS: open-waits
. "${0%/*}/expect.sh"
touch late
timeout 20 cat late > "$scratch/got" &
reader=$!
sleep 0.3
kill -0 $reader 2> /dev/null || fail "cat did not wait"
same "nothing has been read yet" "" "$(cat "$scratch/got")"
echo here > late
ended 0 "cat" $reader
same "cat" here "$(cat "$scratch/got")"
