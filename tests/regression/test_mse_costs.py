"""What decryption costs: memory at most 1 % of the bytes decrypted, key stream and instructions in proportion to them.

The same download, a Piece of 987 bytes in each packet, as plain BitTorrent and as MSE with RC4, over TCP and uTP. What the
second takes more is the cost of decryption. TCP puts nothing together here, as each message is one segment.
"""

import pytest
from mse_wire import B, Choices, talk

from capture import Trace
from counting import counted
from fast_wire import FastWire
from peer_wire import piece
from session import begin
from tcp import TcpConnection
from tshark import PLUGINS
from utp import UtpConnection

TRANSPORTS = {"tcp": TcpConnection, "utp": UtpConnection}
SIZE = 1000
MANY = 10_000       # packets
FEW = 500


def download(staging, connect, packets, encrypted, name="costs", missing=None):
    """A capture, and the options to read it with; without each packet whose number is a multiple of missing."""
    trace = Trace(connect=connect)
    block = piece(1, 0, b"\xbe" * (SIZE - 13))
    options = []
    if encrypted:
        made = FastWire(name, Choices(pad_b=20))
        peers, _ = talk(trace, made)
        keys = staging.folder / f"{name}.keys"
        keys.write_text(made.key)
        keys.chmod(0o644)
        options = ["-o", f"bt.peer.mse_keylog_file:{keys}"]
    else:
        peers = begin(trace)
    for number in range(packets):
        said = made.say(B, block) if encrypted else block
        if missing and number % missing == 0:
            peers.seed.skip(said)
        else:
            peers.seed.send(said)
    if missing:
        peers.leecher.acknowledge()
    path = staging.folder / f"{name}.pcap"
    path.write_bytes(trace.pcap())
    path.chmod(0o644)
    return path, options


def shown(tshark, path, options):
    return len(tshark.read(path, *options, "-Y", "bittorrent.msg.type == 7", "-T", "fields", "-e", "frame.number").splitlines())


def largest(two_passes, counter, path, options):
    return counter.largest(two_passes.command(two_passes.arguments(path, *options, "-Y", "frame.number == 1")))


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_memory(two_passes, staging, counter, transport):
    sizes = {}
    for encrypted in (False, True):
        path, options = download(staging, TRANSPORTS[transport], MANY, encrypted)
        assert shown(two_passes, path, options) == MANY
        sizes[encrypted] = largest(two_passes, counter, path, options)
    assert 0 < sizes[True] - sizes[False] <= MANY * SIZE // 100, sizes


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_key_stream(two_passes, staging, counter, transport):
    """Each pass makes it once, however long it is: time is in proportion to the bytes."""
    for packets in (MANY // 4, MANY):
        path, options = download(staging, TRANSPORTS[transport], packets, True)
        largest(two_passes, counter, path, options)
        assert 2 * packets * SIZE < counter.made < 2 * (packets * SIZE + 10_000)


def test_instructions(staging):
    """Four times as many packets cost four times as much, whatever each capture costs; in two passes, over TCP and uTP."""
    paths, keys = [], ""
    for transport, connect in TRANSPORTS.items():
        for packets in (0, FEW, 4 * FEW):
            name = f"costs-{transport}-{packets}"
            path, _ = download(staging, connect, packets, True, name)
            paths.append(path)
            keys += (staging.folder / f"{name}.keys").read_text()
    (staging.folder / "all-costs.keys").write_text(keys)
    (staging.folder / "all-costs.keys").chmod(0o644)
    # The first one pays for what is made once.
    _, _, twice = counted(staging, PLUGINS, [paths[0], *paths], staging.folder / "instructions",
                          [("bt.peer.mse_keylog_file", str(staging.folder / "all-costs.keys"))])
    for none, few, many in (twice[1:4], twice[4:7]):
        assert few - none > FEW * SIZE      # each byte is decrypted
        assert 3.6 * (few - none) < many - none < 4.4 * (few - none), f"{none:,}, {few:,} and {many:,} instructions"


def test_key_stream_with_holes(two_passes, staging, counter):
    """Every tenth packet of uTP is missing: the search after each hole makes key stream for the range of places only, and what
    it has made decrypts what was found, so that RC4 never goes back for it. The pieces have no more than one packet, so that
    each hole is closed with the next one."""
    made = []
    for packets in (MANY // 4, MANY):
        path, options = download(staging, UtpConnection, packets, True, missing=10)
        assert shown(two_passes, path, options) == packets - packets // 10
        largest(two_passes, counter, path, options)
        made.append(counter.made)
    assert made[1] < 4.1 * made[0]
    assert made[1] < 2.5 * MANY * SIZE
