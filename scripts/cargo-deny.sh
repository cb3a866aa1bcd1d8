# Sourced by the scripts here: which cargo-deny is used, and where it is.
# shellcheck shell=sh

# The version that setup.sh builds.
CARGO_DENY_VERSION=0.20.2

# Outside target/, so that `cargo clean` does not cost another build of it.
TOOLS="${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pipefs/cargo-deny-$CARGO_DENY_VERSION"

# Prints the path of cargo-deny, of whatever version; fails if there is none.
cargo_deny() {
    command -v cargo-deny || command -v "$TOOLS/bin/cargo-deny"
}
