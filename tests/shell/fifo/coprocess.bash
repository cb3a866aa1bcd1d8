# A process that is asked again and again, through FIFOs held open: exec 3> in 4< out
# SEMANTICS: shared-reader-waits, read-available, shared-eof, close-unlink
. "${0%/*}/../expect.sh"
needs bc sed stdbuf python3

# start COMMAND...: its input is fd 3 and its output fd 4; nobody needs the names any more.
start() {
    mkfifo in out
    "$@" < in > out &
    exec 3> in 4< out
    rm in out
}

ask() {
    echo "$1" >&3
    read -r answer <&4
    echo "$1: $answer"
}

finish() {
    exec 3>&-
    same "no more comes" "" "$(cat <&4)"
    wait
    exec 4<&-
}

start bc -q
ask '6 * 7'
ask 'scale = 5; 22 / 7'
echo 'define f(x) { return (x ^ 2) }' >&3
for number in {1..30}; do ask "f($number)"; done
finish

start sed -u 's/a/A/g'
ask banana
ask 'no such vowel'
finish

start stdbuf -oL tr a-z A-Z
ask loud
ask louder
finish

start python3 -u -c 'import sys
for line in sys.stdin: print(len(line) - 1)'
ask hello
ask ''
finish
