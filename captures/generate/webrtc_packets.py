"""What WebRTC does to a stream: messages of the channel, fragments, order, several channels and associations, others.

Frames 1 to 10 are those of data_channel.py, 11 to 15 those that session.py calls 4 to 8, unless a capture says otherwise: the seed
writes DontHave with id 3. The key for all of them is in captures/webrtc/synthetic.keys.
"""

import random
import struct

from capture import capture
from data_channel import BINARY, DATA, FIRST, LAST, STRING, UNORDERED, WebRtcConnection, chunk, crc32c
from dtls_records import Dtls
from network import Address
from peer_wire import dont_have, extension_handshake, handshake, piece, reject, request
from session import SEED_IDS, begin


def start(trace, **where):
    """Frames 1 to 15; return the connection."""
    trace.connect = WebRtcConnection
    return begin(trace, **where)


class Channel:
    """A data channel of an association, with what session.py needs of a connection."""

    class End:
        def __init__(self, peer, stream):
            self.peer, self.stream = peer, stream

        def send(self, *messages, **how):
            return self.peer.send(*messages, stream=self.stream, **how)

    def __init__(self, peers, stream):
        self.leecher, self.seed = self.End(peers.leecher, stream), self.End(peers.seed, stream)


def begin_channel(trace, peers, stream, **how):
    """Seven frames: another data channel of an association is opened, and begins as in session.py."""
    peers.leecher.open(stream)
    trace.connect = lambda _, **where: Channel(peers, stream)
    return begin(trace, **how)


@capture("webrtc-crossed")
def crossed(trace):
    """Requests for a disowned piece, before and after its DontHave was acknowledged.

    16  leecher: Request 5
    17  seed:    DontHave 5
    18  leecher: Request 5 again, with a SACK of what came before the DontHave
    19  leecher: Request 5, block 1, without a SACK
    20  leecher: SACK
    21  leecher: Request 5, block 2, without a SACK: it is known from frame 20
    """
    peers = start(trace)
    peers.leecher.send(request(5))
    before = peers.seed.tsn
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(5), acknowledging=before)
    peers.leecher.packet(*peers.leecher.message(request(5, 0x4000)))
    peers.leecher.acknowledge()
    peers.leecher.packet(*peers.leecher.message(request(5, 0x8000)))


@capture("webrtc-cut")
def cut(trace):
    """Messages of BitTorrent are not those of the channel.

    16     seed: DontHave 1, a length prefix of 4 bytes
    17     seed: the rest of DontHave 2, DontHave 3, and 1 byte of DontHave 4
    18-20  seed: one message in three fragments: the rest of DontHave 4, DontHave 5, cut twice, and DontHave 6
    21-22  seed: a block of 3000 bytes, its header in a message of its own
    23     seed: DontHave 7
    24-93  seed: DontHave 8 and 15 keep-alives, a byte in each message
    """
    peers = start(trace)
    stream = b"".join(dont_have(3, number) for number in range(1, 7))
    size = len(dont_have(3, 1))
    peers.seed.send(stream[:size + 4])
    peers.seed.send(stream[size + 4:3 * size + 1])
    rest = stream[3 * size + 1:]
    for part in peers.seed.message(rest[:size + 3], rest[size + 3:size + 5], rest[size + 5:]):
        peers.seed.packet(part)
    block = piece(2, 0, bytes(range(250)) * 12)
    peers.seed.send(block[:13])
    peers.seed.send(block[13:])
    peers.seed.send(dont_have(3, 7))
    peers.seed.send_cut(dont_have(3, 8), b"\0\0\0\0" * 15, size=1)


@capture("webrtc-order")
def order(trace):
    """Chunks in the wrong order and twice. The messages were sent in the order of the pieces.

    16  seed:    a message with DontHave 12, complete: waits, as 10 and 11 are before it
    17  seed:    the end of DontHave 11: waits
    18  seed:    DontHave 10, and the beginning of DontHave 11: now all are complete
    19  seed:    the message of frame 17 again
    20  seed:    the message of frame 18 again
    21  leecher: Request 10
    22  seed:    DontHave 13
    """
    peers = start(trace)
    first = peers.seed.send(dont_have(3, 10), dont_have(3, 11)[:6])
    middle = peers.seed.send(dont_have(3, 11)[6:])
    last = peers.seed.send(dont_have(3, 12))
    trace.swap(first, last)
    trace.repeat(middle)
    trace.repeat(last)
    peers.leecher.send(request(10))
    peers.seed.send(dont_have(3, 13))


