#!/usr/bin/env python3
"""Writes the seeds of fuzz_peer_connection.c to the folder corpus_peer_connection. One file each:

    ledger          without Fast: Requests, DontHave, late Request, late block, Cancel, Have
    fast            with Fast: Requests, DontHave, Rejects, Choke, Have All, Suggest Piece, Allowed Fast
    both            both sides ask and disown; ids that differ; a Bitfield cut by the capture
    ids             renumbered, switched off, own id, base message 18, look-alike, shared id, bad handshakes
    lengths         payloads of DontHaves of 0 to 8 bytes and bencoded ones
    middle          begins in the middle, with the fallback id
    holes           bytes missing, sent again, in pieces of three bytes
    storm           70 DontHaves at once
    broken          a length beyond the cap, deep nesting, zeros
"""

import struct
from pathlib import Path

FROM_B, HOLE, AGAIN, CUT, REASSEMBLES, NO_ACK, SAME_FRAME, SOON = (1 << bit for bit in range(8))


def message(number, payload=b""):
    return struct.pack(">IB", len(payload) + 1, number) + payload


def numbers(number, *values):
    return message(number, struct.pack(f">{len(values)}I", *values))


def handshake(fast=False):
    return b"\x13BitTorrent protocol" + bytes([0, 0, 0, 0, 0, 0x10, 0, 4 if fast else 0]) + bytes(40)


def extended(number, payload):
    return message(20, bytes([number]) + payload)


def names(**ids):
    return extended(0, b"d1:md" + b"".join(b"%d:%si%de" % (len(key), key.encode(), value)
                                           for key, value in sorted(ids.items())) + b"ee")


def dont_have(number, piece):
    return extended(number, struct.pack(">I", piece))


def chunk(what, data, argument=0):
    return bytes([what, argument, len(data)]) + data


def begin(fast=False, fallback=0):
    return (bytes([fallback]) + chunk(0, handshake(fast)) + chunk(FROM_B, handshake(fast))
            + chunk(0, names(lt_donthave=3, ut_pex=1)) + chunk(FROM_B, names(lt_donthave=7))
            + chunk(FROM_B, message(5, b"\xff" * 4)) + chunk(0, message(5, b"\x00\x00\xff\xff")))


def request(piece, block=0):
    return numbers(6, piece, block * 16, 16)


def block(piece, number=0):
    return message(7, struct.pack(">2I", piece, number * 16) + bytes(16))


SEEDS = {
    "ledger": begin() + chunk(0, request(5) + request(5, 1) + request(6)) + chunk(FROM_B, dont_have(3, 5))
    + chunk(NO_ACK, request(5, 2), 1) + chunk(0, request(5, 3)) + chunk(FROM_B, block(5) + block(5, 3))
    + chunk(0, numbers(8, 5, 16, 16)) + chunk(FROM_B, numbers(4, 5) + message(0) + dont_have(3, 6)),
    "fast": begin(True) + chunk(0, request(5) + request(5, 1) + request(6)) + chunk(FROM_B, dont_have(3, 5))
    + chunk(FROM_B, numbers(16, 5, 0, 16) + numbers(16, 5, 0, 16)) + chunk(0, request(5, 1) + numbers(8, 6, 0, 16))
    + chunk(FROM_B, message(0) + numbers(13, 6) + numbers(17, 7) + dont_have(3, 6) + dont_have(3, 7))
    + chunk(FROM_B, message(14) + numbers(16, 6, 0, 16) + message(15)),
    "both": begin(True) + chunk(0, request(16)) + chunk(FROM_B, request(16)) + chunk(0, dont_have(7, 16))
    + chunk(FROM_B, dont_have(3, 16)) + chunk(FROM_B | CUT, message(5, b"\xff" * 8)[:9], 4) + chunk(FROM_B, dont_have(3, 40)),
    "ids": begin() + chunk(0, names(lt_donthave=9)) + chunk(FROM_B | NO_ACK, dont_have(3, 1), 5)
    + chunk(FROM_B, dont_have(9, 2) + dont_have(7, 3)) + chunk(0, names(lt_donthave=0))
    + chunk(FROM_B | NO_ACK, dont_have(9, 4), 5) + chunk(FROM_B, dont_have(9, 5) + numbers(18, 5))
    + chunk(0, names(LT_DontHave=4, lt_donthave=1) + extended(0, b"d1:md11:lt_donthavei-1eee"))
    + chunk(0, extended(0, b"d1:md11:lt_donthave1:3ee") + extended(0, b"d1:m") + extended(0, b"d1:mdee:")),
    "lengths": begin() + b"".join(chunk(FROM_B, extended(3, bytes(size))) for size in range(9))
    + chunk(FROM_B, extended(3, b"d5:piecei5ee") + extended(3, b"d1:a")),
    "middle": bytes([9]) + chunk(FROM_B, dont_have(9, 5)) + chunk(0, request(5) + request(6))
    + chunk(FROM_B, numbers(16, 5, 0, 16) + dont_have(9, 6) + numbers(16, 6, 0, 16) + message(14)),
    "holes": begin(True) + chunk(0, request(5)) + chunk(FROM_B | HOLE, numbers(4, 5) + dont_have(3, 5), 30)
    + chunk(FROM_B | AGAIN, dont_have(3, 5) + numbers(16, 5, 0, 16), 10)
    + b"".join(chunk(FROM_B | SAME_FRAME, dont_have(3, 6)[at:at + 3]) for at in range(0, 10, 3))
    + chunk(FROM_B, block(7)[:15]) + chunk(FROM_B | HOLE, dont_have(3, 7), 14),
    "storm": begin() + chunk(FROM_B | SOON, dont_have(3, 1) * 25) * 3,
    "broken": begin() + chunk(0, extended(0, b"l" * 60 + b"e" * 60)) + chunk(0, extended(0, b"d1:mi" + b"9" * 40 + b"ee"))
    + chunk(FROM_B, bytes(40)) + chunk(FROM_B, b"\xff\xff\xff\xff\x14\x03") + chunk(FROM_B, numbers(4, 5) + dont_have(3, 5)),
}

folder = Path(__file__).parent / "corpus_peer_connection"
folder.mkdir(exist_ok=True)
for name, seed in SEEDS.items():
    (folder / name).write_bytes(seed)
