#!/usr/bin/env python3
"""Writes the seeds of fuzz_mse_stream.c to the folder corpus_mse_stream. One file each:

    plaintext, rc4      a connection as clients have it, with its key and without; each IA
    late                the key comes after the third packet
    bytes               in packets of three bytes around the start of the payload
    order               the responder's bytes before the initiator's
    holes               missing and repeated bytes, and packets that were cut
    changed             a bit of each field changed
    raw                 other traffic
"""

from pathlib import Path

KEY, TOLD, RC4, BOTH, IA_68, IA_MORE, LATE, OTHER = (1 << bit for bit in range(8))
FROM_B, HOLE, AGAIN, CUT, RAW, FLIP, LONG = (1 << bit for bit in range(7))

PADS = bytes([5, 20, 15, 40])      # half of the bytes


def take(what, size, argument=0):
    """The next bytes of a peer."""
    if size > 255:
        return bytes([what | LONG, argument, size // 16]) + (take(what, size % 16) if size % 16 else b"")
    return bytes([what, argument, size])


def change(what, data):
    return bytes([what, 0, len(data)]) + data


def session(ia=68):
    """The flights, with PADS: PadA is 10 bytes long, PadB 40, PadC 30, PadD 80."""
    initiator, responder = 106 + 40 + 14 + 30 + 2 + ia, 136 + 14 + 80
    flights = [take(0, 106), take(FROM_B, 136), take(0, initiator - 106)]
    if ia == 0:
        flights += [take(FROM_B, responder - 136), take(0, 68), take(FROM_B, 68)]
    else:
        flights += [take(FROM_B, responder - 136 + 68)]
    return flights + [take(0, 700), take(FROM_B, 700), take(0, 700), take(FROM_B, 700)]


def begin(options):
    return bytes([options]) + PADS


SEEDS = {}
for name, option in ("plaintext", 0), ("rc4", RC4):
    for ia_name, ia_option, ia_size in ("none", 0, 0), ("68", IA_68, 68), ("more", IA_MORE, 98):
        for key_name, key in ("", 0), ("_key", KEY):
            options = option | ia_option | key | BOTH | TOLD
            SEEDS[f"{name}_{ia_name}{key_name}"] = begin(options) + b"".join(session(ia_size))
SEEDS |= {
    "late": begin(KEY | LATE | RC4 | IA_68) + b"".join(session()),
    "other": begin(KEY | OTHER | BOTH | IA_68) + b"".join(session()),
    "bytes": begin(KEY | BOTH | IA_68) + b"".join(session()[:3]) + take(FROM_B, 80) + take(FROM_B, 3) * 40
    + take(0, 3) * 20,
    "order": begin(KEY | BOTH | RC4 | IA_68) + take(FROM_B, 700) + take(FROM_B, 700) + take(0, 700) + take(0, 700),
    "holes": begin(KEY | BOTH | RC4 | IA_68) + b"".join(session()[:4]) + take(AGAIN, 100, 60) + take(HOLE, 100, 60)
    + take(FROM_B | CUT, 40, 30) + take(FROM_B | HOLE | AGAIN, 200, 9),
    "hole_early": begin(BOTH | IA_68) + take(0, 106) + take(HOLE, 100, 1) + take(FROM_B, 700) + take(0, 700)
    + take(FROM_B, 700),
    "changed": begin(KEY | BOTH | RC4 | IA_68) + session()[0] + session()[1] + take(0, 40)
    + change(FLIP, bytes(11) + b"\2") + take(0, 114) + change(FROM_B | FLIP, bytes(11) + b"\1") + take(FROM_B, 500),
    "raw": begin(KEY | BOTH) + change(RAW, b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
    + change(RAW | FROM_B, b"HTTP/1.1 200 OK\r\n\r\n" + b"\x13BitTorrent protocol" + bytes(48)),
    "raw_plain": begin(0) + change(RAW, b"\x13BitTorrent protocol" + bytes(48)) * 2
    + change(RAW | FROM_B, b"\x13BitTorrent protocol" + bytes(range(48))),
}

folder = Path(__file__).parent / "corpus_mse_stream"
folder.mkdir(exist_ok=True)
for name, seed in SEEDS.items():
    (folder / name).write_bytes(seed)