@capture("webrtc-wrap")
def wrap(trace):
    """TSNs pass 0, and the chunk 0 comes late.

    16  seed: DontHave 1
    17  seed: DontHave 3: waits
    18  seed: DontHave 2
    19  leecher: Request 2: late, and not crossed
    """
    peers = start(trace, tsn=(0xFFFFFFFB, 0xFFFFFFFB))
    peers.seed.send(dont_have(3, 1))
    first = peers.seed.send(dont_have(3, 2))
    trace.swap(first, peers.seed.send(dont_have(3, 3)))
    peers.leecher.send(request(2))


@capture("webrtc-no-checksum")
def no_checksum(trace):
    """Without checksums (RFC 9653), but for INIT.

    16  seed: DontHave 1
    """
    peers = start(trace, checksum=False)
    peers.seed.send(dont_have(3, 1))


@capture("webrtc-channels")
def channels(trace):
    """Two data channels of an association, and a connection in each. The seed must write 3 in stream 1, and 9 in stream 3.

    16-22  leecher, seed: stream 3 is opened, and begins as stream 1
    23     seed: DontHave 1 in stream 1, DontHave 2 in stream 3, two chunks of a packet
    24     seed: DontHave 4 in stream 3: its message is the next of its stream, though a TSN before it is missing
    25     seed: DontHave 3 in stream 1, sent before frame 24
    26     leecher: Request 2 in stream 1: not late there
    27     leecher: Request 2 in stream 3: late
    """
    peers = start(trace)
    begin_channel(trace, peers, 3, leecher_ids={"lt_donthave": 9})
    seed, leecher = peers.seed, peers.leecher
    seed.packet(seed.sack(), *seed.message(dont_have(3, 1)), *seed.message(dont_have(9, 2), stream=3))
    first = seed.send(dont_have(3, 3))
    trace.swap(first, seed.send(dont_have(9, 4), stream=3))
    leecher.send(request(2))
    leecher.send(request(2), stream=3)


@capture("webrtc-interleaved")
def interleaved(trace):
    """I-DATA (RFC 8260): fragments of messages of two channels alternate.

    16-22  leecher, seed: stream 3 is opened, and begins as stream 1, but its id is 9
    23     seed: half of DontHave 1 in stream 1, half of DontHave 2 in stream 3
    24     seed: the rest of that in stream 3: complete
    25     seed: the rest of that in stream 1: complete
    """
    peers = start(trace, interleaving=True)
    begin_channel(trace, peers, 3, leecher_ids={"lt_donthave": 9})
    seed = peers.seed
    one, two = dont_have(3, 1), dont_have(9, 2)
    parts_one, parts_two = seed.message(one[:5], one[5:]), seed.message(two[:5], two[5:], stream=3)
    seed.packet(seed.sack(), next(parts_one), next(parts_two))
    seed.packet(seed.sack(), next(parts_two))
    seed.packet(seed.sack(), next(parts_one))


@capture("webrtc-mixed")
def mixed(trace):
    """I-DATA: ordered and unordered messages of one channel are numbered by themselves, and their fragments alternate.

    16  seed:    half of DontHave 1, half of DontHave 2, which is unordered
    17  seed:    the rest of DontHave 2: complete
    18  seed:    the rest of DontHave 1: complete
    19  seed:    DontHave 4, sent after frame 20: waits, though it is the next of those that are ordered
    20  seed:    DontHave 3, unordered
    21  leecher: Request 4: late
    """
    peers = start(trace, interleaving=True)
    seed = peers.seed
    one, two = dont_have(3, 1), dont_have(3, 2)
    parts_one, parts_two = seed.message(one[:5], one[5:]), seed.message(two[:5], two[5:], flags=UNORDERED)
    seed.packet(seed.sack(), next(parts_one), next(parts_two))
    seed.packet(seed.sack(), next(parts_two))
    seed.packet(seed.sack(), next(parts_one))
    first = seed.packet(seed.sack(), *seed.message(dont_have(3, 3), flags=UNORDERED))
    trace.swap(first, seed.send(dont_have(3, 4)))
    peers.leecher.send(request(4))


