# gzip and gunzip at both ends.
# SEMANTICS: close-drains
. "${0%/*}/expect.sh"
needs gzip gunzip zcat
numbers > "$scratch/numbers"
touch packed plain
gzip -c "$scratch/numbers" > packed & writer=$!
timeout 20 gunzip -c < packed > "$scratch/got" || fail "gunzip < pipe: exit $?"
ended 0 "gzip > pipe" $writer
same_file "gzip > pipe, gunzip < pipe" "$scratch/numbers" "$scratch/got"
cat "$scratch/numbers" > plain & writer=$!
timeout 20 gzip < plain > packed & middle=$!
timeout 20 zcat < packed > "$scratch/got" || fail "zcat: exit $?"
ended 0 "cat > pipe" $writer
ended 0 "gzip < pipe > pipe" $middle
same_file "gzip < pipe > pipe" "$scratch/numbers" "$scratch/got"
echo short > plain
same "gzip -c NAME" short "$(timeout 5 gzip -c plain | gunzip)"
echo short | gzip > packed.gz
same "gunzip -c NAME" short "$(timeout 5 gunzip -c packed.gz)"
