#!/usr/bin/env python3
"""The DontHaves of a capture in pure Python: over_packets.py CAPTURE prints frame, piece, requests (pcap, pcapng, gzip)."""

import gzip
import struct
import sys

from peers import Peers


def packets(data):
    """The bytes of each frame."""
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
        kinds, at = struct.Struct(order + "II"), 0
        while at + 12 <= len(data):
            kind, length = kinds.unpack_from(data, at)
            if kind == 6:
                captured, = struct.unpack_from(order + "I", data, at + 20)
                yield data[at + 28:at + 28 + captured]
            at += length
        return
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    header, at = struct.Struct(order + "8xII"), 24
    while at + 16 <= len(data):
        captured, _ = header.unpack_from(data, at)
        yield data[at + 16:at + 16 + captured]
        at += 16 + captured


def read(file):
    peers = Peers()
    with (gzip.open if file.endswith(".gz") else open)(file, "rb") as capture:
        data = capture.read()
    for number, frame in enumerate(packets(data), 1):
        if frame[12:14] != b"\x08\x00" or len(frame) < 34:
            continue
        start = 14 + (frame[14] & 15) * 4
        end = 14 + int.from_bytes(frame[16:18], "big")
        source = frame[26:30] + frame[start:start + 2]
        destination = frame[30:34] + frame[start + 2:start + 4]
        if frame[23] == 6:
            sequence = int.from_bytes(frame[start + 4:start + 8], "big")
            data_at = start + (frame[start + 12] >> 4) * 4
            peers.tcp(number, source, destination, sequence, frame[start + 13] & 2, frame[data_at:end])
        elif frame[23] == 17:
            peers.utp(number, source, destination, frame[start + 8:end])
    return peers.rows


if __name__ == "__main__":
    for row in read(sys.argv[1]):
        print(*row, sep="\t")