@capture("webrtc-associations")
def associations(trace):
    """Two associations on one pair of ports at the same time, a channel in each, both of them stream 1.

    16-26  leecher, seed: the second association, as frames 5 to 15, but the id is 9
    27     seed: DontHave 1 in the first
    28     seed: DontHave 2 in the second
    29     leecher: Request 1 in the second: not late
    30     leecher: Request 1 in the first: late
    """
    first = start(trace)
    trace.connect = lambda _, **where: WebRtcConnection(trace, dtls=first.dtls, tags=(0xA0000001, 0xA0000002),
                                                        tsn=(1000, 2000))
    second = begin(trace, leecher_ids={"lt_donthave": 9})
    first.seed.send(dont_have(3, 1))
    second.seed.send(dont_have(9, 2))
    second.leecher.send(request(1))
    first.leecher.send(request(1))


@capture("webrtc-gap")
def gap(trace):
    """Chunks that the capture lacks and the leecher has.

    16  seed:    DontHave 1
    -   seed:    DontHave 2, not in the capture
    17  seed:    DontHave 3: waits
    18  leecher: a SACK of all: what is missing will not come
    19  seed:    DontHave 4: now 3 and 4 are read
    """
    peers = start(trace)
    peers.seed.send(dont_have(3, 1))
    peers.seed.skip(dont_have(3, 2))
    peers.seed.send(dont_have(3, 3))
    peers.leecher.acknowledge()
    peers.seed.send(dont_have(3, 4))


@capture("webrtc-gap-cut")
def gap_cut(trace):
    """What comes after chunks that the capture lacks ends in the middle of a message.

    16  seed:    DontHave 1
    -   seed:    DontHave 2, not in the capture
    17  seed:    DontHave 3, and 5 bytes of DontHave 4: waits
    18  leecher: a SACK of all
    19  seed:    the rest of DontHave 4, DontHave 5: now all are read
    """
    peers = start(trace)
    peers.seed.send(dont_have(3, 1))
    peers.seed.skip(dont_have(3, 2))
    peers.seed.send(dont_have(3, 3), dont_have(3, 4)[:5])
    peers.leecher.acknowledge()
    peers.seed.send(dont_have(3, 4)[5:], dont_have(3, 5))


@capture("webrtc-late")
def late(trace):
    """What the leecher has acknowledged stands in the capture after its SACK, and after what was sent later.

    16  seed:    DontHave 1, and 5 bytes of DontHave 2
    17  leecher: a SACK of frames 18 and 20
    18  seed:    DontHave 3, sent after frame 20: it is read, though something is missing before it
    19  seed:    DontHave 4
    20  seed:    the rest of DontHave 2: it is read in its place
    21  seed:    DontHave 5
    22  leecher: Request 2: late
    """
    peers = start(trace)
    peers.seed.send(dont_have(3, 1), dont_have(3, 2)[:5])
    rest = peers.seed.send(dont_have(3, 2)[5:])
    after = peers.seed.send(dont_have(3, 3))
    trace.swap(rest, peers.leecher.acknowledge())
    last = peers.seed.send(dont_have(3, 4))
    trace.swap(after + 1, last)
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(2))


@capture("webrtc-unordered")
def unordered(trace):
    """A channel whose messages need not be delivered in order (RFC 8832, 5.1): they are read as they were sent.

    16  seed:    DontHave 1, and 5 bytes of DontHave 2
    17  seed:    DontHave 3, sent after frame 18: waits
    18  seed:    the rest of DontHave 2
    -   seed:    DontHave 4, not in the capture
    19  seed:    DontHave 5: waits
    20  leecher: a SACK of all
    21  seed:    DontHave 6: now 5 and 6 are read
    """
    peers = start(trace, unordered=True)
    peers.seed.send(dont_have(3, 1), dont_have(3, 2)[:5])
    rest = peers.seed.send(dont_have(3, 2)[5:])
    trace.swap(rest, peers.seed.send(dont_have(3, 3)))
    peers.seed.skip(dont_have(3, 4))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.acknowledge()
    peers.seed.send(dont_have(3, 6))


