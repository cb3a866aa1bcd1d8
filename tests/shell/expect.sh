# Sourced by every script here; each is called with the mount's directory as $1 and works in it.
# `$scratch` is an ordinary directory of the script's own. The harness kills what hangs.
set -u
mount=$1
shift
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$mount" || exit 1

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# same WHAT EXPECTED GOT
same() {
    [ "$2" = "$3" ] || fail "$1: expected [$2], got [$3]"
    echo "shown: $1"
}

# same_file WHAT EXPECTED-FILE GOT-FILE
same_file() {
    cmp "$2" "$3" >&2 ||
        fail "$1: expected $(wc -c < "$2") bytes, got $(wc -c < "$3"), see the difference above"
    echo "shown: $1"
}

# ends_with STATUS WHAT COMMAND...: the command ends by itself, with this exit status.
ends_with() {
    expected=$1 what=$2
    shift 2
    timeout 20 "$@"
    same "$what (exit status)" "$expected" $?
}

# refused MESSAGE WHAT COMMAND...: the command fails, and says this.
refused() {
    message=$1 what=$2
    shift 2
    timeout 20 "$@" 2> "$scratch/refusal"
    case $? in
    0) fail "$what: expected [$message], but it worked" ;;
    124) fail "$what: expected [$message], but it hung: [$(cat "$scratch/refusal")]" ;;
    esac
    grep -qF "$message" "$scratch/refusal" ||
        fail "$what: expected [$message], got [$(cat "$scratch/refusal")]"
    echo "shown: $what"
}

# waits WHAT COMMAND...: the command is still waiting after a while (and then goes away).
waits() {
    what=$1
    shift
    timeout 0.3 "$@" > "$scratch/waiting" 2>&1
    status=$?
    [ $status -eq 124 ] ||
        fail "$what: expected it to wait, it ended with $status: [$(cat "$scratch/waiting")]"
    [ -s "$scratch/waiting" ] &&
        fail "$what: expected it to wait, it printed [$(head -c 200 "$scratch/waiting")]"
    echo "shown: $what"
}

# ended STATUS WHAT PID: the background process has ended, or ends now, with this exit status.
ended() {
    wait "$3"
    same "$2 (exit status)" "$1" $?
}

# has_open PID NAME: waits until a process of ours has the pipe open.
has_open() {
    until readlink "/proc/$1/fd"/* | grep -q "/$2\$\|/$2 (deleted)\$"; do
        kill -0 "$1" 2> /dev/null || fail "process $1 has ended without opening $2"
        sleep 0.05
    done
}

needs() {
    for tool; do
        command -v "$tool" > /dev/null || fail "$tool is missing: run scripts/setup.sh"
    done
}

# A text that is longer than a pipe's capacity, about 2 MB.
numbers() {
    seq 300000
}
