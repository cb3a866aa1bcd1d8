# Raw video as programs pass it on: frames of one size, one after the other, without any mark.
# SEMANTICS: read-available, read-end-of-file, write-full
. "${0%/*}/../expect.sh"

# frames BYTES COUNT: each frame is made of a letter of its own.
frames() {
    frame=0
    while [ $frame -lt "$2" ]; do
        head -c "$1" /dev/zero | tr '\0' "\\$((101 + frame))"
        frame=$((frame + 1))
    done
}

# take BYTES COMMAND...: the frames of fd 3, each read by the command; prints their letters.
take() {
    bytes=$1
    shift
    while "$@" <&3 > "$scratch/frame" && [ -s "$scratch/frame" ]; do
        [ "$(wc -c < "$scratch/frame")" -eq "$bytes" ] || fail "the frame has another size"
        letter=$(tr -s A-Z < "$scratch/frame")
        [ ${#letter} -eq 1 ] || fail "the frame is mixed: [$letter]"
        printf %s "$letter"
    done
}

mkfifo video
frames 38400 7 > video &
exec 3< video
same "dd as consumer" ABCDEFG \
    "$(take 38400 dd bs=38400 count=1 iflag=fullblock status=none)"
frames 38400 7 | dd of=video bs=7001 status=none &
exec 3< video
same "head as consumer" ABCDEFG "$(take 38400 head -c 38400)"
# Larger than what the pipe holds.
frames 3110400 4 | dd of=video obs=3110400 status=none &
exec 3< video
same "large frames" ABCD \
    "$(take 3110400 dd bs=64K count=3110400 iflag=fullblock,count_bytes status=none)"
exec 3<&-
frames 1000 5 > video &
same "frames of the middle" CD \
    "$(dd if=video bs=1000 skip=2 count=2 iflag=fullblock status=none | tr -s A-Z)"
