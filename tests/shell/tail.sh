# tail reads a pipe to its end.
# SEMANTICS: file-seek
. "${0%/*}/expect.sh"
seq 100 > text
same "tail -n 2" "99 100" "$(timeout 5 tail -n 2 text | xargs)"
seq 100 > text
same "tail -n +99" "99 100" "$(timeout 5 tail -n +99 text | xargs)"
seq 100 > text
same "tail -c 4" 100 "$(timeout 5 tail -c 4 text)"
numbers > text & writer=$!
same "tail of a long text" 300000 "$(timeout 20 tail -n 1 text)"
ended 0 "the writer" $writer
numbers > text & writer=$!
same "tail -c of a long text" 300000 "$(timeout 20 tail -c 7 text)"
ended 0 "the writer" $writer
