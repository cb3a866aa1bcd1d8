#!/bin/bash
# Checks and tests the Windows build on Linux. Debian 12; docs/TESTING.md says what that proves.
#
#   scripts/test-windows.sh [--setup] [PART [FILTER...]]
#
#   --setup   first install what is missing (about 300 MB of packages)
#   PART      only this: `lint`; `engine-lib` or `driver-lib`, the unit tests; a test target by its
#             name, as `engine`, `model` or `winfsp`; `run`, the command itself; or `tools`:
#             nothing, but fail if what the other parts need is not installed
#   FILTER    what the test program is given: names of tests, or libtest's options;
#             the command's arguments
#
# Without PART everything: clippy with warnings denied for x86_64-pc-windows-msvc, which is what is
# shipped (linking it would need Microsoft's linker); and the tests, built for
# x86_64-pc-windows-gnu and run under Wine. Prints libtest's results; the exit status is 0 if
# nothing failed. PIPEFS_WINE_SECONDS is how long one test program may take, 300 if not set.
# PIPEFS_RUNS=500 runs one PART so often, and stops at the first failure: `winfsp` is for that.

set -eu
cd "$(dirname "$0")/.."

# Debian has std's sources with this compiler and no std for Windows, so std is built as well.
PACKAGES="rustc-web cargo-web rust-web-src rust-web-clippy gcc-mingw-w64-x86-64-win32 wine64"
BUILD_STD=build-std=std,panic_unwind,test
GNU=x86_64-pc-windows-gnu
BUILD="-Z $BUILD_STD --target $GNU --locked"
MSVC=x86_64-pc-windows-msvc
WINE=/usr/lib/wine/wine64
WINESERVER=/usr/lib/wine/wineserver64
ENGINE_TESTS="engine library model"
DRIVER_TESTS="conformance winfsp"

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    exit 2
}

say() { echo "test-windows: $*"; }

setup() {
    local missing=()
    for package in $PACKAGES; do
        dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q ' installed$' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -ne 0 ] || return 0
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    local install=(apt-get install -y --no-install-recommends "${missing[@]}")
    [ "$(id -u)" -eq 0 ] || install=(sudo "${install[@]}")
    "${install[@]}" < /dev/null > /dev/null 2>&1 || {
        "${install[@]/install/update}" < /dev/null > /dev/null 2>&1 || true
        "${install[@]}" < /dev/null
    }
}

case ${1:-} in
--setup)
    shift
    setup
    ;;
-*) usage ;;
esac
part=${1:-all}
[ $# -eq 0 ] || shift

for tool in /usr/bin/cargo-clippy x86_64-w64-mingw32-gcc "$WINE"; do
    command -v "$tool" > /dev/null || {
        say "there is no $tool: run this with --setup" >&2
        exit 1
    }
done

[ "$part" != tools ] || exit 0

# Debian's own, whatever toolchain the user has: cargo looks for its subcommands in PATH, too.
export PATH=/usr/bin:$PATH CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
export RUSTC_BOOTSTRAP=1
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS RUSTC_WRAPPER RUSTUP_TOOLCHAIN
work=$PWD/target/windows
export CARGO_TARGET_DIR=$work
mkdir -p "$work/stub"

# The crate brings the DLL and its import library. Its feature `docsrs` takes bindings that are
# checked in, instead of making them with libclang.
DOCSRS="--features winfsp-sys/docsrs"
winfsp=$("$CARGO" metadata --locked --format-version 1 --filter-platform $GNU |
    jq -r '.packages[] | select(.name == "winfsp-sys").manifest_path')
winfsp=$(dirname "$winfsp")/winfsp

lint() {
    say "clippy for $MSVC"
    # shellcheck disable=SC2086 # several words each
    cargo-clippy clippy -Z "$BUILD_STD" --target $MSVC --locked -p pipefs --all-targets \
        -- -D warnings
    # shellcheck disable=SC2046,SC2086
    cargo-clippy clippy -Z "$BUILD_STD" --target $MSVC --locked -p pipefs-mount $DOCSRS \
        --lib --bins $(targets $DRIVER_TESTS) -- -D warnings
}

# targets NAME...: the arguments that make cargo take these test targets.
targets() { [ $# -eq 0 ] || printf -- '--test %s ' "$@"; }

# What the programs need to run: a prefix of their own, and a DLL that Wine 8 does not have and
# std imports.
prepare_wine() {
    export WINEPREFIX=$work/prefix WINEDEBUG=-all DISPLAY=
    export WINEPATH="Z:${work//\//\\}\\stub;Z:${winfsp//\//\\}\\bin"
    trap '"$WINESERVER" -k || true' EXIT
    if [ ! -e "$work/stub/bcryptprimitives.dll" ]; then
        x86_64-w64-mingw32-gcc -shared -O2 -o "$work/stub/bcryptprimitives.dll" -x c - -ladvapi32 \
            << 'END'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG); /* RtlGenRandom */
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T left) {
    while (left > 0) {
        ULONG count = left > 0x1000000 ? 0x1000000 : (ULONG)left;
        if (!SystemFunction036(bytes, count)) return FALSE;
        bytes += count;
        left -= count;
    }
    return TRUE;
}
END
    fi
    if [ ! -e "$WINEPREFIX/system.reg" ]; then
        say "making a Wine prefix"
        # It complains of what is not installed, as a browser; whether it works is seen below.
        timeout --kill-after=10 180 "$WINE" wineboot -i > /dev/null 2>&1 || true
    fi
    # The model's cases are not Windows' in particular: a tenth of them.
    export PIPEFS_CASES=${PIPEFS_CASES:-1500}
    local limit=${PIPEFS_WINE_SECONDS:-300}
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER="timeout --kill-after=10 $limit $WINE"
    local flags="-Lnative=$winfsp/lib -Clink-arg=-lwinfsp-x64"
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUSTFLAGS=$flags
}

# engine ARGUMENT... and driver ARGUMENT...: cargo test of that package.
# shellcheck disable=SC2086 # several words each
engine() { "$CARGO" test --no-fail-fast $BUILD -p pipefs "$@" < /dev/null; }
# shellcheck disable=SC2086
driver() { "$CARGO" test --no-fail-fast $BUILD -p pipefs-mount $DOCSRS "$@" < /dev/null; }

case $part in
lint)
    lint
    exit
    ;;
esac
prepare_wine
# shellcheck disable=SC2086
case $part in
all)
    lint
    status=0
    # shellcheck disable=SC2046,SC2086 # several words each
    engine --lib $(targets $ENGINE_TESTS) || status=1
    # shellcheck disable=SC2046,SC2086
    driver --lib --bins $(targets $DRIVER_TESTS) || status=1
    exit $status
    ;;
run) "$CARGO" run --quiet $BUILD -p pipefs-mount $DOCSRS -- "$@" ;;
engine-lib) engine --lib -- "$@" ;;
driver-lib) driver --lib --bins -- "$@" ;;
*)
    package=driver
    case " $ENGINE_TESTS " in *" $part "*) package=engine ;; esac
    for ((run = 1; run <= ${PIPEFS_RUNS:-1}; run++)); do
        [ "${PIPEFS_RUNS:-1}" -eq 1 ] || say "run $run of $PIPEFS_RUNS"
        $package --test "$part" -- "$@"
    done
    ;;
esac
