"""Two BitTorrent peers over WebRTC: a data channel (RFC 8831) of an SCTP association (RFC 9260) in DTLS, with the same
interface as TcpConnection.

    peers = WebRtcConnection(trace)         # frames 1 to 10, see below
    peers.seed.send(dont_have(3, 5))        # frame 11: one packet with a SACK, and one DATA chunk with the messages given

    1-4   DTLS
    5-8   INIT, INIT ACK, COOKIE ECHO, COOKIE ACK
    9-10  DATA_CHANNEL_OPEN by the leecher, DATA_CHANNEL_ACK
"""

import struct

from dtls_records import Dtls
from network import Address
from sender import Sender

DATA, INIT, INIT_ACK, SACK, ABORT, COOKIE_ECHO, COOKIE_ACK, I_DATA, RE_CONFIG = 0, 1, 2, 3, 6, 10, 11, 64, 130
LAST, FIRST, UNORDERED = 1, 2, 4
DCEP, STRING, BINARY = 50, 51, 53
OPEN, ACK = b"\3\0\0\0\0\0\0\0\0\4\0\0wire", b"\2"
OUTGOING_RESET = 13
MODULUS = 1 << 32
PORT = 5000
WINDOW = 0x100000
STREAM = 1


def _crc32c_table():
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        yield number


CRC32C = tuple(_crc32c_table())


def crc32c(data):
    """RFC 9260, appendix A."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def chunk(kind, value=b"", flags=0):
    return struct.pack(">BBH", kind, flags, 4 + len(value)) + value + bytes(-len(value) % 4)


class Peer(Sender):
    """One end of an association. `tsn` is that of its next chunk; `acknowledging` counts like that of the other end."""

    modulus = MODULUS

    def __init__(self, dtls, address, tag, tsn, interleaving, checksum, unordered):
        self.dtls, self.address, self.tag, self.tsn = dtls, address, tag, tsn
        self.interleaving, self.checksum, self.unordered = interleaving, checksum, unordered
        self.numbers = {}       # of the next message, by stream, by UNORDERED or 0
        self.other = None

    @property
    def trace(self):
        return self.dtls.trace

    def sctp(self, *chunks, tag=None):
        """The bytes of a packet."""
        tag = self.other.tag if tag is None else tag
        start, rest = struct.pack(">HHI", PORT, PORT, tag), b"".join(chunks)
        checksum = crc32c(start + bytes(4) + rest) if self.checksum or tag == 0 else 0
        return start + struct.pack("<I", checksum) + rest

    def packet(self, *chunks, tag=None):
        """Send chunks in a packet; return its frame."""
        return self.dtls.send(self.address, self.sctp(*chunks, tag=tag))

    def sack(self, acknowledging=None):
        """A SACK of all that came, or of what comes before a TSN."""
        if acknowledging is None:
            acknowledging = self.other.tsn
        return chunk(SACK, struct.pack(">IIHH", (acknowledging - 1) % MODULUS, WINDOW, 0, 0))

    def message(self, *parts, stream=STREAM, ppid=BINARY, flags=0):
        """The chunks of one message, which is cut into the parts given. Those that are unordered have no number, or numbers of
        their own (I-DATA); those that open a channel are ordered in any case (RFC 8832, 6)."""
        if self.unordered and ppid != DCEP:
            flags |= UNORDERED
        number = 0
        if self.interleaving or not flags & UNORDERED:
            numbers = self.numbers.setdefault(stream, {})
            number = numbers.get(flags & UNORDERED, 0)
            numbers[flags & UNORDERED] = number + 1
        for index, part in enumerate(parts):
            ends = flags | (FIRST if index == 0 else 0) | (LAST if index == len(parts) - 1 else 0)
            tsn = self.tsn
            self.tsn = (self.tsn + 1) % MODULUS
            if self.interleaving:
                header = struct.pack(">IHHII", tsn, stream, 0, number, index if index else ppid)
                yield chunk(I_DATA, header + part, ends)
            else:
                yield chunk(DATA, struct.pack(">IHHI", tsn, stream, number % 0x10000, ppid) + part, ends)

    def send(self, *messages, acknowledging=None, stream=STREAM, ppid=BINARY):
        """Send the messages in one chunk; return its frame."""
        return self.packet(self.sack(acknowledging), *self.message(b"".join(messages), stream=stream, ppid=ppid))

    def skip(self, *messages, stream=STREAM):
        """Send a chunk that the capture does not see."""
        for _ in self.message(b"".join(messages), stream=stream):
            pass

    def acknowledge(self):
        return self.packet(self.sack())

    def open(self, stream=STREAM):
        """Open a data channel; return the frame of the answer."""
        self.send(OPEN, stream=stream, ppid=DCEP)
        return self.other.send(ACK, stream=stream, ppid=DCEP)

    def reset(self, stream=STREAM):
        """Close a data channel: its messages are numbered from 0 again."""
        self.numbers.pop(stream, None)
        parameter = struct.pack(">HHIIIH", OUTGOING_RESET, 18, self.tsn, 0, (self.tsn - 1) % MODULUS, stream)
        return self.packet(chunk(RE_CONFIG, parameter))

    def abort(self):
        return self.packet(chunk(ABORT))


class WebRtcConnection:
    def __init__(self, trace, leecher=Address("10.54.0.1", 40000), seed=Address("10.54.0.2", 50000), dtls=None,
                 tags=(0x1EEC4E5, 0x5EED5EED), tsn=(1000, 2000), interleaving=False, checksum=True, unordered=False,
                 stream=STREAM):
        self.dtls = dtls or Dtls(trace, leecher, seed)
        self.leecher = Peer(self.dtls, self.dtls.client, tags[0], tsn[0], interleaving, checksum, unordered)
        self.seed = Peer(self.dtls, self.dtls.server, tags[1], tsn[1], interleaving, checksum, unordered)
        self.leecher.other, self.seed.other = self.seed, self.leecher
        self._begin(stream)

    def _begin(self, stream):
        leecher, seed = self.leecher, self.seed
        leecher.packet(chunk(INIT, self._init(leecher)), tag=0)
        seed.packet(chunk(INIT_ACK, self._init(seed)))
        leecher.packet(chunk(COOKIE_ECHO, b"cookie.."))
        seed.packet(chunk(COOKIE_ACK))
        leecher.open(stream)

    @staticmethod
    def _init(peer):
        return struct.pack(">IIHHI", peer.tag, WINDOW, 0xFFFF, 0xFFFF, peer.tsn)
