"""Random connections: messages that make sense often enough to meet one another, packed into a capture.

    python3 tests/regression/random_sessions.py SEED FILE.pcap [utp|webrtc]

writes the one connection of a seed, and prints its messages and what the model expects of each frame. What is said over WebRTC,
captures/webrtc/synthetic.keys decrypts.
"""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "captures" / "generate"))

import data_channel
import peer_wire as wire
from capture import Trace
from model import Event, replay
from network import Address
import tcp
import utp

PIECES = 16
BEGINS = 0, 16384, 32768
LENGTHS = 16384, 16384, 16384, 100, 1


def connect_tcp(trace, host, first):
    peers = tcp.TcpConnection(trace, leecher=(host, 40000), first=first)
    return peers, [peers.leecher.seq, peers.seed.seq]


def connect_utp(trace, host, first):
    peers = utp.UtpConnection(trace, leecher=(host, 40000), first=first)
    return peers, [peers.leecher.seq, peers.seed.seq]


def connect_webrtc(trace, host, first):
    peers = data_channel.WebRtcConnection(trace, leecher=Address(host, 40000), tsn=first, interleaving=first[0] % 3 == 0)
    return peers, [peers.leecher.tsn, peers.seed.tsn]


# By transport: how to connect, the modulus of its numbers, how near to it connections may begin, and whether it numbers
# bytes (else packets).
TRANSPORTS = {"tcp": (connect_tcp, tcp.MODULUS, 1500, True), "utp": (connect_utp, utp.MODULUS, 20, False),
              "webrtc": (connect_webrtc, data_channel.MODULUS, 20, False)}