@capture("webrtc-acknowledged")
def acknowledged(trace):
    """The capture lacks a chunk, and its sender sends nothing more but a SACK.

    -   seed:    DontHave 1, not in the capture
    16  seed:    DontHave 2: waits
    17  leecher: a SACK of all
    18  seed:    a SACK: DontHave 2 is read
    """
    peers = start(trace)
    peers.seed.skip(dont_have(3, 1))
    peers.seed.send(dont_have(3, 2))
    peers.leecher.acknowledge()
    peers.seed.acknowledge()


@capture("webrtc-answered")
def answered(trace):
    """The capture lacks a chunk, and the first to say that it did come is who asks for what the next one takes back.

    -   seed:    DontHave 1, not in the capture
    16  seed:    DontHave 2: waits
    17  leecher: Request 2, with a SACK of all: DontHave 2 is read first, and the Request is late
    -   seed:    DontHave 3, not in the capture
    18  seed:    DontHave 4: waits
    19  leecher: Request 4, with a SACK of what was before the hole: it counts before DontHave 4
    20  leecher: a SACK of all
    21  leecher: Request 4, block 1, without a SACK: DontHave 4 is read, and takes back the Request of frame 19
    """
    peers = start(trace)
    peers.seed.skip(dont_have(3, 1))
    peers.seed.send(dont_have(3, 2))
    peers.leecher.send(request(2))
    before = peers.seed.tsn
    peers.seed.skip(dont_have(3, 3))
    peers.seed.send(dont_have(3, 4))
    peers.leecher.send(request(4), acknowledging=before)
    peers.leecher.acknowledge()
    peers.leecher.packet(*peers.leecher.message(request(4, 0x4000)))


@capture("webrtc-gap-end")
def gap_end(trace):
    """The capture ends before anybody acknowledges what is missing.

    16  seed: DontHave 1
    -   seed: DontHave 2, not in the capture
    17  seed: DontHave 3: waits until the capture ends, shows with the second pass
    """
    peers = start(trace)
    peers.seed.send(dont_have(3, 1))
    peers.seed.skip(dont_have(3, 2))
    peers.seed.send(dont_have(3, 3))


@capture("webrtc-reset")
def reset(trace):
    """A stream is used for another channel after it was reset: another connection, whose id is 9.

    16     seed: DontHave 1
    17-18  both reset stream 1
    19-25  leecher, seed: the channel is opened anew, as frames 9 to 15
    26     leecher: Request 1: not late
    27     seed: DontHave 2
    """
    peers = start(trace)
    peers.seed.send(dont_have(3, 1))
    peers.leecher.reset()
    peers.seed.reset()
    begin_channel(trace, peers, 1, leecher_ids={"lt_donthave": 9})
    peers.leecher.send(request(1))
    peers.seed.send(dont_have(9, 2))


@capture("webrtc-others")
def others(trace):
    """Data channels that are not BitTorrent stay what they are, beside one that is.

    16-17  leecher, seed: stream 3 is opened
    18     leecher: text in it
    19     seed: bytes that look like a DontHave in it
    20     seed: the first bytes of a handshake in it, as text
    21     seed: text in stream 1, which is none of BitTorrent's
    22     seed: DontHave 1 in stream 1
    """
    peers = start(trace)
    peers.leecher.open(3)
    peers.leecher.send(b"Hello, this is not BitTorrent.", stream=3, ppid=STRING)
    peers.seed.send(dont_have(3, 9), stream=3)
    peers.seed.send(handshake("-SE0001-")[:30], stream=3, ppid=STRING)
    peers.seed.send(b"Hello", ppid=STRING)
    peers.seed.send(dont_have(3, 1))


