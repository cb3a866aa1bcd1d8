#!/bin/bash
# Checks everything that can be checked without Windows: what a person runs before a commit, and
# what continuous integration runs.
#
#   scripts/check.sh [--setup] [--quick]
#
#   --setup   first install what is missing (scripts/setup.sh)
#   --quick   without the main job, the longest of the tests, and without Windows
#
# The last line is `N passed, N failed, N skipped`: tests, and one for each other check. The exit
# status is 0 if nothing failed; with CI=true nothing may have been skipped either.

# Not -e: every check runs, whatever the ones before it said.
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/cargo-deny.sh

setup=false quick=false
for option; do
    case $option in
    --setup) setup=true ;;
    --quick) quick=true ;;
    *)
        sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
        exit 2
        ;;
    esac
done

# No check may take longer, not even the first build on a slow machine.
LIMIT=20m

passed=0 failed=0 skipped=0
summary=()
work=$(mktemp -d) || exit 1
log=$work/log
child=
trap 'rm -rf --one-file-system "$work"' EXIT
trap '[ -n "$child" ] && kill "$child"; exit 130' INT TERM

# What the checks mount lies in this directory, and what they start has this in its environment:
# by that it is found if it stays behind, and other pipefs on this machine do not count.
export TMPDIR=$work/tmp
mark=PIPEFS_CHECK_RUN=$work
export LC_ALL=C.UTF-8
mkdir -m 1777 "$TMPDIR" && chmod 755 "$work" || exit 1

# note WORD NAME: one line of the summary.
note() { summary+=("$(printf '%-8s %s (%d s)' "$1" "$2" $((SECONDS - started)))"); }

# run NAME COMMAND...: runs it without input, shows what it prints, and keeps that in $log.
run() {
    echo
    echo "== $1"
    started=$SECONDS
    shift
    : > "$log"
    timeout --kill-after=20 "$LIMIT" env "$mark" "$@" < /dev/null > "$log" 2>&1 &
    child=$!
    tail -n +1 -s 0.2 -f --pid="$child" "$log"
    wait "$child"
    local status=$?
    child=
    [ $status -ne 124 ] || echo "not finished within $LIMIT"
    return $status
}

# check NAME COMMAND...: something that either holds or not.
check() {
    if run "$@"; then
        passed=$((passed + 1))
        note ok "$1"
    else
        failed=$((failed + 1))
        note FAILED "$1"
    fi
}

# check_if TOOL NAME COMMAND...: the same, where a tool may be missing.
check_if() {
    if command -v "$1" > /dev/null; then
        check "${@:2}"
    else
        started=$SECONDS
        skipped=$((skipped + 1))
        note skipped "$2: no $1 here, see scripts/setup.sh"
    fi
}

# count_tests NAME COMMAND...: something that prints libtest's results. A test that could not run
# here says `skipped: ` on standard error and then passes as far as libtest knows. One that another
# test starts as a process of its own is ignored by libtest and not by us.
count_tests() {
    local status=0 ok bad ignored started_by_others gave_up
    run "$@" || status=$?
    read -r ok bad ignored < <(grep -o 'test result: .*' "$log" | awk '
        { for (i = 2; i <= NF; i++) n[$i] += $(i - 1) }
        END { print n["passed;"] + 0, n["failed;"] + 0, n["ignored;"] + 0 }')
    started_by_others=$(grep -c ' ignored, .* starts it$' "$log")
    ignored=$((ignored - started_by_others))
    gave_up=$(grep -cE '(^|\.\.\. )skipped: ' "$log")
    # It failed without a failed test: it did not build, crashed, or hung.
    [ $status -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    passed=$((passed + ok - gave_up))
    failed=$((failed + bad))
    skipped=$((skipped + ignored + gave_up))
    if [ $status -eq 0 ]; then
        note ok "$1: $((ok - gave_up)) passed, $((ignored + gave_up)) skipped"
    else
        note FAILED "$1: $bad failed, $ok passed"
    fi
}

# Mounts and processes of ours that are still there, after a moment to go.
leftovers() {
    local mounts processes
    for _ in {1..25}; do
        mounts=$(grep -F " $TMPDIR/" /proc/self/mountinfo)
        processes=$(grep -lsxzF "$mark" /proc/[0-9]*/environ | cut -d/ -f3 | paste -sd,)
        [ -z "$mounts$processes" ] && return 0
        sleep 0.2
    done
    [ -n "$mounts" ] && echo "still mounted:" && echo "$mounts"
    [ -n "$processes" ] && echo "still running:" && ps -o pid,ppid,stat,args -p "$processes"
    return 1
}

# Not by `run`: sudo may want to ask for a password.
if $setup && ! scripts/setup.sh; then
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
fi

check "rustfmt" cargo fmt --all --check
check_if shellcheck "shell scripts" shellcheck -x --source-path=SCRIPTDIR .ci/run scripts/*.sh
# These are what people type, so advice about style does not apply; they have no `#!` line.
check_if shellcheck "shell scripts of the tests" shellcheck -x --source-path=SCRIPTDIR \
    --shell=bash --severity=warning --exclude=SC1113,SC2096,SC2011,SC2034 \
    tests/shell/*.sh tests/shell/fifo/*
deny=$(cargo_deny)
fetch_advisories() {
    timeout 120 "$deny" --workspace --locked fetch db < /dev/null > /dev/null 2>&1
}
check_if "${deny:-cargo-deny}" "licences and sources of dependencies" \
    "$deny" --workspace --locked check bans licenses sources
if [ -n "$deny" ] && fetch_advisories; then
    check "known vulnerabilities" "$deny" --workspace --locked check --disable-fetch advisories
else
    summary+=("not run  known vulnerabilities: their database cannot be reached from here")
fi
check "clippy" cargo clippy --workspace --all-targets --locked -- -D warnings
# With private items: the maps in `lib.rs` and `mod.rs` lead to them, and their links count too.
RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" check "documentation" \
    cargo doc --workspace --no-deps --document-private-items --locked --quiet

if $quick; then
    # Targets are listed by hand, so the manifests say which there are.
    targets=$(sed -n '/^\[\[test\]\]/,/^$/s/^name = "\(.*\)"/--test \1/p' \
        Cargo.toml mount/Cargo.toml tests/costs/Cargo.toml tests/shuttle/Cargo.toml |
        grep -v main_job)
    # shellcheck disable=SC2086 # several words each
    count_tests "tests without the main job" \
        cargo test --workspace --locked --no-fail-fast --lib --bins $targets
    # cargo runs these with all targets or alone.
    count_tests "examples in the documentation" cargo test --workspace --locked --doc
else
    count_tests "tests" cargo test --workspace --locked --no-fail-fast
    if scripts/test-windows.sh tools > /dev/null 2>&1; then
        count_tests "Windows: lints, and tests under Wine" scripts/test-windows.sh
    else
        started=$SECONDS
        skipped=$((skipped + 1))
        note skipped "Windows: no compilers for it or no Wine here, see scripts/setup.sh"
    fi
fi
echo
echo "== nothing left behind"
started=$SECONDS
if leftovers; then
    passed=$((passed + 1))
    note ok "nothing left behind"
else
    failed=$((failed + 1))
    note FAILED "nothing left behind"
fi

echo
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && { [ "$skipped" -eq 0 ] || [ "${CI:-}" != true ]; }
