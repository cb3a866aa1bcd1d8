# A server and a proxy of nc and a FIFO: nc -l < back | … > back
# SEMANTICS: poll-reader, shared-eof, shared-reader-waits
. "${0%/*}/../expect.sh"
needs nc

# port LOG: the one that nc has got, when it listens.
port() {
    until grep -qs '^Listening on' "$1"; do sleep 0.02; done
    sed -n 's/^Listening on .* //p' "$1"
}

# client PORT: what is written to fd 3 goes to the server, fd 4 is what comes from there.
client() {
    mkfifo ask answers
    nc -N 127.0.0.1 "$1" < ask > answers &
    exec 3> ask 4< answers
    rm ask answers
}

ask() {
    echo "$1" >&3
    read -r answer <&4
    echo "$1: $answer"
}

# nc ends when its client has no more to say, whatever is still to be answered.
hang_up() {
    exec 3>&-
    cat <&4
    exec 4<&-
    wait
}

mkfifo back
nc -v -l 127.0.0.1 0 < back 2> "$scratch/server" |
    tee "$scratch/asked" | sed -u 's/.*/You said: &/' > back &
client "$(port "$scratch/server")"
ask hello
ask world
hang_up
cat "$scratch/asked"
rm "$scratch/server"

# A proxy before the server keeps a copy of what comes back.
mkfifo there
nc -v -l 127.0.0.1 0 < back 2> "$scratch/server" | sed -u 's/$/ was it/' > back &
server=$(port "$scratch/server")
nc -v -l 127.0.0.1 0 < there 2> "$scratch/proxy" |
    nc -N 127.0.0.1 "$server" | tee "$scratch/copy" > there &
client "$(port "$scratch/proxy")"
ask "the first"
seq 5000 | sed 's/$/ was it/' > "$scratch/expected"
seq 5000 >&3 &
head -c "$(wc -c < "$scratch/expected")" <&4 > "$scratch/got"
same_file "the answers to many questions" "$scratch/expected" "$scratch/got"
hang_up
sed 1d "$scratch/copy" > "$scratch/got"
same_file "the proxy's copy" "$scratch/expected" "$scratch/got"
