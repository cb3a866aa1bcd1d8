# gzip NAME takes the text out of the pipe and leaves a pipe NAME.gz; gunzip NAME.gz goes back.
# SEMANTICS: file-regular
. "${0%/*}/expect.sh"
needs gzip gunzip
echo short > plain
ends_with 0 "gzip NAME" gzip plain
same "the name" plain.gz "$(ls)"
ends_with 0 "gunzip NAME" gunzip plain.gz
same "the name" plain "$(ls)"
same "the text" short "$(timeout 5 cat plain)"
