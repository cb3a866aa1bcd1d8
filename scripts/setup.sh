#!/bin/sh
# Installs what building and checking pipefs needs and this machine lacks. Debian and its kin.
#
#   scripts/setup.sh [--users]
#
#   --users   also let ordinary users mount, with allow_other too: /dev/fuse gets mode 0666 (as it
#             has where there is udev) and /etc/fuse.conf the line user_allow_other. The tests do
#             not need it when root runs them.
#
# Quick when nothing is missing. Rust itself comes from https://rustup.rs: not installed here.
set -eu
cd "$(dirname "$0")/.."
. scripts/cargo-deny.sh

users=false
case "$*" in
'') ;;
--users) users=true ;;
*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac

say() { echo "setup: $*"; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        say "must be root for this, and there is no sudo: $*" >&2
        exit 1
    fi
}

# What is used, and the package that brings it: only what is missing is installed.
missing=
while read -r tool package; do
    command -v "$tool" > /dev/null || missing="$missing $package"
done << END
bc bc
c++ g++
fusermount3 fuse3
gcc gcc
getfattr attr
git git
go golang-go
gzip gzip
jq jq
make make
nc netcat-openbsd
node nodejs
patch patch
perl perl
pgrep procps
pv pv
python3 python3
script bsdutils
shellcheck shellcheck
strace strace
END
[ -e /usr/include/stdlib.h ] || missing="$missing libc6-dev"

if [ -n "$missing" ]; then
    say "installing$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086 # one word for each package
    set -- apt-get install -y --no-install-recommends $missing
    # The package lists may be missing or too old: then fetch them and try again.
    as_root "$@" < /dev/null > /dev/null 2>&1 || {
        as_root apt-get update < /dev/null
        as_root "$@" < /dev/null
    }
fi

# fusermount3 looks for mounts there; a system made by debootstrap alone has none.
if [ ! -e /etc/mtab ]; then
    say "linking /etc/mtab to /proc/self/mounts"
    as_root ln -s ../proc/self/mounts /etc/mtab
fi

if ! command -v cargo > /dev/null; then
    say "there is no cargo: install Rust from https://rustup.rs and run this again" >&2
    exit 1
fi
for component in rustfmt clippy; do
    case $component in
    rustfmt) cargo fmt --version > /dev/null 2>&1 && continue ;;
    clippy) cargo clippy --version > /dev/null 2>&1 && continue ;;
    esac
    say "adding $component to the Rust toolchain"
    rustup component add "$component"
done

scripts/test-windows.sh --setup tools

if ! cargo_deny > /dev/null; then
    say "building cargo-deny $CARGO_DENY_VERSION into $TOOLS (a minute or two, once)"
    # It runs for a second: a quick build is worth more than a quick program.
    CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        cargo install --quiet --locked --root "$TOOLS" --version "$CARGO_DENY_VERSION" cargo-deny
fi

if [ ! -e /dev/fuse ]; then
    say "no /dev/fuse: load the module (modprobe fuse), or give the container the device" >&2
elif $users; then
    say "letting ordinary users open /dev/fuse and mount with allow_other"
    as_root chmod 0666 /dev/fuse
    grep -qsx user_allow_other /etc/fuse.conf ||
        echo user_allow_other | as_root tee -a /etc/fuse.conf > /dev/null
elif [ ! -r /dev/fuse ] || [ ! -w /dev/fuse ]; then
    say "you may not open /dev/fuse, so you cannot mount; scripts/setup.sh --users changes that"
fi
say "everything is there"
