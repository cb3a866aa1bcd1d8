# GNU make as client of a job server: make takes a byte from the FIFO for each job but its first,
# waits for one in pselect(2), and puts it back.
# SEMANTICS: shared-rdwr, wait-nonblock, poll-reader, shared-compete
. "${0%/*}/../expect.sh"
needs make
cat > "$scratch/Makefile" << 'END'
.PHONY: both one two 1 2 3 4 5 6 7 8
both: one two
one two: ; @+$(MAKE) -r -s -f $(MAKEFILE_LIST) 1 2 3 4 5 6 7 8
1 2 3 4 5 6 7 8: ; @echo begin >> $(LOG); sleep 0.2; echo end >> $(LOG)
END
LOG=$scratch/log
export LOG

# ran LEAST MOST: sixteen jobs, so many of them at once.
ran() {
    same "jobs that ran" 16 "$(grep -c end "$LOG")"
    most=$(awk '/begin/ { now++ } /end/ { now-- } now > most { most = now } END { print most }' \
        "$LOG")
    [ "$most" -ge "$1" ] && [ "$most" -le "$2" ] || fail "$most jobs ran at once"
    rm "$LOG"
}

mkfifo tokens
exec 3<> tokens
printf '+++' >&3
for client in one two; do
    MAKEFLAGS='-j --jobserver-auth=3,3' make -s -f "$scratch/Makefile" $client &
done
wait
# Three tokens, and a job of each make that needs none.
ran 3 5
printf '.' >&3
same "the tokens are back" '+++.' "$(timeout 5 head -c 4 tokens)"

# A make that is new enough makes the FIFO itself and tells its children the name.
case $(make --help) in
*--jobserver-style=*)
    TMPDIR=$PWD make -s -j 4 --jobserver-style=fifo -f "$scratch/Makefile"
    ran 3 4
    same "what is left" tokens "$(ls)"
    ;;
esac
