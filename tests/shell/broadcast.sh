# A broadcast pipe: three readers that wait for one writer get all that it writes; one that comes
# late gets what follows, and one that leaves holds up nobody.
# SEMANTICS: broadcast-each, broadcast-open, broadcast-end, broadcast-alone, attribute-settings
. "${0%/*}/expect.sh"
needs getfattr setfattr
touch news
setfattr -n user.pipefs.mode -v broadcast news
echo "nobody hears this" > news
readers=
for number in 1 2 3; do
    timeout 20 cat news > "$scratch/got$number" &
    readers="$readers $!"
done
until getfattr --only-values -n user.pipefs.state news | grep -q '"waiting_clients":3'; do
    sleep 0.05
done
numbers > news
for reader in $readers; do
    ended 0 "a reader, when the writer has closed" "$reader"
done
numbers > "$scratch/expected"
for number in 1 2 3; do
    same_file "reader $number has all of it" "$scratch/expected" "$scratch/got$number"
done

exec 3> news
timeout 20 cat news > "$scratch/early" 3>&- &
early=$!
timeout 20 head -n 1 news > "$scratch/short" 3>&- &
short=$!
for reader in "$early" "$short"; do
    # The reader itself is the child of `timeout`.
    until child=$(pgrep -P "$reader"); do sleep 0.05; done
    has_open "$child" news
done
echo first >&3
ended 0 "a reader that wants one line" "$short"
timeout 20 cat news > "$scratch/late" 3>&- &
late=$!
until child=$(pgrep -P "$late"); do sleep 0.05; done
has_open "$child" news
numbers >&3
exec 3>&-
ended 0 "the early reader" "$early"
ended 0 "the late reader" "$late"
(echo first; numbers) > "$scratch/expected"
same_file "the early reader has all" "$scratch/expected" "$scratch/early"
same "the short one has its line" first "$(cat "$scratch/short")"
numbers > "$scratch/expected"
same_file "the late one has what follows" "$scratch/expected" "$scratch/late"
