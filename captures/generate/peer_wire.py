"""Messages of the BitTorrent peer wire protocol, as bytes.

Ids and layouts: BEP 3; Fast extension, ids 13 to 17: BEP 6; extension protocol, id 20: BEP 10; hashes, ids 21 to 23:
BEP 52; lt_donthave: BEP 54. All numbers are big-endian.
"""

import struct

from bencode import encode

BLOCK = 16384

INFO_HASH = bytes.fromhex("54000000000000000000000000000000000000be")
FAST = (7, 0x04)
EXTENSIONS = (5, 0x10)

KEEP_ALIVE = bytes(4)


def handshake(peer_id, fast=False, extensions=True):
    """The 68 bytes that begin every connection; a flag of the reserved bytes is its (byte, bit)."""
    reserved = bytearray(8)
    for (byte, bit), wanted in ((FAST, fast), (EXTENSIONS, extensions)):
        if wanted:
            reserved[byte] |= bit
    return b"\x13BitTorrent protocol" + bytes(reserved) + INFO_HASH + peer_id.encode().ljust(20, b"-")[:20]


def message(message_id, payload=b""):
    """A length prefix, which counts the id, then the id and the payload."""
    return struct.pack(">IB", 1 + len(payload), message_id) + payload


def numbers(*values):
    return struct.pack(f">{len(values)}I", *values)


CHOKE = message(0)
UNCHOKE = message(1)
INTERESTED = message(2)
NOT_INTERESTED = message(3)
HAVE_ALL = message(14)
HAVE_NONE = message(15)


def have(piece):
    return message(4, numbers(piece))


def bitfield(pieces, count):
    """A Bitfield that offers `pieces` of a torrent of `count`; the spare bits of the last byte are 0."""
    bits = bytearray((count + 7) // 8)
    for piece in pieces:
        bits[piece // 8] |= 0x80 >> piece % 8
    return message(5, bytes(bits))


def request(piece, begin=0, length=BLOCK):
    return message(6, numbers(piece, begin, length))


def piece(index, begin=0, block=b"\xbe" * 16):
    """A block. Its bytes are few and far from any length prefix, unless a capture needs others."""
    return message(7, numbers(index, begin) + block)


def cancel(piece, begin=0, length=BLOCK):
    return message(8, numbers(piece, begin, length))


def suggest(piece):
    return message(13, numbers(piece))


def reject(piece, begin=0, length=BLOCK):
    return message(16, numbers(piece, begin, length))


def allowed_fast(piece):
    return message(17, numbers(piece))


def extended(extended_id, payload):
    """A message of an extension, under the id that its receiver assigned to it."""
    return message(20, bytes([extended_id]) + payload)


def extension_handshake(ids=None, **rest):
    """The handshake of BEP 10; `ids` becomes its dictionary m, which is left out when None."""
    contents = {} if ids is None else {"m": ids}
    return extended(0, encode({**contents, **rest}))


def dont_have(extended_id, piece):
    """lt_donthave: ten bytes, 00 00 00 06 14 id and the piece index."""
    return extended(extended_id, numbers(piece))
