#!/usr/bin/env python3
"""Writes the seeds of fuzz_mse_feed.c to the folder corpus_mse_feed: a connection as clients have it, over TCP and uTP, with each
method, IA, with its key and without; the key comes late; packets of a byte around the payload; packets that are swapped, missing,
repeated, cut; other traffic."""

from pathlib import Path

KEY, UTP, RC4, BOTH, IA_68, IA_MORE, LATE_KEY = (1 << bit for bit in range(7))
FROM_B, HOLE, AGAIN, CUT, RAW, HELD, LONG = (1 << bit for bit in range(7))

PADS = bytes([5, 20, 15, 40])      # half of the bytes


def take(what, size, argument=0):
    """A packet with the next bytes of a peer, or two."""
    if size > 255:
        return bytes([what | LONG, argument, size // 16]) + (take(what, size % 16) if size % 16 else b"")
    return bytes([what, argument, size])


def opening(ia):
    """PadA is 10 bytes long, PadB 40, PadC 30, PadD 80."""
    flights = [take(0, 106), take(FROM_B, 136), take(0, 40 + 14 + 30 + 2 + ia)]
    return b"".join(flights + ([take(FROM_B, 94), take(0, 68), take(FROM_B, 68)] if ia == 0 else [take(FROM_B, 94 + 68)]))


# What proves where it stands, and what does not; a packet that comes late, into one hole or the other.
HOLES = take(FROM_B | HOLE, 250, 200) + take(FROM_B, 255) * 3 + take(0 | HOLE, 100, 20) + take(0, 200) * 5 \
    + take(FROM_B | HELD, 90) + take(FROM_B, 120) + take(FROM_B | HOLE, 80, 9) + take(FROM_B | HELD | HOLE, 70, 60) \
    + take(FROM_B | CUT, 250, 40) + take(FROM_B, 255) * 4 + take(0 | HOLE | HELD, 60, 100) + take(0, 255) * 3

ENDING = take(0, 48) + take(FROM_B, 48) + take(0, 700) + take(FROM_B, 700)
SWAPPED = take(0, 48) + take(FROM_B | HELD, 30) + take(FROM_B, 18) + take(0 | HELD, 100) + take(0, 200) + take(FROM_B, 700)

SEEDS = {}
for name, carrier in ("tcp", 0), ("utp", UTP):
    for method, option in ("plaintext", 0), ("rc4", RC4):
        for ia_name, ia_option, ia_size in ("none", 0, 0), ("68", IA_68, 68), ("more", IA_MORE, 98):
            SEEDS[f"{name}_{method}_{ia_name}"] = bytes([carrier | option | ia_option | KEY | BOTH]) + PADS \
                + opening(ia_size) + ENDING
        begin = bytes([carrier | option | IA_68 | KEY | BOTH]) + PADS
        SEEDS |= {
            f"{name}_{method}_no_key": bytes([carrier | option | IA_68 | BOTH]) + PADS + opening(68) + ENDING,
            f"{name}_{method}_late_key": bytes([carrier | option | IA_68 | KEY | BOTH | LATE_KEY]) + PADS + opening(68) + ENDING,
            f"{name}_{method}_swapped": begin + opening(68) + SWAPPED,
            f"{name}_{method}_swapped_early": begin + take(0 | HELD, 106) + take(FROM_B, 136) + take(0 | HELD, 86)
            + take(0, 68) + take(FROM_B, 162) + SWAPPED,
            f"{name}_{method}_hole": begin + opening(68) + take(0, 48) + take(FROM_B | HOLE, 48, 30) + ENDING,
            f"{name}_{method}_holes": begin + opening(68) + take(0, 48) + take(FROM_B, 48) + HOLES + ENDING,
            f"{name}_{method}_again": begin + opening(68) + take(0 | AGAIN, 48, 30) + take(FROM_B | AGAIN, 48, 30) + ENDING,
            f"{name}_{method}_cut": begin + opening(68) + take(0 | CUT, 48, 20) + take(FROM_B | CUT, 48, 20) + ENDING,
            f"{name}_{method}_bytes": begin + take(0, 106) + take(FROM_B, 136) + take(0, 150) + take(0, 1) * 10
            + take(FROM_B, 90) + take(FROM_B, 1) * 80 + ENDING,
        }
    SEEDS[f"{name}_raw"] = bytes([carrier | KEY]) + PADS + bytes([RAW, 0, 38]) + b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n\r\n" \
        + bytes([RAW | FROM_B, 0, 68]) + b"\x13BitTorrent protocol" + bytes(48)

folder = Path(__file__).parent / "corpus_mse_feed"
folder.mkdir(exist_ok=True)
for name, seed in SEEDS.items():
    (folder / name).write_bytes(seed)
