"""Derived forms of a recording, and which DontHaves must be found in them, computed without Wireshark.

A form is a list of packets (time in µs, bytes on the wire, the bytes that were captured) made from those of a recording:
lost, cut, doubled, put together, with other numbers. What was sent is known from the recording, which has all of it; what
is still there of it, from the form's own packets:

* A DontHave may be found where all its bytes are there.
* It must be found where besides a reader can know what they are: where the handshakes of the connection came before it, and
  that which assigned its id, and its bytes follow without a hole from the beginning of a packet that begins with a message.
"""

import dataclasses
import random
import re
import struct
import sys
from collections import Counter, namedtuple

from many import INTERFACE, PACKET, ROOT, SECTION, block, contents, packets

sys.path.append(str(ROOT / "captures" / "record"))

import mse  # noqa: E402
from streams import utp_data  # noqa: E402

ETHERNET, SLL = 1, 113
TCP, UDP = 6, 17
MODULUS = {TCP: 1 << 32, UDP: 1 << 16}
UTP_SYN = 4 << 4 | 1
SYN, ACK = 2, 16
HANDSHAKE, EXTENDED = 68, 20

Packet = namedtuple("Packet", "time length data")


def read(name):
    """The packets of a recording; all are Ethernet."""
    return [Packet(time, length, data) for _, time, length, data
            in packets(contents(ROOT / "captures" / f"{name}.pcapng.gz"))]


def written(form, link_type=ETHERNET):
    """A form as a pcapng file."""
    parts = [block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
             block(INTERFACE, struct.pack("<HHI", link_type, 0, 0))]
    for time, length, data in form:
        parts.append(block(PACKET, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(data), length) + data))
    return b"".join(parts)


# --- what a packet is ---

@dataclasses.dataclass
class Segment:
    """What TCP or uTP says in a packet of Ethernet and IPv4; at: where its header begins."""
    protocol: int
    flow: tuple         # ((address, port) of the sender, of the receiver)
    at: int
    number: int         # of the first byte (TCP) or of the packet (uTP)
    data: bytes         # as far as it was captured
    flags: int          # of TCP; of uTP type and version


def segment(packet):
    """The segment in a packet, None where there is none, or its header was cut."""
    data = packet.data
    if len(data) < 34 or data[12:14] != b"\x08\x00" or data[23] not in (TCP, UDP):
        return None
    at = 14 + (data[14] & 15) * 4
    end = 14 + struct.unpack_from(">H", data, 16)[0]
    hosts = [".".join(map(str, data[begin:begin + 4])) for begin in (26, 30)]
    if len(data) < at + 20:
        return None
    flow = tuple(zip(hosts, struct.unpack_from(">HH", data, at)))
    if data[23] == TCP:
        return Segment(TCP, flow, at, struct.unpack_from(">I", data, at + 4)[0], data[at + (data[at + 12] >> 4) * 4:end],
                       data[at + 13])
    if len(data) < at + 28 or data[at + 8] & 15 != 1 or data[at + 8] >> 4 > 4:
        return None
    payload = b"" if data[at + 8] >> 4 else utp_data(data[at + 8:end])
    return Segment(UDP, flow, at, struct.unpack_from(">H", data, at + 24)[0], payload, data[at + 8])


def changed(packet, at, layout, *values):
    """A packet with other numbers in it."""
    data = bytearray(packet.data)
    struct.pack_into(layout, data, at, *values)
    return packet._replace(data=bytes(data))


# --- what was sent ---

@dataclasses.dataclass
class Sent:
    """One direction of a connection, as the recording has it."""
    first: int                                      # number of its first byte or packet
    is_utp: bool
    size: int
    offsets: dict                                   # number of a packet, counted from first -> bytes before it
    begun: int = HANDSHAKE                          # where the handshake of BitTorrent ends
    boundaries: set = dataclasses.field(default_factory=set)    # where messages begin
    ids: list = dataclasses.field(default_factory=list)         # (begin, end, id) of the handshakes that assign one to lt_donthave
    said: list = dataclasses.field(default_factory=list)        # (begin, end, id, payload) of extended messages


