"""What was said in a recording of one encrypted connection, and what is still there of it where packets are missing."""

import gzip
import re
import struct
import sys
from collections import Counter

from many import ROOT

sys.path.append(str(ROOT / "captures" / "record"))

import mse  # noqa: E402

EXTENDED = 20


class Said:
    """Frames are those of the recording, from 1 on."""

    def __init__(self, capture):
        connection, = mse.connections(gzip.decompress(capture.read_bytes()), mse.keys_beside(capture))
        self.streams = connection.streams
        self.opening = set()        # frames with the handshakes, of MSE and of BitTorrent, and of the extensions
        self.said = []              # (piece, frames, those from a boundary on) of the DontHaves
        self.all_frames = set()     # with data
        assigned = {}
        for (sender, receiver), plain in connection.plain.items():
            at = len(self.streams[sender, receiver].bytes) - len(plain)
            for begin, end, kind, payload in messages(plain):
                named = re.search(rb"11:lt_donthavei(\d+)e", payload)
                if kind == EXTENDED and payload[0] == 0 and named:
                    assigned[receiver, sender] = int(named[1])
                    self.opening |= self.frames((sender, receiver), 0, at + end)
            self.opening |= self.frames((sender, receiver), 0, at + mse.HANDSHAKE_LENGTH)
            self.all_frames |= self.frames((sender, receiver), 0, at + len(plain))
        for flow, plain in connection.plain.items():
            at = len(self.streams[flow].bytes) - len(plain)
            boundary = at
            for begin, end, kind, payload in messages(plain):
                frame_at = self.streams[flow].frame_at
                if begin + at == 0 or frame_at(begin + at) != frame_at(begin + at - 1):
                    boundary = begin + at
                if kind == EXTENDED and payload[0] == assigned.get(flow) and len(payload) == 5:
                    self.said.append((struct.unpack(">I", payload[1:])[0], self.frames(flow, at + begin, at + end),
                                      self.frames(flow, boundary, at + end)))

    def frames(self, flow, begin, end):
        """Those with some of the bytes."""
        return {self.streams[flow].frame_at(position) for position in range(begin, end)}

    def dont_haves(self, missing):
        """Those of which no byte is in one of the missing frames."""
        return Counter(piece for piece, frames, _ in self.said if not frames & missing)

    def dont_haves_after_a_boundary(self, missing):
        """Those of which besides no byte is missing from the beginning of a frame on that begins with a message."""
        return Counter(piece for piece, _, frames in self.said if not frames & missing)

    def opens_without(self, missing):
        """Whether the handshakes are there."""
        return not self.opening & missing


def messages(plain):
    """(begin, end, id, payload) of each, without handshakes and keep-alives."""
    at = mse.HANDSHAKE_LENGTH if plain.startswith(mse.PROTOCOL) else 0
    while at + 4 < len(plain):
        end = at + 4 + struct.unpack_from(">I", plain, at)[0]
        if end - at > 4:
            yield at, end, plain[at + 4], plain[at + 5:end]
        at = end
