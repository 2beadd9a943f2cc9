"""Traffic of any length to measure with; what is committed as captures tells stories instead."""

from peer_wire import dont_have, piece, reject, request
from session import TO_LEECHER, begin

SMALL_BLOCK = 1_000
LOST_EVERY = 40     # messages


def one_message_a_packet(trace, packets=20_000):
    """A Request and a block of 1,000 bytes by turns, each in a packet of its own; now and then a piece is lost (Fast)."""
    pieces = packets // 2 // 16 + 1
    peers = begin(trace, fast=True, pieces=range(64))
    for number in range(packets // 2):
        index, begins = number // 16, number % 16 * SMALL_BLOCK
        if number % (LOST_EVERY // 2) == LOST_EVERY // 2 - 1:
            lost = pieces + number  # nobody asks for it again
            peers.leecher.send(request(lost, 0, SMALL_BLOCK))
            peers.seed.send(dont_have(TO_LEECHER, lost), reject(lost, 0, SMALL_BLOCK))
        else:
            peers.leecher.send(request(index, begins, SMALL_BLOCK))
            peers.seed.send(piece(index, begins, b"\xbe" * SMALL_BLOCK))
