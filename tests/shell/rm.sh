# rm takes the name and what waits in it; open ends go on; waiting opens get ENOENT.
# SEMANTICS: close-unlink, dir-tree
. "${0%/*}/expect.sh"
echo text > gone
ends_with 0 "rm" rm gone
refused "No such file or directory" "cat after rm" cat gone
touch gone
waits "a new pipe of that name is empty" cat gone
timeout 20 cat gone 2> "$scratch/said" & reader=$!
sleep 0.3
rm gone
ended 1 "a reader that waited" $reader
grep -q "No such file or directory" "$scratch/said" || fail "cat said [$(cat "$scratch/said")]"
mkdir -p tree/inner
echo text > tree/one
touch tree/inner/two
refused "Directory not empty" "rmdir" rmdir tree
ends_with 0 "rm -r" rm -r tree
same "nothing is left" "" "$(ls -A)"
exec 3> open
exec 4< open
rm open
echo "still here" >&3
exec 3>&-
same "open ends go on" "still here" "$(timeout 5 cat <&4)"