def sent_in(recording, keys=()):
    """{flow: Sent} of the connections of BitTorrent in a recording, which has all of their bytes. keys: those of MSE, as
    mse.read_keys() returns them; positions are those in the stream as it was sent."""
    plain = plain_parts(recording, keys) if keys else {}
    parts = {}              # flow -> number, that never wraps -> bytes
    for part in map(segment, recording):
        if part and part.data:
            known, modulus = parts.setdefault(part.flow, {}), MODULUS[part.protocol]
            last = max(known, default=part.number)
            number = last + (part.number - last + modulus // 2) % modulus - modulus // 2
            known[number] = max(known.get(number, b""), part.data, key=len)
    result = {}
    for flow, known in parts.items():
        first, said, offsets = min(known), b"", {}
        is_utp = flow in utp_flows(recording)
        for number in sorted(known):
            offsets[number - first] = len(said)
            said += known[number] if is_utp else known[number][len(said) - (number - first):]
        begin, said_there = plain.get(flow, (0, said))
        if said_there.startswith(mse.PROTOCOL):
            result[flow] = Sent(first, is_utp, len(said), offsets, begin + HANDSHAKE)
            read_messages(result[flow], bytes(begin) + said_there)
    return result


def plain_parts(recording, keys):
    """{flow: (where what a peer says begins, that)}, without MSE's handshake and encryption."""
    parts = {}
    for connection in mse.connections(written(recording), keys):
        for ends, said in connection.plain.items():
            flow = tuple((host, int(port)) for host, _, port in (end.rpartition(":") for end in ends))
            parts[flow] = len(connection.streams[ends].bytes) - len(said), said
    return parts


def utp_flows(recording):
    return {part.flow for part in map(segment, recording) if part and part.protocol == UDP}


def read_messages(sent, data):
    at = sent.begun
    sent.boundaries.add(0)
    while at + 4 <= len(data):
        end = at + 4 + struct.unpack_from(">I", data, at)[0]
        sent.boundaries.add(at)
        if end - at > 5 and end <= len(data) and data[at + 4] == EXTENDED:
            payload = data[at + 6:end]
            named = re.search(rb"11:lt_donthavei(\d+)e", payload) if data[at + 5] == 0 else None
            if named:
                sent.ids.append((at, end, int(named[1])))
            elif data[at + 5]:
                sent.said.append((at, end, data[at + 5], payload))
        at = end


def dont_haves(sent, flow):
    """(begin, end, piece) of the DontHaves of a direction, and for each the handshake that assigned its id."""
    ids = sent[flow[1], flow[0]].ids if (flow[1], flow[0]) in sent else []
    for begin, end, number, payload in sent[flow].said:
        assigned = [handshake for handshake in ids if handshake[2] == number]
        if assigned and len(payload) == 4:
            yield begin, end, struct.unpack(">I", payload)[0], assigned


# --- what is there of it ---

class There:
    """What a form has of each direction."""

    def __init__(self, sent, form):
        self.sent = sent
        self.parts = {flow: [] for flow in sent}            # (begin, end, number of the packet)
        self.bytes = {flow: bytearray(one.size) for flow, one in sent.items()}      # 1: it is there
        for number, packet in enumerate(form):
            part = segment(packet)
            if not part or not part.data or part.flow not in sent:
                continue
            one = sent[part.flow]
            begin = (part.number - one.first) % MODULUS[part.protocol]
            begin = one.offsets.get(begin) if one.is_utp else begin
            if begin is not None and begin < one.size:
                end = min(begin + len(part.data), one.size)
                self.parts[part.flow].append((begin, end, number))
                self.bytes[part.flow][begin:end] = b"\1" * (end - begin)

    def has(self, flow, begin, end):
        """The packet with the last of these bytes; None: not all are there."""
        missing = bytearray(b"\1" * (end - begin))
        for first, after, number in self.parts[flow]:
            first, after = max(first, begin), min(after, end)
            if first < after:
                missing[first - begin:after - begin] = bytes(after - first)
                if 1 not in missing:
                    return number
        return None

    def readable(self, flow, begin, end):
        """The same of what can be read: without a hole since a packet that begins with a message."""
        since = self.bytes[flow].rfind(0, 0, begin)
        if any(since < first <= begin and first in self.sent[flow].boundaries for first, *_ in self.parts[flow]):
            return self.has(flow, begin, end)
        return None


def expected(sent, form):
    """The DontHaves that must be found, and those that may: ((host, port) of the sender, piece) -> how many."""
    there, must, may = There(sent, form), Counter(), Counter()
    for flow in sent:
        back = flow[1], flow[0]
        for begin, end, piece, assigned in dont_haves(sent, flow):
            if there.has(flow, begin, end) is None:
                continue
            may[flow[0], piece] += 1
            seen = there.readable(flow, begin, end)
            known = [there.readable(back, *handshake[:2]) for handshake in assigned]
            before = [there.readable(way, 0, sent[way].begun) for way in (flow, back)]
            if seen is not None and all(number is not None and number <= seen for number in before) \
                    and any(number is not None and number < seen for number in known):
                must[flow[0], piece] += 1
    return must, may


# --- forms ---

def lossy(recording, seed, share=0.03):
    chance = random.Random(seed)
    return [packet for packet in recording if chance.random() >= share]


def cut(recording, size):
    return [packet._replace(data=packet.data[:size]) for packet in recording]


def of_both_sides(recording):
    """Captured on both sides of a router: each packet comes a second time, after up to three others, with another TTL."""
    chance = random.Random(1)
    places = []
    for number, packet in enumerate(recording):
        places.append((number, 0, packet))
        if packet.data[12:14] == b"\x08\x00":
            packet = changed(packet, 22, "B", packet.data[22] - 1)
        places.append((number + chance.randint(0, 3), 1, packet))
    return [packet for *_, packet in sorted(places, key=lambda place: place[:2])]


def of_any_interface(recording):
    """Of the interface `any`: cooked headers, each packet as it goes out and as it comes in. Of link type SLL."""
    form = []
    for time, length, data in recording:
        for way in (4, 0):      # sent by us, to us
            header = struct.pack(">HHH6sH2s", way, 1, 6, data[6:12], 0, data[12:14])
            form.append(Packet(time, length + 2, header + data[14:]))
    return form


def with_keep_alives(recording):
    """After each segment of TCP with data one of a byte that was sent before, which is not what it was then (RFC 9293,
    3.8.4)."""
    form = []
    for packet in recording:
        form.append(packet)
        part = segment(packet)
        if part and part.protocol == TCP and part.data:
            form.append(short(packet, part, (part.number + len(part.data) - 1) % (1 << 32), b"\0"))
    return form


def with_window_probes(recording, first=True):
    """Before each segment of TCP with data one of its first byte alone (RFC 9293, 3.8.6.1); first: also before the first one of
    each side."""
    form, begun = [], set()
    for packet in recording:
        part = segment(packet)
        if part and part.protocol == TCP and part.data:
            if first or part.flow in begun:
                form.append(short(packet, part, part.number, part.data[:1]))
            begun.add(part.flow)
        form.append(packet)
    return form


def short(packet, part, number, payload):
    """A segment of TCP with other data."""
    header = part.at + (packet.data[part.at + 12] >> 4) * 4
    packet = Packet(packet.time, header + len(payload), packet.data[:header] + payload)
    packet = changed(packet, 16, ">H", header - 14 + len(payload))
    return changed(changed(packet, part.at + 4, ">I", number), part.at + 13, "B", ACK)


def put_together(recording):
    """As a network card puts segments of TCP together: those of one direction that follow each other, up to 64 KiB."""
    form = []
    for packet in recording:
        part, last = segment(packet), segment(form[-1]) if form else None
        if part and last and part.protocol == TCP and part.flow == last.flow and part.data and last.data \
                and part.number == (last.number + len(last.data)) % (1 << 32) \
                and len(form[-1].data) - 14 + len(part.data) < 65536 and not (part.flags | last.flags) & 7:
            data = form[-1].data[:14 + struct.unpack_from(">H", form[-1].data, 16)[0]] + part.data
            form[-1] = changed(Packet(form[-1].time, len(data), data), 16, ">H", len(data) - 14)
        else:
            form.append(packet)
    return form


def with_numbers(recording, moved):
    """With other sequence numbers; moved: {flow: how much is added to them}."""
    form = []
    for packet in recording:
        part = segment(packet)
        if part and part.flow in moved:
            there, back = moved[part.flow], moved[part.flow[1], part.flow[0]]
            if part.protocol == TCP:
                ack = struct.unpack_from(">I", packet.data, part.at + 8)[0] + back if part.flags & ACK else 0
                packet = changed(packet, part.at + 4, ">II", (part.number + there) % (1 << 32), ack % (1 << 32))
                packet = with_moved_sacks(packet, part.at, back)
            else:
                ack = struct.unpack_from(">H", packet.data, part.at + 26)[0] + back
                packet = changed(packet, part.at + 24, ">HH", (part.number + there) % 65536, ack % 65536)
        form.append(packet)
    return form


def with_moved_sacks(packet, at, back):
    """Selective acknowledgements are numbers of the other direction too (RFC 2018)."""
    place, end = at + 20, at + (packet.data[at + 12] >> 4) * 4
    while place < end and packet.data[place]:
        kind, size = packet.data[place], 1 if packet.data[place] == 1 else packet.data[place + 1]
        for edge in range(place + 2, place + size, 4) if kind == 5 else ():
            number = struct.unpack_from(">I", packet.data, edge)[0]
            packet = changed(packet, edge, ">I", (number + back) % (1 << 32))
        place += size
    return packet


def wrapping(recording, sent):
    """The sequence numbers wrap in the middle of each direction."""
    return with_numbers(recording, {
        flow: -(one.first + (len(one.offsets) if one.is_utp else one.size) // 2) for flow, one in sent.items()})


def again(recording, sent, with_syn=True):
    """The ports are used again at once, with other numbers (and, of uTP, other connection ids); without what opens the
    second connection where with_syn is false."""
    form = list(recording)
    shift = recording[-1].time - recording[0].time + 1000
    for packet in with_numbers(recording, {flow: 20_011 if one.is_utp else 1_000_003 for flow, one in sent.items()}):
        part = segment(packet)
        if part and part.flow in sent:
            if not with_syn and (part.flags & SYN if part.protocol == TCP else part.flags == UTP_SYN):
                continue
            if part.protocol == UDP:
                number = struct.unpack_from(">H", packet.data, part.at + 10)[0]
                packet = changed(packet, part.at + 10, ">H", (number + 4_000) % 65536)
        form.append(packet._replace(time=packet.time + shift))
    return form
