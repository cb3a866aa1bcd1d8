# bash: process substitution and pipelines around pipes on the mount.
# SEMANTICS: open-waits
. "${0%/*}/expect.sh"
echo text > p
same "cat <(cat pipe)" text "$(timeout 5 cat <(cat p))"
echo text | tee >(cat > p) > /dev/null
same "tee >(cat > pipe)" text "$(timeout 5 cat p)"
printf 'b\na\n' > p
ends_with 0 "diff <(sort pipe) file" diff <(sort p) <(printf 'a\nb\n')
coproc timeout 20 cat p
echo "to the coprocess" > p
read -r line <&"${COPROC[0]}"
same "coproc" "to the coprocess" "$line"
mapfile -t lines < <(printf 'x\ny\n' > p; timeout 5 cat p)
same "mapfile" "x,y" "${lines[0]},${lines[1]}"
echo whole > p
same '$(<pipe)' whole "$(<p)"
