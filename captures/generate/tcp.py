"""A TCP connection between two BitTorrent peers, written to a Trace packet by packet.

    peers = TcpConnection(trace)          # frames 1 to 3: SYN, SYN and ACK, ACK
    peers.seed.send(dont_have(3, 5))      # frame 4: one segment, which holds the messages given

The leecher opens the connection and the seed accepts it; after that the two are alike. A segment acknowledges all that
the other side has sent so far, unless `acknowledging` says otherwise (NO_ACK: it has no ACK number). Nothing else is sent: no bare ACK, no window
update, so that frame numbers are easy to follow.
"""

from network import ACK, FIN, PSH, RST, SYN, TCP, Address, ip_packet, tcp_segment
from sender import Sender

MODULUS = 1 << 32
SEGMENT = 1460

NO_ACK = object()


class Peer(Sender):
    """One end. `seq` is the sequence number of the next byte that it sends, `start` that of the first."""

    modulus = MODULUS

    def __init__(self, trace, address, seq, answer):
        self.trace, self.address, self.seq, self.answer = trace, address, seq, answer
        self.start = seq
        self.other = None
        self.started = False

    def _packet(self, seq, flags, payload=b"", acknowledging=None):
        if acknowledging is NO_ACK or not self.other.started:
            acknowledging = 0
        else:
            flags |= ACK
            acknowledging = self.other.seq if acknowledging is None else acknowledging
        segment = tcp_segment(self.address, self.other.address, seq, acknowledging, flags, payload)
        return self.trace.add(ip_packet(self.address, self.other.address, TCP, segment), self.answer)

    def _advance(self, count):
        self.seq = (self.seq + count) % MODULUS

    def synchronize(self):
        frame = self._packet(self.seq, SYN)
        self._advance(1)
        self.started = True
        return frame

    def send(self, *messages, acknowledging=None):
        """Send the messages in one segment; return its frame."""
        payload = b"".join(messages)
        frame = self._packet(self.seq, PSH, payload, acknowledging)
        self._advance(len(payload))
        return frame

    def send_again(self, *messages, before=0):
        """Send bytes that end so many before the end of the stream as it is now: a retransmission, cut in its own way."""
        payload = b"".join(messages)
        return self._packet((self.seq - before - len(payload)) % MODULUS, PSH, payload)

    def skip(self, *messages):
        """Send messages that the capture does not see."""
        self._advance(len(b"".join(messages)))

    def acknowledge(self):
        return self._packet(self.seq, 0)

    def finish(self):
        frame = self._packet(self.seq, FIN)
        self._advance(1)
        return frame

    def reset(self):
        return self._packet(self.seq, RST)


class TcpConnection:
    def __init__(self, trace, leecher=("10.0.0.1", 40000), seed=("10.0.0.2", 27000), first=(1000, 5000), opened=True):
        """`first` are the initial sequence numbers; `opened` is false for a capture that begins after the SYNs."""
        self.leecher = Peer(trace, Address(*leecher), first[0], answer=False)
        self.seed = Peer(trace, Address(*seed), first[1], answer=True)
        self.leecher.other, self.seed.other = self.seed, self.leecher
        if opened:
            self.leecher.synchronize()
            self.seed.synchronize()
            self.leecher.acknowledge()
        else:
            self.leecher.started = self.seed.started = True
