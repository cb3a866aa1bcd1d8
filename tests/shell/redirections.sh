# The shell's other ways to open a file.
# SEMANTICS: open-wronly, open-rdonly, close-empty
. "${0%/*}/expect.sh"
echo "from standard input" > a
same "cat < pipe" "from standard input" "$(timeout 5 cat < a)"
ls /nowhere 2> a
timeout 5 grep -q nowhere a || fail "2> did not catch the message"
ls /nowhere . > a 2>&1
same "> 2>&1 joins both" 1 "$(timeout 5 grep -c nowhere a)"
cat > a <<END
a here-document
END
same "a here-document" "a here-document" "$(timeout 5 cat a)"
: > a
same "a writer that writes nothing leaves nothing" 0 "$(stat -c %b a)"
echo one > a
echo two > b
same "two pipes at once" "one two" "$(timeout 5 cat a b | xargs)"
echo nested > a
same "a command substitution" nested "$(cat "$(timeout 5 cat a > b; echo b)")"