@capture("webrtc-split-handshake")
def split_handshake(trace):
    """The handshakes come in several messages of the channel.

    11-13  leecher: 5 bytes, 10 bytes, the rest
    14     seed: 5 bytes
    15     seed: the rest, and its extension handshake
    16     leecher: extension handshake
    17     seed: DontHave 1
    """
    peers = WebRtcConnection(trace)
    peers.leecher.send_cut(handshake("-LE0001-"), at=(5, 15))
    peers.seed.send_cut(handshake("-SE0001-"), extension_handshake(SEED_IDS), at=(5,))
    peers.leecher.send(extension_handshake({"lt_donthave": 3}))
    peers.seed.send(dont_have(3, 1))


@capture("webrtc-records")
def records(trace):
    """Two records of DTLS in a datagram, each with an SCTP packet.

    16  seed: DontHave 1; DontHave 2
    17  leecher: Request 1; Request 2
    """
    peers = start(trace)
    seed, leecher = peers.seed, peers.leecher
    trace_frame = seed.dtls.send(seed.address, seed.sctp(*seed.message(dont_have(3, 1))),
                                 seed.sctp(*seed.message(dont_have(3, 2))))
    assert trace_frame == 16
    leecher.dtls.send(leecher.address, leecher.sctp(leecher.sack(), *leecher.message(request(1))),
                      leecher.sctp(*leecher.message(request(2))))


@capture("webrtc-closed")
def closed(trace):
    """The leecher resets the channel right after a DontHave.

    16  leecher: Request 1
    17  seed:    DontHave 1
    18  leecher: RE-CONFIG
    """
    peers = start(trace)
    peers.leecher.send(request(1))
    peers.seed.send(dont_have(3, 1))
    peers.leecher.reset()


@capture("webrtc-not-sctp")
def not_sctp(trace):
    """Other protocols in DTLS, and what is nearly SCTP, on ports where nothing else is.

    5-14  random bytes
    15    CoAP (RFC 7252): GET /a
    16    CoAP with zeros
    17    a packet of SCTP with one bit of its payload wrong
    18    a packet of SCTP without a checksum, where none was seen before
    19    a packet of SCTP cut by a byte
    20    zeros
    21    CAPWAP (RFC 5415): Echo Request
    22    OpenVPN: P_CONTROL_HARD_RESET_CLIENT_V2
    """
    random_bytes = random.Random(54)
    dtls = Dtls(trace, Address("10.54.0.1", 40000), Address("10.54.0.2", 50000))
    for size in range(12, 52, 4):
        dtls.send(dtls.client, random_bytes.randbytes(size))
    dtls.send(dtls.client, bytes.fromhex("400112346161"))
    dtls.send(dtls.server, bytes.fromhex("604512340000000000000000"))
    value = struct.pack(">IHHI", 1000, 1, 0, BINARY) + handshake("-LE0001-")
    rest = chunk(DATA, value, FIRST | LAST)
    head = struct.pack(">HHI", 5000, 5000, 0x5EED5EED)
    good = head + struct.pack("<I", crc32c(head + bytes(4) + rest)) + rest
    dtls.send(dtls.client, good[:-1] + bytes([good[-1] ^ 1]))
    dtls.send(dtls.client, head + bytes(4) + rest)
    dtls.send(dtls.client, good[:-1])
    dtls.send(dtls.client, bytes(64))
    dtls.send(dtls.client, bytes.fromhex("0010020000000000" "0000000d" "01" "0003" "00"))
    dtls.send(dtls.client, bytes.fromhex("38" "0102030405060708" "00" "00000000"))


@capture("webrtc-many-associations", compressed=True)
def many_associations(trace):
    """More associations on a pair of ports than are followed: 65, and all are alive. Each has seven frames, after 1 to 4 of DTLS:
    INIT to DATA_CHANNEL_ACK, and the handshake of the leecher.

    453  leecher: INIT of the last one
    """
    dtls = Dtls(trace, Address("10.54.0.1", 40000), Address("10.54.0.2", 50000))
    for number in range(65):
        peers = WebRtcConnection(trace, dtls=dtls, tags=(0xA0000000 + number, 0xB0000000 + number))
        peers.leecher.send(handshake("-LE0001-"))
