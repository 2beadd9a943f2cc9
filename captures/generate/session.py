"""The beginning that most captures share, so that each can tell its own story from frame 9 on.

    1-3  SYN; SYN and ACK; ACK (over uTP: ST_SYN, ST_STATE, ST_STATE)
    4    leecher: handshake
    5    seed:    handshake
    6    leecher: extension handshake (lt_donthave is 3), Interested
    7    seed:    extension handshake (lt_donthave is 7)
    8    seed:    Bitfield of all 64 pieces, Unchoke

So the seed writes DontHave with id 3, which the leecher assigned, and the leecher writes it with id 7.
"""

from peer_wire import INTERESTED, UNCHOKE, bitfield, extension_handshake, handshake

PIECES = 64
ALL = range(PIECES)

TO_LEECHER = 3
TO_SEED = 7

LEECHER_IDS = {"ut_metadata": 2, "lt_donthave": TO_LEECHER}
SEED_IDS = {"lt_donthave": TO_SEED, "upload_only": 3, "ut_holepunch": 4, "ut_metadata": 2, "ut_pex": 1}


def shake_hands(peers, fast=False, seed_fast=None):
    """Frames 4 and 5. `seed_fast` is for a seed whose Fast bit differs from the leecher's."""
    peers.leecher.send(handshake("-LE0001-", fast))
    peers.seed.send(handshake("-SE0001-", fast if seed_fast is None else seed_fast))


def negotiate(peers, leecher_ids=LEECHER_IDS, seed_ids=SEED_IDS):
    """Frames 6 and 7. The ids that each side wants the other to write."""
    peers.leecher.send(extension_handshake(leecher_ids), INTERESTED)
    peers.seed.send(extension_handshake(seed_ids))


def offer(peers, pieces=ALL):
    """Frame 8."""
    peers.seed.send(bitfield(pieces, max([PIECES, *(piece + 1 for piece in pieces)])), UNCHOKE)


def begin(trace, leecher_ids=LEECHER_IDS, seed_ids=SEED_IDS, fast=False, pieces=ALL, **where):
    """Frames 1 to 8; return the connection."""
    peers = trace.connect(trace, **where)
    shake_hands(peers, fast)
    negotiate(peers, leecher_ids, seed_ids)
    offer(peers, pieces)
    return peers
