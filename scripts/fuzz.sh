#!/bin/sh
# Looks for inputs that break pipefs, for as long as it is told: tests/fuzz.
#
#   scripts/fuzz.sh [--minutes N] [--seed N] [--coverage] [TARGET...]
#
#   --minutes N   how long, for each target (60)
#   --seed N      other changes (a new seed each time)
#   --coverage    by cargo-fuzz, which keeps what reaches new code; needs it and a nightly toolchain
#   TARGET        requests, wire or text; all of them if none is given
#
# Ends with status 1 at the first input that breaks something, and says where that is.
set -eu
cd "$(dirname "$0")/.."

minutes=60 coverage=false seed=$(date +%s)
while [ $# -gt 0 ]; do
    case $1 in
    --minutes) minutes=$2 && shift 2 ;;
    --seed) seed=$2 && shift 2 ;;
    --coverage) coverage=true && shift ;;
    requests | wire | text) break ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
        exit 2
        ;;
    esac
done
[ $# -gt 0 ] || set -- requests wire text

if $coverage; then
    for target; do
        # New inputs go to a directory of their own; what is worth it is added to the corpus.
        found=${TMPDIR:-/tmp}/pipefs-fuzz-$target
        mkdir -p "$found"
        cargo +nightly fuzz run --fuzz-dir tests/fuzz "$target" "$found" \
            "tests/fuzz/corpus/$target" -- -max_len=4096 -timeout=60 -seed="$seed" \
            -max_total_time=$((minutes * 60))
    done
    exit
fi
echo "seed $seed"
for target; do
    case $target in
    requests) test=requests_of_a_strange_kernel ;;
    wire) test=structures_on_the_wire ;;
    *) test=text_and_names ;;
    esac
    PIPEFS_SEED=$seed PIPEFS_FUZZ_MINUTES=$minutes \
        cargo test --release --package pipefs-mount --lib -- "fuzz::runs::$test"
done
