"""What careless or hostile peers send. Each capture goes on with a good DontHave where the stream allows it.

Frames 1 to 8 are those of session.py unless a capture says otherwise.
"""

from bencode import Raw, encode
from capture import capture
from peer_wire import dont_have, extended, extension_handshake, handshake, have, numbers, INTERESTED
from session import SEED_IDS, begin, offer, shake_hands
from tcp import TcpConnection


@capture("bad-lengths")
def lengths(trace):
    """DontHaves whose payload is not four bytes long.

    9   no payload
    10  one byte
    11  three bytes
    12  five bytes
    13  200 bytes
    14  DontHave 5, as it should be
    15  three bytes, DontHave 6, five bytes: in one segment
    """
    peers = begin(trace)
    for payload in (b"", b"\0", numbers(5)[1:], numbers(5) + b"\0", numbers(5) * 50):
        peers.seed.send(extended(3, payload))
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(extended(3, bytes(3)), dont_have(3, 6), extended(3, bytes(5)))


@capture("bad-bencoded")
def bencoded(trace):
    """DontHaves whose payload is a bencoded dictionary, as in young clients.

    9   d5:piecei5ee
    10  de
    11  DontHave 5, as it should be
    """
    peers = begin(trace)
    peers.seed.send(extended(3, encode({"piece": 5})))
    peers.seed.send(extended(3, b"de"))
    peers.seed.send(dont_have(3, 5))


@capture("bad-prefix")
def prefix(trace):
    """A length prefix of 0xffffffff.

    9   DontHave 5
    10  DontHave 6, then ff ff ff ff and four bytes more
    11  Have 1
    """
    peers = begin(trace)
    peers.seed.send(dont_have(3, 5))
    peers.seed.send(dont_have(3, 6), b"\xff\xff\xff\xff\x14\x03\x00\x00")
    peers.seed.send(have(1))


@capture("bad-prefix-first")
def prefix_first(trace):
    """The same right after the handshakes, from the side that says no more.

    6   leecher: ff ff ff ff alone
    7   seed: extension handshake, Bitfield, Unchoke
    8   leecher: four bytes of 0xff again
    """
    peers = TcpConnection(trace)
    shake_hands(peers)
    peers.leecher.send(b"\xff\xff\xff\xff")
    peers.seed.send(extension_handshake(SEED_IDS))
    offer(peers)
    peers.leecher.send(b"\xff\xff\xff\xff")


@capture("bad-handshake-cut")
def handshake_cut(trace):
    """Extension handshakes that end too early; the message around them is whole.

    9   leecher: d1:md6:ut_pexi1e, both dictionaries open
    10  leecher: d1:md11:lt_dont, the string shorter than it says
    11  leecher: d1:md11:lt_donthavei, the number open
    12  leecher: nothing
    13  seed:    DontHave 5 with id 3, assigned in frame 6
    """
    peers = begin(trace)
    for payload in (b"d1:md6:ut_pexi1e", b"d1:md11:lt_dont", b"d1:md11:lt_donthavei", b""):
        peers.leecher.send(extended(0, payload))
    peers.seed.send(dont_have(3, 5))


@capture("bad-handshake-kinds")
def handshake_kinds(trace):
    """Extension handshakes that are no bencoded dictionary.

    9   leecher: an integer
    10  leecher: a list
    11  leecher: a dictionary, and a byte after it
    12  leecher: four bytes that are no bencoding at all
    13  leecher: a string that claims 4294967295 bytes
    14  seed:    DontHave 5 with id 3, assigned in frame 6
    """
    peers = begin(trace)
    for payload in (b"i54e", b"l1:me", b"d1:v1:xe!", b"\x00\x00\x00\x05", b"d1:m4294967295:xe"):
        peers.leecher.send(extended(0, payload))
    peers.seed.send(dont_have(3, 5))


@capture("bad-handshake-deep", compressed=True)
def handshake_deep(trace):
    """Extension handshakes nested without end.

    9   leecher: 10,000 lists inside one another, all closed
    10  leecher: 10,000 dictionaries inside one another, never closed
    11  leecher: 10,000 lists, never closed: short enough for the built-in dissector to look inside
    12  leecher: 33 lists in the dictionary, one level more than is allowed
    13  leecher: 8 lists in the dictionary, which is fine
    14  seed:    DontHave 5 with id 3, assigned in frame 6
    """
    peers = begin(trace)
    peers.leecher.send(extended(0, b"d1:x" + b"l" * 10000 + b"e" * 10000 + b"e"))
    peers.leecher.send(extended(0, b"d1:x" * 10000))
    peers.leecher.send(extended(0, b"d1:x" + b"l" * 10000))
    peers.leecher.send(extended(0, b"d1:x" + b"l" * 33 + b"e" * 33 + b"e"))
    peers.leecher.send(extended(0, b"d1:x" + b"l" * 8 + b"e" * 8 + b"e"))
    peers.seed.send(dont_have(3, 5))


FORTY_DIGITS = Raw(b"i" + b"1234567890" * 4 + b"e")


@capture("bad-handshake-digits")
def handshake_digits(trace):
    """Integers of forty digits, which are good bencoding.

    6   leecher: lt_donthave 3, reqq of forty digits
    9   seed:    DontHave 5 with id 3
    10  leecher: lt_donthave of forty digits, which is no id
    """
    peers = TcpConnection(trace)
    shake_hands(peers)
    peers.leecher.send(extension_handshake({"lt_donthave": 3}, reqq=FORTY_DIGITS), INTERESTED)
    peers.seed.send(extension_handshake(SEED_IDS))
    offer(peers)
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(extension_handshake({"lt_donthave": FORTY_DIGITS}))


@capture("bad-ids")
def bad_ids(trace):
    """Values of m.lt_donthave that are no message id; the connection never has another.

    6   leecher: the string "3"
    9   leecher: -1
    10  leecher: 256
    11  leecher: a list
    12  leecher: a dictionary
    13  seed:    id 0xff, four bytes: what -1 would be in a byte
    14  seed:    id 3, four bytes
    """
    peers = begin(trace, leecher_ids={"lt_donthave": "3"})
    for value in (-1, 256, [3], {"id": 3}):
        peers.leecher.send(extension_handshake({"lt_donthave": value}))
    peers.seed.send(extended(255, numbers(5)))
    peers.seed.send(extended(3, numbers(5)))


@capture("bad-m")
def bad_m(trace):
    """The value of m is no dictionary, so that no id is assigned; the bencoding is good.

    6   leecher: m is a list
    7   seed:    m is an integer
    9   seed:    id 3, four bytes
    """
    peers = begin(trace, leecher_ids=["lt_donthave", 3], seed_ids=7)
    peers.seed.send(extended(3, numbers(5)))


@capture("bad-handshake-68")
def handshake_68(trace):
    """The handshake of BEP 3 itself, cut in the middle: the connection ends after half of it.

    4  leecher: 34 bytes of the handshake
    5  leecher: FIN
    """
    peers = TcpConnection(trace)
    peers.leecher.send(handshake("-LE0001-")[:34])
    peers.leecher.finish()
