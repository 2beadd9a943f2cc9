"""Which extended message id means lt_donthave: each side's handshake decides for what it receives (BEP 10).

Frames 1 to 8 are those of session.py unless a capture says otherwise.
"""

from capture import capture
from peer_wire import UNCHOKE, bitfield, dont_have, extended, extension_handshake, numbers
from session import ALL, LEECHER_IDS, PIECES, SEED_IDS, begin, offer, shake_hands
from tcp import TcpConnection


@capture("ids-both-ways")
def both_ways(trace):
    """3 one way, 7 the other; the same two numbers mean something else in the opposite direction.

    6   leecher: lt_donthave 3, ut_holepunch 7
    7   seed:    lt_donthave 7, upload_only 3
    9   seed:    DontHave 5 with id 3
    10  leecher: Bitfield 0-9, DontHave 6 with id 7
    11  seed:    ut_holepunch, id 7, four bytes
    12  leecher: upload_only, id 3, four bytes
    13  seed:    DontHave 8 with id 3
    """
    peers = begin(trace, leecher_ids={"ut_holepunch": 7, "lt_donthave": 3})
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(bitfield(range(10), PIECES), dont_have(7, 6))
    peers.seed.send(extended(7, numbers(7)))
    peers.leecher.send(extended(3, numbers(7)))
    peers.seed.send(dont_have(3, 8))


@capture("ids-one-side-none")
def one_side_none(trace):
    """Only the leecher advertises lt_donthave; BEP 54 lets the seed send it all the same.

    6   leecher: lt_donthave 3
    7   seed:    upload_only 3, no lt_donthave
    9   seed:    DontHave 5 with id 3
    10  leecher: upload_only, id 3, four bytes
    """
    peers = begin(trace, seed_ids={"upload_only": 3, "ut_pex": 1})
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(extended(3, numbers(5)))


@capture("ids-nobody")
def nobody(trace):
    """Neither side advertises lt_donthave: nothing is a DontHave, whatever it looks like.

    6   leecher: ut_metadata 3
    7   seed:    ut_metadata 3
    9   seed:    ut_metadata, id 3, four bytes
    10  leecher: ut_metadata, id 3, four bytes
    11  seed:    id 7, which nobody assigned, four bytes
    """
    peers = begin(trace, leecher_ids={"ut_metadata": 3}, seed_ids={"ut_metadata": 3})
    peers.seed.send(extended(3, numbers(5)))
    peers.leecher.send(extended(3, numbers(5)))
    peers.seed.send(extended(7, numbers(5)))


@capture("ids-renumbered")
def renumbered(trace):
    """A later handshake gives lt_donthave another id, and the old id to another extension.

    9   seed:    DontHave 5 with id 3
    10  leecher: extension handshake, lt_donthave 9, ut_pex 3
    11  seed:    DontHave 6 with id 9
    12  seed:    ut_pex, id 3, four bytes
    """
    peers = begin(trace)
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(extension_handshake({"lt_donthave": 9, "ut_pex": 3}))
    peers.seed.send(dont_have(9, 6))
    peers.seed.send(extended(3, numbers(7)))


@capture("ids-kept")
def kept(trace):
    """Handshakes add up: one that does not mention lt_donthave, or has no m at all, changes nothing.

    9   leecher: extension handshake with m, without lt_donthave
    10  seed:    DontHave 5 with id 3, assigned in frame 6
    11  leecher: extension handshake without m
    12  seed:    DontHave 6 with id 3, assigned in frame 6
    13  leecher: extension handshake, lt_donthave 3 again
    14  seed:    DontHave 7 with id 3, assigned in frame 13
    """
    peers = begin(trace)
    peers.leecher.send(extension_handshake({"ut_pex": 1}))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(extension_handshake(v="LE 1.0"))
    peers.seed.send(dont_have(3, 6))
    peers.leecher.send(extension_handshake({"lt_donthave": 3}))
    peers.seed.send(dont_have(3, 7))


@capture("ids-switched-off")
def switched_off(trace):
    """Id 0 switches the extension off; a later handshake switches it on again.

    9   seed:    DontHave 5 with id 3
    10  leecher: extension handshake, lt_donthave 0
    11  leecher: extension handshake, lt_donthave 4
    12  seed:    DontHave 6 with id 4
    """
    peers = begin(trace)
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(extension_handshake({"lt_donthave": 0}))
    peers.leecher.send(extension_handshake({"lt_donthave": 4}))
    peers.seed.send(dont_have(4, 6))


