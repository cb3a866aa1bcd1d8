# find sees files and directories, and can read and delete them.
# SEMANTICS: dir-tree
. "${0%/*}/expect.sh"
needs find
mkdir -p a/b
touch one a/two a/b/three
same "-type f" "./a/b/three ./a/two ./one" "$(find . -type f | sort | xargs)"
same "-type p" "" "$(find . -type p)"
same "-type d" ". ./a ./a/b" "$(find . -type d | sort | xargs)"
same "-name" ./a/two "$(find . -name 'tw*')"
echo text > a/two
same "-exec" text "$(timeout 5 find . -name two -exec cat {} \;)"
touch -d @1000 one a/two
touch -d @2000 a/b/three
same "-newer" ./a/b/three "$(find . -type f -newer one)"
ends_with 0 "-delete" find . -mindepth 1 -delete
same "nothing is left" "" "$(ls -A)"
