"""Packets that say something of a connection and are none of it: quoted by ICMP, or the first part of a fragmented one.

Frames 1 to 8 are those of session.py: the seed writes DontHave with id 3.
"""

from capture import capture
from network import UDP, Address, icmp_unreachable, ip_fragments
from peer_wire import BLOCK, dont_have, piece
from session import begin
from tcp import MODULUS
from utp import UtpConnection

ROUTER = Address("10.0.0.254", 0)


def not_delivered(trace, peers, *messages, quoted=None):
    """The seed sends messages, the capture does not see it, and a router tells the seed that it could not deliver them.

    It quotes the first `quoted` bytes of the packet, None: all.
    """
    before = peers.seed.seq
    peers.seed.send(*messages)
    peers.seed.seq = before
    trace.add(icmp_unreachable(ROUTER, trace.take_last()[:quoted]), False)


@capture("quoted", also_utp=True)
def quoted(trace):
    """What a router quotes was not received: it counts when it is sent again. Nor is it a packet of the connection.

    9   seed:    DontHave 5
    10  router:  ICMP, host unreachable; it quotes DontHave 6, which was not captured
    11  seed:    DontHave 6, sent again
    12  router:  ICMP, host unreachable; it quotes DontHave 7
    13  router:  the same, but its quote ends within the header of TCP (over uTP: of uTP)
    14  leecher: FIN: the first packet after the DontHave
    """
    peers = begin(trace)
    peers.seed.send(dont_have(3, 5))
    not_delivered(trace, peers, dont_have(3, 6))
    peers.seed.send(dont_have(3, 6))
    not_delivered(trace, peers, dont_have(3, 7))
    not_delivered(trace, peers, dont_have(3, 7), quoted=36)
    peers.leecher.finish()


@capture("quoted-next")
def quoted_next(trace):
    """What is quoted stands where TCP expects the next byte: TCP knows no end of a quoted segment and takes it for 0.

    9   router:  ICMP, host unreachable; it quotes DontHave 6, which was not captured and would end at sequence number 0
    10  seed:    DontHave 6, sent again
    """
    before = 180        # bytes of the seed's stream before it, with the SYN
    peers = begin(trace, first=(1000, MODULUS - len(dont_have(3, 6)) - before))
    not_delivered(trace, peers, dont_have(3, 6))
    peers.seed.send(dont_have(3, 6))


@capture("fragments-utp")
def fragments(trace):
    """A uTP packet in two IP fragments. Where IP does not put them together it is missing, and the stream goes on after it.

    9       seed:    the beginning of Piece 6/0
    10, 11  seed:    the middle, in two fragments
    12      seed:    the end
    13      leecher: ST_STATE, which acknowledges them
    14      seed:    DontHave 5
    """
    trace.connect = UtpConnection
    peers = begin(trace)
    block = piece(6, 0, b"\xbe" * BLOCK)
    peers.seed.send(block[:6000])
    peers.seed.send(block[6000:7400])
    datagram = trace.take_last()[20:]
    for packet in ip_fragments(peers.seed.address, peers.leecher.address, UDP, datagram, 1, 1000):
        trace.add(packet, True)
    peers.seed.send(block[7400:])
    peers.leecher.acknowledge()
    peers.seed.send(dont_have(3, 5))
