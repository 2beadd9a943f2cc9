# Sourced by tests/matrix and tests/packages: minimal Debian systems in folders, made by debootstrap.
# shellcheck shell=bash
# shellcheck source=tools/common.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../tools/common.sh"

declare -A wireshark=([bookworm]=4.0 [trixie]=4.4 [forky]=4.6)
roots=${BT_DONTHAVE_ROOTS:-/var/cache/bt-donthave/roots}

# become_root ARGUMENT...: runs the same command again, by sudo.
become_root() {
    command -v sudo >/dev/null || die "debootstrap and chroot need root, and there is no sudo"
    exec sudo env BT_DONTHAVE_ROOTS="$roots" "$(readlink -f "$0")" "$@"
}

# What could not be tested, and why.
summary=()

skip() { # SUITE REASON
    summary+=("SKIPPED: $1 (Wireshark ${wireshark[$1]:-unknown}): $2")
    say "${summary[-1]}"
}

# The Debian mirror that this machine's own packages come from.
mirror() {
    local release
    # shellcheck disable=SC1091
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v release="$release" '($1 == release || release == "") && $2 == "main" { print $3; exit }'
}

# make_root SUITE [NAME]: a minimal Debian in $roots/NAME (SUITE); complete or not there at all.
make_root() {
    local suite=$1 url script=$1 scripts=/usr/share/debootstrap/scripts place=$roots/${2:-$1}
    [ ! -d "$place" ] || return 0
    if ! command -v debootstrap >/dev/null; then
        if ! (install_packages debootstrap); then
            skip "$suite" "there is no debootstrap, and it cannot be installed"
            return 1
        fi
    fi
    url=$(mirror)
    if [ -z "$url" ]; then
        skip "$suite" "apt-get indextargets names no Debian mirror"
        return 1
    fi
    # An older debootstrap does not know the newest suites; they are made like sid.
    [ -e "$scripts/$suite" ] || script=sid
    say "making $place ..."
    rm -rf "$place.part"
    mkdir -p "$roots"
    if ! in_namespace debootstrap --variant=minbase --include=ca-certificates "$suite" "$place.part" "$url" \
        "$scripts/$script" >"$tmp/debootstrap.log" 2>&1; then
        skip "$suite" "debootstrap: $(grep -E '^(E|W): ' "$tmp/debootstrap.log" | tail -n 1 || tail -n 1 "$tmp/debootstrap.log")"
        rm -rf "$place.part"
        return 1
    fi
    mv "$place.part" "$place"
}

# in_namespace COMMAND...: what it mounts and starts is gone when it ends, whatever happens.
in_namespace() {
    unshare --mount --propagation private --pid --fork --kill-child -- "$@"
}

# copy_sources FOLDER [TAR OPTION...]: the source tree. 1: a file changed while it was read, which an editor may do at
# any time.
copy_sources() {
    local there=$1
    shift
    tar -C "$root" -c --exclude=./.git --exclude='./build*' --exclude=node_modules --exclude=__pycache__ "$@" . |
        tar -C "$there" -x --no-same-owner ||
        [ "${PIPESTATUS[*]}" = "1 0" ]
}
