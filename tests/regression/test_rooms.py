"""The rooms of plugin/, and who may know whom: read from the #include lines.

    core/           pure: C11, GLib and wmem; of its extensions each has a folder of its own, which nothing else of core/ names
    peer/           Wireshark's packets, trees and ports; knows core/, but no transport and no extension
    transport/      knows core/ and peer/
    extensions/     knows core/ and peer/
    plugin.c        the only file that names them all

No circle of files anywhere.
"""

import re

import pytest

from tshark import ROOT

PLUGIN = ROOT / "plugin"
FILES = sorted(path for path in PLUGIN.rglob("*") if path.suffix in (".c", ".h"))

# Whom the files of a room may include. An extension's folder in core/ is a room of its own.
MAY_KNOW = {
    "core": {"core"},
    "core/donthave": {"core", "core/donthave"},
    "peer": {"core", "peer"},
    "transport": {"core", "peer", "transport"},
    "extensions": {"core", "core/donthave", "peer", "extensions"},
    "": {"peer", "transport", "extensions"},
}


def includes(path, brackets):
    """What a file includes: of our own, or (brackets) of others."""
    opens, closes = "<>" if brackets else '""'
    return re.findall(rf"(?m)^\s*#\s*include\s*{opens}([^{closes}]+){closes}", path.read_text())


def name(path):
    return path.relative_to(PLUGIN).as_posix()


def room(name):
    return "" if "/" not in name else name.rpartition("/")[0]


def forbidden(files):
    """The arrows that are not allowed. `files`: {name: what it includes}."""
    return [f"{user} -> {used}" for user, all_used in files.items() for used in all_used
            if room(used) not in MAY_KNOW[room(user)]]


def circle(files):
    """The files of a circle, or None. A .c file is where its .h is: what one of them includes, both need."""
    needs = {}
    for user, all_used in files.items():
        needs.setdefault(user[:-2], set()).update(used[:-2] for used in all_used if used[:-2] != user[:-2])
    done = set()

    def walk(one, path):
        if one in path:
            return [*path[path.index(one):], one]
        if one in done:
            return None
        for used in sorted(needs.get(one, ())):
            found = walk(used, [*path, one])
            if found:
                return found
        done.add(one)
        return None

    return next(filter(None, (walk(one, []) for one in sorted(needs))), None)


OURS = {name(path): includes(path, brackets=False) for path in FILES}



def test_every_file_has_a_room():
    assert {room(one) for one in OURS} == set(MAY_KNOW)


def test_includes_are_found():
    """Each include of ours names a file of plugin/, by its room."""
    assert {used for all_used in OURS.values() for used in all_used} <= set(OURS)


def test_arrows():
    assert forbidden(OURS) == []


def test_no_circle():
    headers = {user: used for user, used in OURS.items() if user.endswith(".h")}
    assert circle(headers) is None


def test_no_circle_of_pairs():
    """A .c file and its .h are one: also what the source alone includes makes no circle."""
    assert circle(OURS) is None


def test_core_is_pure():
    for path in FILES:
        if room(name(path)).startswith("core"):
            assert [used for used in includes(path, brackets=True) if used.startswith("epan/")] == [], name(path)


def test_core_names_no_extension():
    """Nothing outside the folder of an extension knows its name."""
    for path in FILES:
        if room(name(path)) in ("core", "peer", "transport") and name(path) != "core/extension_handshake.h":
            text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
            assert re.findall(r"(?i)(?<!base_)donthave", text) == [], name(path)


def test_only_one_file_asks_for_a_version():
    asking = [name(path) for path in FILES if re.search(r"WIRESHARK_VERSION_|WS_AT_LEAST", path.read_text())]
    assert asking == ["peer/ws_compat.h", "plugin.c"]


def test_a_transport_is_known_by_its_own_files():
    """What is made for WebRTC: its pair of files in transport/, and the pure readers that this pair alone uses. plugin.c starts
    it, and nothing else names it."""
    own = re.compile(r"core/(sctp_\w+|data_channel\w*)\.[ch]|transport/transport_webrtc\.[ch]")
    naming = {name(path) for path in FILES if re.search(r"(?i)webrtc|sctp|dtls|data_channel", path.read_text())}
    assert {one for one in naming if not own.fullmatch(one)} == {"plugin.c"}
    assert [(user, used) for user, all_used in OURS.items() for used in all_used
            if own.fullmatch(used) and not own.fullmatch(user)] == [("plugin.c", "transport/transport_webrtc.h")]


@pytest.mark.parametrize("files, arrows", [
    ({"core/a.h": ["peer/b.h"]}, ["core/a.h -> peer/b.h"]),
    ({"peer/a.c": ["transport/b.h"]}, ["peer/a.c -> transport/b.h"]),
    ({"peer/a.c": ["core/donthave/b.h"]}, ["peer/a.c -> core/donthave/b.h"]),
    ({"transport/a.c": ["core/b.h", "peer/b.h"]}, []),
])
def test_the_test_sees_arrows(files, arrows):
    assert forbidden(files) == arrows


def test_the_test_sees_circles():
    assert circle({"core/a.h": ["core/b.h"], "core/b.h": ["core/c.h"], "core/c.c": ["core/a.h"]})
    assert circle({"core/a.h": ["core/b.h"], "core/c.h": ["core/b.h", "core/a.h"]}) is None
