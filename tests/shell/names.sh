# Names: directories, 255 bytes, odd characters; no links.
# SEMANTICS: dir-names, dir-links, dir-tree
. "${0%/*}/expect.sh"
mkdir -p a/b/c
echo deep > a/b/c/d
same "nested directories" deep "$(timeout 5 cat a/b/c/d)"
refused "Not a directory" "a path below a pipe" touch a/b/c/d/e
refused "Is a directory" "cat of a directory" cat a
rm -r a
long=$(printf '%0255d' 0)
echo long > "$long"
same "255 bytes" long "$(timeout 5 cat "$long")"
refused "File name too long" "256 bytes" touch "${long}0"
rm "$long"
for name in 'with space' 'new
line' '*?[' 'back\slash' '"quoted"' "it's" 'a:b|c<d>' 'ünïcödé' '-dash' '#hash' '$dollar'; do
    echo "$name" > "./$name" || fail "cannot write [$name]"
    same "the name [$name]" "$name" "$(timeout 5 cat "./$name")"
done
same "all are listed" 11 "$(find . -type f -print0 | tr -dc '\0' | wc -c)"
echo lower > name
echo upper > NAME
same "capitals are letters of their own" "lower upper" "$(timeout 5 cat name NAME | xargs)"
refused "Operation not permitted" "ln" ln name other
refused "Operation not permitted" "ln -s" ln -s name other
