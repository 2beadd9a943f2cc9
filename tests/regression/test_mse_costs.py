"""What decryption costs: memory at most 1 % of the bytes decrypted, and key stream in proportion to them.

The same download, a Piece of 987 bytes in each packet, as plain BitTorrent and as MSE with RC4, over TCP and uTP. What the
second takes more is the cost of decryption. TCP puts nothing together here, as each message is one segment.
"""

import ctypes
import ctypes.util

import pytest
from mse_wire import A, B, DISCARDED, INFO_HASH, Choices, Wire, sha1, talk

from capture import Trace
from peer_wire import piece
from session import begin
from tcp import TcpConnection
from utp import UtpConnection

TRANSPORTS = {"tcp": TcpConnection, "utp": UtpConnection}
SIZE = 1000
MANY = 10_000       # packets

ARCFOUR, STREAM = 301, 4


class FastWire(Wire):
    """With libgcrypt's RC4: what it says afterwards is long."""

    def __init__(self, name, choices):
        super().__init__(name, choices)
        self.library = ctypes.CDLL(ctypes.util.find_library("gcrypt"))
        self.library.gcry_check_version(None)
        self.handles = []
        said = [sum(len(data) for side, data in self.flights if side == one) for one in (A, B)]
        clear = (96 + choices.pad_a + 40, 96 + choices.pad_b)
        for side, word in enumerate((b"keyA", b"keyB")):
            handle = ctypes.c_void_p()
            key = sha1(word, self.secret, INFO_HASH)
            assert self.library.gcry_cipher_open(ctypes.byref(handle), ARCFOUR, STREAM, 0) == 0
            assert self.library.gcry_cipher_setkey(handle, key, ctypes.c_size_t(len(key))) == 0
            self.handles.append(handle)
            self.crypt(side, bytes(DISCARDED + said[side] - clear[side]))

    def crypt(self, side, data):
        buffer = ctypes.create_string_buffer(data, len(data))
        assert self.library.gcry_cipher_encrypt(self.handles[side], buffer, ctypes.c_size_t(len(data)), None,
                                                ctypes.c_size_t(0)) == 0
        return buffer.raw

    def say(self, side, *messages):
        data = b"".join(messages)
        return self.crypt(side, data) if hasattr(self, "handles") else super().say(side, data)


def download(staging, connect, packets, encrypted):
    """A capture, and the options to read it with."""
    trace = Trace(connect=connect)
    block = piece(1, 0, b"\xbe" * (SIZE - 13))
    options = []
    if encrypted:
        made = FastWire("costs", Choices(pad_b=20))
        peers, _ = talk(trace, made)
        keys = staging.folder / "costs.keys"
        keys.write_text(made.key)
        keys.chmod(0o644)
        options = ["-o", f"bt.peer.mse_keylog_file:{keys}"]
    else:
        peers = begin(trace)
    for _ in range(packets):
        peers.seed.send(made.say(B, block) if encrypted else block)
    path = staging.folder / "costs.pcap"
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