@capture("ids-before-handshake")
def before_handshake(trace):
    """An id means nothing before its handshake.

    4-5 handshakes
    6   seed:    extension handshake, lt_donthave 7
    7   seed:    Bitfield, Unchoke
    8   seed:    id 3, four bytes
    9   leecher: extension handshake, lt_donthave 3
    10  seed:    DontHave 6 with id 3
    """
    peers = TcpConnection(trace)
    shake_hands(peers)
    peers.seed.send(extension_handshake(SEED_IDS))
    offer(peers)
    peers.seed.send(extended(3, numbers(5)))
    peers.leecher.send(extension_handshake(LEECHER_IDS))
    peers.seed.send(dont_have(3, 6))


@capture("ids-without-m")
def without_m(trace):
    """The first handshakes have no m; the leecher's second one has.

    6   leecher: extension handshake without m, Interested
    7   seed:    extension handshake, empty dictionary
    9   seed:    id 3, four bytes
    10  leecher: extension handshake, lt_donthave 3
    11  seed:    DontHave 6 with id 3
    """
    peers = TcpConnection(trace)
    shake_hands(peers)
    peers.leecher.send(extension_handshake(v="LE 1.0", reqq=250))
    peers.seed.send(extension_handshake())
    offer(peers)
    peers.seed.send(extended(3, numbers(5)))
    peers.leecher.send(extension_handshake({"lt_donthave": 3}))
    peers.seed.send(dont_have(3, 6))


@capture("ids-200-extensions")
def two_hundred(trace):
    """Handshakes of 200 extensions with ids 1 to 200; lt_donthave is 137 for the leecher and 200 for the seed.

    9   seed:    DontHave 5 with id 137
    10  seed:    extension 138, four bytes
    11  leecher: Bitfield, DontHave 6 with id 200
    12  leecher: extension 137, four bytes
    """
    names = {f"ext_{number:03}": number for number in range(1, 201)}
    leecher = {("lt_donthave" if number == 137 else name): number for name, number in names.items()}
    seed = {("lt_donthave" if number == 200 else name): number for name, number in names.items()}
    peers = begin(trace, leecher_ids=leecher, seed_ids=seed)
    peers.seed.send(dont_have(137, 5))
    peers.seed.send(extended(138, numbers(5)))
    peers.leecher.send(bitfield(ALL, PIECES), dont_have(200, 6))
    peers.leecher.send(extended(137, numbers(5)))


@capture("ids-any-order")
def any_order(trace):
    """Keys that are not sorted, in m and around it, with lists and dictionaries on the way.

    6   leecher: v, reqq, m (ut_pex, lt_donthave 3, a), p, yourip, ipv6
    7   seed:    m (lt_donthave 7, zz, aa) after a list and a dictionary that has an m with lt_donthave 9 of its own
    9   seed:    DontHave 5 with id 3
    10  leecher: Bitfield, DontHave 6 with id 7
    11  leecher: id 9, which nobody assigned, four bytes
    """
    peers = TcpConnection(trace)
    shake_hands(peers)
    peers.leecher.send(extended(0, b"d1:v4:LE 14:reqqi250e1:md6:ut_pexi1e11:lt_donthavei3e1:ai4ee"
                                   b"1:pi40000e6:yourip4:\x0a\x00\x00\x024:ipv616:" + bytes(16) + b"e"))
    peers.seed.send(extended(0, b"d1:zli1eli2e1:xee1:yd1:md11:lt_donthavei9eee"
                                b"1:md11:lt_donthavei7e2:zzi2e2:aai1eee"))
    offer(peers)
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(bitfield(ALL, PIECES), dont_have(7, 6))
    peers.leecher.send(extended(9, numbers(5)))


@capture("ids-other-names")
def other_names(trace):
    """Other extensions are never taken for DontHave, whatever their number and length.

    6   leecher: ut_pex 1, ut_metadata 2, upload_only 3, ut_holepunch 4, share_mode 7, lt_donthave 12
    9   seed:    each of the others with a payload of four bytes, then ut_holepunch again with five
    10  seed:    DontHave 5 with id 12
    """
    others = {"ut_pex": 1, "ut_metadata": 2, "upload_only": 3, "ut_holepunch": 4, "share_mode": 7}
    peers = begin(trace, leecher_ids={**others, "lt_donthave": 12})
    peers.seed.send(*(extended(number, numbers(5)) for number in others.values()), extended(4, bytes(5)))
    peers.seed.send(dont_have(12, 5))


@capture("ids-edges")
def edges(trace):
    """The smallest id and the largest, 1 and 255.

    6   leecher: lt_donthave 1
    7   seed:    lt_donthave 255
    9   seed:    DontHave 5 with id 1
    10  leecher: Bitfield, UNCHOKE, DontHave 6 with id 255
    """
    peers = begin(trace, leecher_ids={"lt_donthave": 1}, seed_ids={"lt_donthave": 255})
    peers.seed.send(dont_have(1, 5))
    peers.leecher.send(bitfield(ALL, PIECES), UNCHOKE, dont_have(255, 6))
