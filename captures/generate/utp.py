"""A uTP connection (BEP 29) between two BitTorrent peers, with the same interface as TcpConnection.

    peers = UtpConnection(trace)          # frames 1 to 3: ST_SYN, ST_STATE, ST_STATE
    peers.seed.send(dont_have(3, 5))      # frame 4: one ST_DATA packet, which holds the messages given

Frames 1 to 3 have no payload, as in TCP, so that the same story has the same frame numbers over both. What is counted in
seq_nr and ack_nr are packets, not bytes.
"""

import struct

from network import UDP, Address, ip_packet, udp_datagram
from sender import Sender

MODULUS = 1 << 16
VERSION = 1
DATA, FIN, STATE, RESET, SYN = range(5)
WINDOW = 0x100000


class Peer(Sender):
    """One end. `seq` is the seq_nr of the next packet with data, `start` that of the first packet."""

    modulus = MODULUS

    def __init__(self, trace, address, seq, answer):
        self.trace, self.address, self.seq, self.answer = trace, address, seq, answer
        self.start = seq
        self.other = None
        self.sending_id = None

    def _packet(self, kind, seq, payload=b"", acknowledging=None, connection_id=None, extensions=()):
        if acknowledging is None:
            acknowledging = self.other.seq
        kinds = [number for number, _ in extensions] + [0]
        header = struct.pack(">BBHIIIHH", kind << 4 | VERSION, kinds[0],
                             self.sending_id if connection_id is None else connection_id,
                             self.trace.time % (1 << 32), 0, WINDOW, seq, (acknowledging - 1) % MODULUS)
        for following, (_, contents) in zip(kinds[1:], extensions):
            header += bytes([following, len(contents)]) + contents
        datagram = udp_datagram(self.address, self.other.address, header + payload)
        return self.trace.add(ip_packet(self.address, self.other.address, UDP, datagram), self.answer)

    def _advance(self, count=1):
        self.seq = (self.seq + count) % MODULUS

    def send(self, *messages, acknowledging=None, extensions=()):
        """Send the messages in one packet; return its frame.

        `acknowledging` is the `seq` that the other side had when the packets that are acknowledged were sent.
        `extensions` are pairs of a number and contents, such as (1, four bytes) for a selective ACK.
        """
        frame = self._packet(DATA, self.seq, b"".join(messages), acknowledging, extensions=extensions)
        self._advance()
        return frame

    def skip(self, *messages):
        """Send a packet that the capture does not see."""
        self._advance()

    def acknowledge(self, extensions=()):
        return self._packet(STATE, self.seq, extensions=extensions)

    def finish(self):
        frame = self._packet(FIN, self.seq)
        self._advance()
        return frame

    def reset(self):
        return self._packet(RESET, self.seq)


class UtpConnection:
    def __init__(self, trace, leecher=("10.0.0.1", 40000), seed=("10.0.0.2", 27000), first=(1, 700), opened=True,
                 connection_id=5400):
        """`first` are the first seq_nr of each side; the leecher sends with connection_id + 1, the seed without the 1."""
        self.leecher = Peer(trace, Address(*leecher), first[0], answer=False)
        self.seed = Peer(trace, Address(*seed), first[1], answer=True)
        self.leecher.other, self.seed.other = self.seed, self.leecher
        self.leecher.sending_id, self.seed.sending_id = (connection_id + 1) % MODULUS, connection_id
        if opened:
            self.leecher._packet(SYN, first[0], acknowledging=1, connection_id=connection_id)
            self.leecher._advance()
            self.seed.acknowledge()
            self.leecher.acknowledge()
