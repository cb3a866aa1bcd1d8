# exec 3<>f on a shared pipe holds both ends and never waits: the classic semaphore of scripts.
# SEMANTICS: shared-rdwr
. "${0%/*}/expect.sh"
mkfifo f
exec 3<> f
echo one >&3
echo two >&3
read -r line <&3
same "the first line" one "$line"
read -r line <&3
same "the second line" two "$line"
printf '...' >&3
exec 4>> "$scratch/log"
for number in 1 2 3 4 5 6 7 8 9; do
    token=$(timeout 20 dd bs=1 count=1 status=none <&3)
    same "a token" . "$token" > /dev/null
    (sleep 0.05; echo "$number" >&4; printf . >&3) &
done
wait
same "all jobs have run" 9 "$(wc -l < "$scratch/log")"
same "the tokens are back" ... "$(timeout 5 dd bs=3 count=1 status=none <&3)"
waits "then there is none" dd bs=1 count=1 status=none <&3
echo last >&3
same "another opening reads it, too" last "$(timeout 5 head -c 4 f)"
