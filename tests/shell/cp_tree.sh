# cp -r takes what waits in each pipe, and makes pipes of files.
# SEMANTICS: dir-tree
. "${0%/*}/expect.sh"
mkdir -p "$scratch/tree/inner"
echo one > "$scratch/tree/one"
echo two > "$scratch/tree/inner/two"
ends_with 0 "cp -r to the mount" cp -r "$scratch/tree" .
ends_with 0 "cp -r from the mount" cp -r tree "$scratch/copy"
ends_with 0 "the same tree" diff -r "$scratch/tree" "$scratch/copy"
same "the pipes are still there" "./tree/inner/two ./tree/one" "$(find . -type f | sort | xargs)"
