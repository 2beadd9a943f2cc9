"""This system's libtorrent and that of other Debian releases against each other, at the same time.

The other ones come from the Debian roots that tests/matrix makes.
"""

import pytest

import downloads
from test_libtorrent import check, each_transport

SUITES = ("bookworm", "trixie", "forky")


def own_suite():
    """The codename of this system, if it is Debian: there its own libtorrent would meet itself."""
    with open("/etc/os-release") as file:
        fields = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    return fields.get("VERSION_CODENAME") if fields.get("ID") == "debian" else None


@each_transport
@pytest.mark.parametrize("suite", [suite for suite in SUITES if suite != own_suite()])
def test_against_each_other(stage, suite, transport):
    """Our leecher at the other version's seed, and the other version's leecher at our seed."""
    root = downloads.ROOTS / suite
    if not downloads.has_libtorrent(root):
        pytest.skip(f"{root} is no Debian root with python3-libtorrent; tests/matrix makes it")
    downloads.libtorrent_against_libtorrent(stage, transport, stage.use(downloads.LibtorrentRoot(root)).command)
    versions = {event["version"] for event in stage.events("version")}
    assert len(versions) == 2, f"not two versions: {versions}"
    check(stage)
