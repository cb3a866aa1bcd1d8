# 200 writers and 200 readers at once on one name: each `cat` gets exactly one writer's text.
# SEMANTICS: instance-one-client, write-atomic
. "${0%/*}/../expect.sh"
touch name
mkdir "$scratch/got"
number=0
while [ $number -lt 200 ]; do
    number=$((number + 1))
    cat name > "$scratch/got/$number" &
    (echo "begin $number"; seq "$number" "$((number + 500))"; echo "end $number") > name &
done
wait
number=0
while [ $number -lt 200 ]; do
    number=$((number + 1))
    # The text tells which writer's it is; then all of it must be that writer's.
    writer=$(sed -n '1s/^begin //p' "$scratch/got/$number")
    [ -n "$writer" ] || fail "cat $number got [$(head -c 200 "$scratch/got/$number")]"
    (echo "begin $writer"; seq "$writer" "$((writer + 500))"; echo "end $writer") |
        cmp - "$scratch/got/$number" >&2 || fail "cat $number: not the whole text of $writer"
    echo "$writer" >> "$scratch/writers"
done
seq 200 > "$scratch/expected"
sort -n "$scratch/writers" > "$scratch/sorted"
same_file "each writer's text has come once" "$scratch/expected" "$scratch/sorted"
same "nothing is left" 0 "$(stat -c %b name)"
waits "one more cat" cat name
