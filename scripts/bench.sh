#!/bin/bash
# Measures pipefs beside mkfifo and beside a FUSE driver that does nothing, in release mode, and
# prints tables. What is measured and how: docs/BENCHMARKS.md.
#
#   scripts/bench.sh [--quick] [--write] [OPTION...]
#
#   --quick   a first look in less than two minutes
#   --write   put the tables into docs/BENCHMARKS.md
#   OPTION    of the benchmark itself, such as --blocks 64,1M or --only memory; --help lists them
#
# Exit status 0 if everything could be measured.

set -eu
cd "$(dirname "$0")/.."

options=()
for option; do
    case $option in
    --write) options+=(--write "$PWD/docs/BENCHMARKS.md") ;;
    *) options+=("$option") ;;
    esac
done

if ! version=$(git describe --always --dirty 2> /dev/null); then
    version=unversioned
fi
exec cargo bench --quiet --package pipefs-mount --bench throughput -- \
    --label "$(date --utc +%F), $version" "${options[@]}"
