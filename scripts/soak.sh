#!/bin/bash
# Runs the storm (tests/storm) for long, in release mode and with changing seeds: processes
# that use pipes in all ways while signals hit them. docs/RELIABILITY.md says what is looked at.
#
#   scripts/soak.sh [HOURS | --minutes N]
#
#   HOURS         how long, 8 if it is not given
#   --minutes N   the same in minutes
#
# Prints a line after each round: processes, signals, operations, what was verified. Ends at the
# first violation with exit status 1, and says which seed repeats it: PIPEFS_STORM_SEED=N.

set -eu
cd "$(dirname "$0")/.."

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    exit 2
}

case $# in
0) minutes=480 ;;
1) [[ $1 =~ ^[0-9]+$ ]] || usage && minutes=$((60 * $1)) ;;
2) [[ $1 == --minutes && $2 =~ ^[0-9]+$ ]] || usage && minutes=$2 ;;
*) usage ;;
esac

export PIPEFS_STORM_MINUTES=$minutes
export PIPEFS_STORM_SEED=${PIPEFS_STORM_SEED:-$(date +%s)}
echo "soak: $minutes minutes, PIPEFS_STORM_SEED=$PIPEFS_STORM_SEED"
if ! cargo test --release --locked --package pipefs-mount --test storm -- --exact --nocapture \
    a_storm_of_processes_and_signals_loses_nothing; then
    echo "soak: violations, see above"
    exit 1
fi
echo "soak: violations: 0"
