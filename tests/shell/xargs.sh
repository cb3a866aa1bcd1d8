# xargs takes its arguments from a pipe.
# SEMANTICS: open-oldest-first
. "${0%/*}/expect.sh"
needs xargs
echo a b c > words
same "xargs <" "a- b- c-" "$(timeout 5 xargs -n 1 printf '%s- ' < words | xargs)"
echo a b c > words
same "xargs -a" "3 words" "$(timeout 5 xargs -a words sh -c 'echo $# words' sh)"
touch x y z
ls | timeout 5 xargs rm
same "ls | xargs rm" "" "$(ls)"
seq 8 | timeout 20 xargs -P 4 -I N sh -c 'echo N > many'
same "xargs -P, one reader each" 36 \
    "$(seq 8 | timeout 20 xargs -P 4 -I N cat many | awk '{ sum += $1 } END { print sum }')"
