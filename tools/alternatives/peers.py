"""BitTorrent connections from packets: the DontHave messages (BEP 54) and how many requests each one invalidated.

The part that over_packets.py and over_ek.py share: streams in order (TCP, and uTP after BEP 29), messages (BEP 3),
extension ids (BEP 10), outstanding requests (BEP 3, 6).
"""

import struct

PROTOCOL = b"\x13BitTorrent protocol"
HANDSHAKE = 68
CHOKE, REQUEST, PIECE, CANCEL, REJECT, EXTENDED = 0, 6, 7, 8, 16, 20
ST_DATA, ST_SYN = 0, 4


def bdecode(data, at=0):
    """One bencoded value and where it ends."""
    kind = data[at:at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if kind in b"ld" and kind:
        values, at = [], at + 1
        while data[at:at + 1] != b"e":
            value, at = bdecode(data, at)
            values.append(value)
        return (dict(zip(values[::2], values[1::2])) if kind == b"d" else values), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end], end


class Direction:
    """What one peer sends."""

    def __init__(self):
        self.next = None        # sequence number of the next byte (TCP) or packet (uTP)
        self.early = {}         # sequence number -> data that came before its turn
        self.rest = b""         # bytes of a message that is not complete
        self.greeted = False    # its handshake is read
        self.alien = False      # not BitTorrent
        self.fast = False
        self.id = None          # what it wants DontHaves to be called
        self.requests = {}      # (piece, begin) that it has asked for


class Peers:
    """All connections of a capture. Feed it packets in their order; it appends (frame, piece, requests) to rows."""

    def __init__(self):
        self.directions = {}
        self.rows = []

    def tcp(self, frame, source, destination, sequence, syn, data):
        key = ("tcp", source, destination)
        if syn:
            self.directions[key] = direction = Direction()
            self.directions.setdefault(("tcp", destination, source), Direction())
            direction.next = (sequence + 1) & 0xffffffff
            return
        direction = self.directions.setdefault(key, Direction())
        if not data or direction.alien:
            return
        other = self.directions.setdefault(("tcp", destination, source), Direction())
        if direction.next is None:
            direction.next = sequence
        repeated = (direction.next - sequence) & 0xffffffff
        if repeated < 1 << 31:
            data = data[repeated:]
            sequence = direction.next
        if data:
            direction.early[sequence] = data
        while direction.next in direction.early:
            data = direction.early.pop(direction.next)
            direction.next = (direction.next + len(data)) & 0xffffffff
            self.stream(frame, direction, other, data)

    def utp(self, frame, source, destination, packet):
        if len(packet) < 20 or packet[0] & 15 != 1 or packet[0] >> 4 > 4:
            return
        kind = packet[0] >> 4
        connection, = struct.unpack_from(">H", packet, 2)
        sequence, = struct.unpack_from(">H", packet, 16)
        if kind == ST_SYN:  # the initiator sends with the next id, the other one with this
            one = self.directions["utp", source, destination, connection + 1 & 0xffff] = Direction()
            two = self.directions["utp", destination, source, connection] = Direction()
            one.other, two.other = two, one
            one.next = sequence + 1 & 0xffff
            return
        direction = self.directions.get(("utp", source, destination, connection))
        if direction is None or kind != ST_DATA or direction.alien:
            if direction is not None and direction.next is None:
                direction.next = sequence  # the ST_STATE that answers the SYN has the number of the first packet
            return
        extension, at = packet[1], 20
        while extension and at + 2 <= len(packet):
            extension, length = packet[at], packet[at + 1]
            at += 2 + length
        if direction.next is None:
            direction.next = sequence
        if (sequence - direction.next) & 0xffff < 1 << 15:
            direction.early[sequence] = packet[at:]
        while direction.next in direction.early:
            data = direction.early.pop(direction.next)
            direction.next = direction.next + 1 & 0xffff
            self.stream(frame, direction, direction.other, data)

    def stream(self, frame, direction, other, data):
        data = direction.rest + data
        at = 0
        if not direction.greeted:
            if data[:len(PROTOCOL)] != PROTOCOL[:len(data)]:
                direction.alien = True
                return
            if len(data) < HANDSHAKE:
                direction.rest = data
                return
            direction.greeted = True
            direction.fast = bool(data[27] & 4)
            at = HANDSHAKE
        while len(data) - at >= 4:
            length, = struct.unpack_from(">I", data, at)
            if len(data) - at - 4 < length:
                break
            if length:
                self.message(frame, direction, other, data[at + 4], data, at + 5, at + 4 + length)
            at += 4 + length
        direction.rest = data[at:]

    def message(self, frame, direction, other, kind, data, at, end):
        fast = direction.fast and other.fast
        if kind == REQUEST and end - at == 12:
            direction.requests[struct.unpack_from(">II", data, at)] = None
        elif kind == CANCEL and end - at == 12:
            direction.requests.pop(struct.unpack_from(">II", data, at), None)
        elif kind == PIECE and end - at >= 8 or kind == REJECT and fast and end - at == 12:
            other.requests.pop(struct.unpack_from(">II", data, at), None)
        elif kind == CHOKE and not fast:
            other.requests.clear()
        elif kind == EXTENDED and end > at and data[at] == 0:
            try:
                ids = bdecode(data[at + 1:end])[0].get(b"m", {})
            except (ValueError, AttributeError, TypeError, IndexError):
                return
            if b"lt_donthave" in ids:
                direction.id = ids[b"lt_donthave"]
        elif kind == EXTENDED and end - at == 5 and data[at] == other.id:
            piece, = struct.unpack_from(">I", data, at + 1)
            hit = [key for key in other.requests if key[0] == piece]
            for key in hit:
                del other.requests[key]
            self.rows.append((frame, piece, len(hit)))
