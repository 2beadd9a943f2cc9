"""The byte streams of a capture, TCP and uTP, without Wireshark.

It reads what dumpcap writes (pcapng, Ethernet, IPv4) and nothing else. The whole capture is there, so the streams can be had
the simple way: put each direction's bytes in order.
"""

import bisect
import collections
import struct

UTP_HEADER = 20
ST_DATA = 0


class Mismatch(Exception):
    """A capture is not what it must be; the text says what, for the user."""


class Stream:
    """One direction of a connection: its bytes, and in which frame each of them came."""

    def __init__(self):
        self.bytes = b""
        self._starts = []  # positions in the stream
        self._frames = []  # the frame that brought what begins there

    def add(self, data, frame):
        self._starts.append(len(self.bytes))
        self._frames.append(frame)
        self.bytes += data

    def frame_at(self, position):
        return self._frames[bisect.bisect_right(self._starts, position) - 1]


def packets(pcapng):
    """The bytes of each frame: the enhanced packet blocks of a pcapng file."""
    offset = 0
    while offset < len(pcapng):
        kind, length = struct.unpack_from("<II", pcapng, offset)
        if kind == 6:
            captured = struct.unpack_from("<I", pcapng, offset + 20)[0]
            yield pcapng[offset + 28:offset + 28 + captured]
        offset += length


def segments(pcapng):
    """For each packet with data: frame, flow, position in the stream, data. TCP counts bytes, uTP packets (BEP 29)."""
    for number, frame in enumerate(packets(pcapng), 1):
        if frame[12:14] != b"\x08\x00":
            continue
        header = (frame[14] & 15) * 4
        length = struct.unpack_from(">H", frame, 16)[0]
        addresses = [".".join(map(str, frame[at:at + 4])) for at in (26, 30)]
        body = frame[14 + header:14 + length]
        flow = tuple(f"{address}:{port}" for address, port in zip(addresses, struct.unpack_from(">HH", body)))
        if frame[23] == 6:
            data = body[(body[12] >> 4) * 4:]
            position, modulus = struct.unpack_from(">I", body, 4)[0], 1 << 32
        elif frame[23] == 17 and len(body) >= 8 + UTP_HEADER and body[8] == ST_DATA << 4 | 1:
            position, modulus = struct.unpack_from(">H", body, 8 + 16)[0], 1 << 16
            data = utp_data(body[8:])
        else:
            continue
        if data:
            yield number, flow, position, modulus, data


def datagrams(pcapng):
    """For each packet of UDP: frame, sender, receiver, data."""
    for number, frame in enumerate(packets(pcapng), 1):
        if frame[12:14] != b"\x08\x00" or frame[23] != 17:
            continue
        header = (frame[14] & 15) * 4
        body = frame[14 + header:14 + struct.unpack_from(">H", frame, 16)[0]]
        addresses = [".".join(map(str, frame[at:at + 4])) for at in (26, 30)]
        flow = tuple(f"{address}:{port}" for address, port in zip(addresses, struct.unpack_from(">HH", body)))
        yield number, *flow, body[8:]


def utp_data(packet):
    extension, offset = packet[1], UTP_HEADER
    while extension:
        extension, length = packet[offset], packet[offset + 1]
        offset += 2 + length
    return packet[offset:]


def streams(pcapng):
    """The stream of each flow (source, destination). A hole in it is a mismatch: the capture has lost something."""
    pieces = collections.defaultdict(dict)
    tcp = {}
    for number, flow, position, modulus, data in segments(pcapng):
        known = pieces[flow]
        last = max(known) if known else position
        absolute = last + (position - last + modulus // 2) % modulus - modulus // 2
        if len(data) > len(known.get(absolute, (b"",))[0]):
            known[absolute] = data, number
        tcp[flow] = modulus == 1 << 32
    result = {}
    for flow, known in pieces.items():
        stream = result[flow] = Stream()
        expected = min(known)
        for position in sorted(known):
            data, number = known[position]
            if position > expected:
                raise Mismatch(f"hole in the stream {flow[0]} -> {flow[1]}")
            stream.add(data[expected - position:] if tcp[flow] else data, number)
            expected = max(expected, position + len(data)) if tcp[flow] else position + 1
    return result
