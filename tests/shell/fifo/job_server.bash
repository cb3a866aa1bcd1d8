# At most four jobs at once: a FIFO holds four tokens, a job takes one and puts its status back.
# SEMANTICS: shared-rdwr, close-unlink
. "${0%/*}/../expect.sh"

open_tokens() {
    mkfifo "tokens-$$"
    exec 3<> "tokens-$$"
    rm "tokens-$$"
    for ((count = 0; count < $1; count++)); do printf 000 >&3; done
}

take() {
    read -r -u 3 -n 3 status
    ((10#$status == 0)) || failed=$((failed + 1))
}

run() {
    take
    (
        "$@"
        printf %03d $? >&3
    ) &
}

job() {
    echo begin >> "$scratch/log"
    sleep 0.05
    echo end >> "$scratch/log"
    [ "$1" != 7 ]
}

failed=0
open_tokens 4
for number in {1..16}; do
    run job "$number"
done
for _ in {1..4}; do
    take
done
wait
same "jobs that ran" 16 "$(grep -c end "$scratch/log")"
same "jobs that failed" 1 $failed
most=$(awk '/begin/ { now++ } /end/ { now-- } now > most { most = now } END { print most }' \
    "$scratch/log")
[ "$most" -ge 2 ] && [ "$most" -le 4 ] || fail "$most jobs ran at once"
read -r -t 0 -u 3 && fail "a token was left over"
echo "at most 4 at once"
