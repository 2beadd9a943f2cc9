# Sourced by the commands of this folder: messages, Debian packages, the build, tshark as a user who may load
# plugins. Sets `root`, the top of the source tree.
# shellcheck shell=bash

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
command_name=${command_name:-tools/$(basename "$0")}

# As sysexits.h's EX_TEMPFAIL.
exit_no_network=75

packages_to_build=(tshark wireshark-dev libglib2.0-dev libgcrypt20-dev cmake ninja-build gcc libc6-dev pkg-config)
packages_to_fuzz=(clang libclang-rt-dev)
packages_to_format=(clang-format-14)
packages_to_package=(file dpkg-dev)
packages_to_decode_many=(wireshark-common python3-distributed python3-cryptography)
packages_to_benchmark=(python3 python3-matplotlib valgrind "${packages_to_decode_many[@]}")
packages_to_test=(python3 python3-pytest python3-cryptography binutils lintian strace valgrind "${packages_to_package[@]}"
    "${packages_to_decode_many[@]}")
# What tests/live starts. node and npm need not come from Debian.
packages_to_test_live=(python3-libtorrent transmission-cli iproute2 util-linux)
command -v node >/dev/null || packages_to_test_live+=(nodejs)
command -v npm >/dev/null || packages_to_test_live+=(npm)
# What the live tests take from the roots of tests/matrix.
packages_of_other_peers=(python3-libtorrent)

say() {
    echo "$command_name: $*" >&2
}

die() {
    say "$*"
    exit 1
}

# work_folder: a new temporary folder, removed at exit. Root's is open to the user that as_tshark_user becomes.
work_folder() {
    if [ "$(id -u)" -eq 0 ]; then
        tmp=$(mktemp -d /tmp/lt_donthave.XXXXXX) || die "cannot make a temporary folder in /tmp"
        mkdir "$tmp/home"
        chmod 711 "$tmp"
        chown 65534:65534 "$tmp/home"
    else
        tmp=$(mktemp -d) || die "cannot make a temporary folder in ${TMPDIR:-/tmp}"
        mkdir "$tmp/home"
    fi
    trap 'rm -rf "$tmp"' EXIT
}

# missing_packages PACKAGE...: those that are not installed, one a line.
missing_packages() {
    local installed package
    if command -v dpkg-query >/dev/null; then
        # dpkg-query fails if it does not know one of them.
        installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
        for package in "$@"; do
            grep -qxF -- "installed $package" <<<"$installed" || echo "$package"
        done
    else
        # Not Debian: ask for the commands; CMake reports missing development files.
        command -v tshark >/dev/null || echo tshark
        command -v cmake >/dev/null || echo cmake
        command -v ninja >/dev/null || echo ninja-build
        command -v cc >/dev/null || echo gcc
        command -v pkg-config >/dev/null || echo pkg-config
    fi
}

# install_packages PACKAGE...: installs what is missing; without network and without a wait if nothing is.
install_packages() {
    local missing become_root=() apt log reason
    mapfile -t missing < <(missing_packages "$@")
    if [ ${#missing[@]} -gt 0 ]; then
        command -v apt-get >/dev/null ||
            die "cannot go on without ${missing[*]}, and there is no apt-get here to install that with"
        if [ "$(id -u)" -ne 0 ]; then
            command -v sudo >/dev/null ||
                die "cannot go on without ${missing[*]}: run 'apt-get install ${missing[*]}' as root (no sudo here)"
            become_root=(sudo)
            sudo true || die "cannot go on without ${missing[*]}, and sudo does not let you install that"
        fi
        say "installing ${missing[*]} ..."
        log=$tmp/apt.log
        apt=("${become_root[@]}" env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300)
        # A source that fails need not be the one that has our packages: the installation decides.
        "${apt[@]}" update </dev/null >"$log" 2>&1 || true
        if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >>"$log" 2>&1; then
            if grep -qE 'Failed to fetch|Could not (resolve|connect)|Temporary failure|Unable to connect' "$log"; then
                say "cannot install ${missing[*]}: no network, or the package mirror does not answer"
                exit "$exit_no_network"
            fi
            reason=$(grep -E '^E: ' "$log" | tail -n 1)
            die "cannot install ${missing[*]}: ${reason:-$(tail -n 1 "$log")}"
        fi
    fi
    command -v tshark >/dev/null || die "the package tshark is installed, but there is no tshark in PATH ($PATH)"
}

# build_folder: sets `build`: build/ in the source tree, or a folder in the user's cache where that is not writable.
build_folder() {
    build=$root/build
    if [ -d "$build" ]; then
        # Also a build of another user: what is inside could not be overwritten.
        [ -z "$(find "$build" ! -writable ! -type l -print -quit 2>&1)" ] && return
    elif [ -w "$root" ]; then
        return
    fi
    local cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}
    build=$cache/lt_donthave/$(sha256sum <<<"$root" | cut -c 1-16)
    mkdir -p "$build" 2>/dev/null || die "cannot write to $root/build, nor to $cache"
}

# without_werror [CMAKE OPTION...]: builds again without warnings as errors, where these options did not ask for that
# but an earlier tools/test did.
without_werror() {
    [[ " $* " != *BT_DONTHAVE_WERROR* ]] && grep -qx 'BT_DONTHAVE_WERROR:BOOL=ON' "$cache" &&
        cmake -S "$root" -B "$build" -DBT_DONTHAVE_WERROR=OFF 9>&- >/dev/null 2>&1 &&
        cmake --build "$build" --target "$target" 9>&- >"$log" 2>&1
}

# build_project TARGET [CMAKE OPTION...]: configures and builds; quiet when all is well.
build_project() {
    local target=$1 log cache
    shift
    build_folder
    mkdir -p "$build"
    log=$build/build.log
    cache=$build/CMakeCache.txt
    # Two commands at the same time build one after the other.
    exec 9>"$build/.lock"
    flock 9
    # A tree that was moved or copied: its old build folder does not fit.
    if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache"; then
        rm -rf "$cache" "$build/CMakeFiles"
    fi
    [ -f "$cache" ] || set -- -G Ninja "$@"
    [ -f "$build/build.ninja" ] || say "building in $build ..."
    if ! cmake -S "$root" -B "$build" "$@" 9>&- >"$log" 2>&1; then
        cat "$log" >&2
        die "CMake could not configure the build; its output is above and in $log"
    fi
    if ! cmake --build "$build" --target "$target" 9>&- >"$log" 2>&1 && ! without_werror "$@"; then
        grep -v '^\[[0-9/]*\] \(Building\|Linking\)' "$log" >&2 || true
        die "the build failed; the compiler's output is above and in $log"
    fi
    exec 9>&-
}

# as_tshark_user COMMAND...: runs it as a user for whom tshark loads plugins, which for root it silently does not,
# and without anybody's personal settings and plugins.
as_tshark_user() {
    local become=()
    if [ "$(id -u)" -eq 0 ]; then
        become=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    fi
    "${become[@]}" env -u XDG_CONFIG_HOME -u XDG_DATA_HOME -u WIRESHARK_CONFIG_DIR HOME="$tmp/home" "$@"
}