class RandomSession:
    """The connection of one seed. `events` fills while `packets` runs.

    What is sent and acknowledged is counted in bytes over TCP, in packets over uTP, in chunks over WebRTC.
    """

    def __init__(self, seed, transport="tcp"):
        self.seed = seed
        self._connect, self.modulus, self.closest, self.counts_bytes = TRANSPORTS[transport]
        self.random = random.Random(seed)
        self.fast = self.random.random() < 0.5
        self.events = []
        self.sent = [0, 0]
        self.acknowledged = [0, 0]
        self.ids = [0, 0]
        self.lengths = {}       # (asker, piece, begin) -> what it asked for last
        # A few blocks only, so that messages often concern the same one.
        self.pieces = self.random.sample(range(PIECES), self.random.randint(1, 4))
        self.begins = BEGINS[:self.random.randint(1, 3)]

    def packets(self, trace, number):
        """Write the connection, one packet at each step. No two numbers have the same addresses."""
        close = self.random.randint(1, self.closest)
        first = [self.random.choice((1000, self.modulus - close)) for _ in "01"]
        peers, self.first = self._connect(trace, f"10.1.{number // 250}.{number % 250 + 1}", first)
        self.peers = peers.leecher, peers.seed
        yield
        # Fast is in force when both have it; sometimes one alone has.
        lonely = -1 if self.fast else self.random.choice((-1, -1, 0, 1))
        for sender in (0, 1):
            handshake = ("other",), wire.handshake("-RA0001-", self.fast or sender == lonely)
            yield from self.send(trace, sender, [handshake], whole=True)
        early = self.random.choice(((0, 1), (0, 1), (1, 0), (0,), (1,), ()))
        for sender in early:
            yield from self.send(trace, sender, [self.extension_handshake(sender, fresh=True)])
        for _ in range(self.random.randint(5, 30)):
            sender = self.random.randint(0, 1)
            count = self.random.choice((1, 1, 1, 2, 3, 8))
            yield from self.send(trace, sender, [self.message(sender) for _ in range(count)])

    def send(self, trace, sender, messages, whole=False):
        """Send messages in one packet, or in two, cut anywhere; sometimes a packet comes twice."""
        stream = b"".join(data for _, data in messages)
        whole = whole or self.random.random() < 0.85
        cut = len(stream) if whole else self.random.randint(1, len(stream) - 1)
        ends, end = [], 0
        for _, data in messages:
            end += len(data)
            ends.append(end)
        taken = 0
        sent_before = self.sent[sender]
        for begin, stop in ((0, cut), (cut, len(stream))):
            if begin == stop:
                continue
            ack = self.acknowledge(sender)
            time = trace.time
            acknowledging = (self.first[1 - sender] + ack) % self.modulus
            frame = self.peers[sender].send(stream[begin:stop], acknowledging=acknowledging)
            self.sent[sender] += stop - begin if self.counts_bytes else 1
            while taken < len(messages) and ends[taken] <= stop:
                end = sent_before + ends[taken] if self.counts_bytes else self.sent[sender]
                self.events.append(Event(frame, time, sender, end, ack, messages[taken][0]))
                taken += 1
            yield
        if whole and self.random.random() < 0.03:
            trace.repeat(frame)
            yield

    def acknowledge(self, sender):
        """All that the other side has sent, or less; never less than before."""
        least, most = self.acknowledged[sender], self.sent[1 - sender]
        self.acknowledged[sender] = self.random.choice((most, most, self.random.randint(least, most)))
        return self.acknowledged[sender]

    def extension_handshake(self, sender, fresh=False):
        new_id = self.random.choice((3, 7, self.random.randint(1, 255), 0, None))
        if fresh:
            new_id = new_id or self.random.randint(1, 255)
        if new_id is not None:
            self.ids[sender] = new_id
        others = {"ut_pex": 1} if new_id != 1 else {}
        ids = others if new_id is None else {**others, "lt_donthave": new_id}
        return ("extension_handshake", new_id), wire.extension_handshake(ids)

    def message(self, sender):
        """One message of `sender`, for the model and for the wire."""
        choose = self.random.choice
        piece, begin, length = choose(self.pieces), choose(self.begins), choose(LENGTHS)
        kinds = ["request"] * 8 + ["piece"] * 2 + ["cancel", "choke", "have", "bitfield", "other"]
        kinds += ["extension_handshake"] if self.random.random() < 0.1 else []
        kinds += ["reject"] * 4 + ["have_all"] if self.fast else []
        if self.ids[1 - sender]:
            kinds += ["dont_have"] * 5 + ["bad_dont_have"]
        kind = choose(kinds)
        used_id = self.ids[1 - sender]
        if kind == "request":
            self.lengths[sender, piece, begin] = length
            return (kind, piece, begin, length), wire.request(piece, begin, length)
        if kind == "piece":
            block = bytes([0xBE]) * self.random.randint(1, 40)
            return (kind, piece, begin, len(block)), wire.piece(piece, begin, block)
        if kind == "cancel":
            length = self.lengths.get((sender, piece, begin), length)
            return (kind, piece, begin, length), wire.cancel(piece, begin, length)
        if kind == "reject":
            length = self.lengths.get((1 - sender, piece, begin), length)
            return (kind, piece, begin, length), wire.reject(piece, begin, length)
        if kind == "choke":
            return (kind,), wire.CHOKE
        if kind == "have":
            return (kind, piece), wire.have(piece)
        if kind == "have_all":
            return (kind,), wire.HAVE_ALL
        if kind == "bitfield":
            pieces = set(self.random.sample(range(PIECES), self.random.randint(0, PIECES)))
            return (kind, pieces), wire.bitfield(pieces, PIECES)
        if kind == "extension_handshake":
            return self.extension_handshake(sender)
        if kind == "dont_have":
            return (kind, used_id, piece), wire.dont_have(used_id, piece)
        if kind == "bad_dont_have":
            return (kind, used_id), wire.extended(used_id, bytes(3))
        return ("other",), choose((wire.UNCHOKE, wire.INTERESTED, wire.NOT_INTERESTED, wire.KEEP_ALIVE))


def pack(seeds, transport="tcp", at_once=20):
    """Write the sessions of all seeds to one Trace, interleaved; return it and the sessions."""
    trace = Trace()
    sessions = [RandomSession(seed, transport) for seed in seeds]
    turns = random.Random(len(sessions))
    waiting = [session.packets(trace, number) for number, session in enumerate(sessions)]
    running = []
    while waiting or running:
        if waiting and len(running) < at_once:
            running.append(waiting.pop(0))
        packets = turns.choice(running)
        if next(packets, StopIteration) is StopIteration:
            running.remove(packets)
    return trace, sessions


def main(seed, path, transport="tcp"):
    trace, (session,) = pack([int(seed)], transport)
    Path(path).write_bytes(trace.pcap())
    expected = replay(session.events, session.fast, two_passes=True)
    print("Fast" if session.fast else "without Fast")
    for event in session.events:
        print(event.frame, "<>"[event.sender == 0], *event.message, f"end={event.end} ack={event.ack}")
    for frame, columns in sorted(expected.items()):
        print(frame, columns)


if __name__ == "__main__":
    main(*sys.argv[1:])
