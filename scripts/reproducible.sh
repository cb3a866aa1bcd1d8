#!/bin/sh
# Builds a release of what is committed twice, in directories of different names and lengths, and
# compares the two programs bit for bit.
#
#   scripts/reproducible.sh
#
# Prints the program's SHA-256, and exits with 1 if the two differ. Whoever wants the same program
# needs the same toolchain (rustc --version) and the options that `build` sets here.
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT

# build DIRECTORY: of HEAD. No path of this machine gets into the program.
build() {
    mkdir -p "$1"
    git archive HEAD | tar -x -C "$1"
    registry=${CARGO_HOME:-$HOME/.cargo}
    (
        cd "$1"
        CARGO_TARGET_DIR=$1/target CARGO_INCREMENTAL=0 SOURCE_DATE_EPOCH=0 \
            RUSTFLAGS="--remap-path-prefix=$1=/pipefs --remap-path-prefix=$registry=/cargo" \
            cargo build --release --locked --quiet --package pipefs-mount --bin pipefs
    )
}

one=$work/one/target/release/pipefs
two=$work/another/directory/target/release/pipefs
build "$work/one"
build "$work/another/directory"
sha256sum "$one" "$two" | sed "s|$work/||"
if strings -a "$one" | grep -F -m 3 -e "$work" -e "$HOME/"; then
    echo "the program names directories of this machine"
    exit 1
fi
cmp "$one" "$two"
