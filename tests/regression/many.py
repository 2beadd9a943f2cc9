"""Many captures in one run of tshark, as starting it takes longer than reading them: one after another in a file.

There each has hosts of its own, 11.CAPTURE.x.y and 2001:db8:ffff:CAPTURE::x, so that no connection of one goes on in
another, though most synthetic captures are between the same addresses. Checksums stay as they were: tshark does not
look at them unless it is told to.
"""

import bisect
import gzip
import ipaddress
import struct
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SYNTHETIC = ROOT / "captures" / "synthetic"

# https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-03.html, draft-ietf-opsawg-pcapng-03.html; times in µs
PCAP, SECTION, INTERFACE, PACKET = 0xA1B2C3D4, 0x0A0D0D0A, 1, 6

# Where the EtherType and the network layer of a packet are, by link type; None: it has no EtherType.
RAW_IP = 101
LAYERS = {1: (12, 14), RAW_IP: (None, 0), 113: (14, 16)}
ICMP = b"\x01"
VLAN, IPV4, IPV6 = b"\x81\x00", b"\x08\x00", b"\x86\xdd"


def find(capture):
    """The path of a capture; a name alone is one of captures/synthetic."""
    if isinstance(capture, Path):
        return capture
    plain = SYNTHETIC / f"{capture}.pcap"
    return plain if plain.exists() else SYNTHETIC / f"{capture}.pcap.gz"


def contents(path):
    """The bytes of a capture, decompressed."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def packets(data):
    """Of each packet of a pcap or pcapng file: the link type, the time, the length and the bytes."""
    offset = 24
    if struct.unpack_from("<I", data)[0] == PCAP:
        link_type = struct.unpack_from("<I", data, 20)[0]
        while offset < len(data):
            seconds, microseconds, captured, length = struct.unpack_from("<IIII", data, offset)
            yield link_type, seconds * 1_000_000 + microseconds, length, data[offset + 16:offset + 16 + captured]
            offset += 16 + captured
    else:
        link_types = []
        for kind, block in blocks(data):
            if kind == INTERFACE:
                link_types.append(struct.unpack_from("<H", block)[0])
            elif kind == PACKET:
                interface, high, low, captured, length = struct.unpack_from("<IIIII", block)
                yield link_types[interface], high << 32 | low, length, block[20:20 + captured]


def blocks(pcapng):
    """Kind and body of each block."""
    offset = 0
    while offset < len(pcapng):
        kind, length = struct.unpack_from("<II", pcapng, offset)
        yield kind, pcapng[offset + 8:offset + length - 4]
        offset += length


def block(kind, body):
    length = struct.pack("<I", 12 + len(body) + -len(body) % 4)
    return struct.pack("<I", kind) + length + body + bytes(-len(body) % 4) + length


class Many:
    """Captures as one file, `path`."""

    def __init__(self, staging, captures):
        self.captures, self.first_frames = list(captures), []
        self.hosts = {}         # address in the file -> address in its capture; both as tshark prints them
        written = [block(SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
                   *(block(INTERFACE, struct.pack("<HHI", link_type, 0, 0)) for link_type in LAYERS)]
        frame = 1
        for number, capture in enumerate(self.captures, 1):
            self.first_frames.append(frame)
            known = {}          # address in the capture -> address in the file; as bytes
            for link_type, time, length, packet in packets(contents(find(capture))):
                packet = self.with_own_hosts(link_type, packet, number, known)
                interface = list(LAYERS).index(link_type)
                header = struct.pack("<IIIII", interface, time >> 32, time & 0xFFFFFFFF, len(packet), length)
                written.append(block(PACKET, header + packet))
                frame += 1
        self.frames = frame - 1
        self.path = staging.folder / f"many-{len(list(staging.folder.iterdir()))}.pcapng"
        self.path.write_bytes(b"".join(written))
        self.path.chmod(0o644)

    def with_own_hosts(self, link_type, packet, number, known):
        type_at, at = LAYERS[link_type]
        if type_at and packet[type_at:type_at + 2] == VLAN:
            type_at, at = type_at + 4, at + 4
        if type_at and packet[type_at:type_at + 2] not in (IPV4, IPV6):
            return packet
        if packet[at:at + 1] and packet[at] >> 4 == 4:
            places, own = ((at + 12, 4), (at + 16, 4)), struct.pack(">H", (11 << 8) + number)
        elif packet[at:at + 1] and packet[at] >> 4 == 6:
            places, own = ((at + 8, 16), (at + 24, 16)), bytes.fromhex("20010db8ffff") + struct.pack(">H", number)
        else:
            return packet
        for begin, size in places:
            address = packet[begin:begin + size]
            if len(address) == size and address not in known:
                known[address] = own + struct.pack(">H", len(known) + 1).rjust(size - len(own), b"\0")
                self.hosts[str(ipaddress.ip_address(known[address]))] = str(ipaddress.ip_address(address))
            packet = packet[:begin] + known.get(address, address) + packet[begin + size:]
        if packet[at] >> 4 == 4 and packet[at + 9:at + 10] == ICMP:     # what it quotes is of these hosts, too
            quoted = at + (packet[at] & 15) * 4 + 8
            packet = packet[:quoted] + self.with_own_hosts(RAW_IP, packet[quoted:], number, known)
        return packet

    def place(self, frame):
        """The capture that a frame of the file comes from, and its frame there."""
        index = bisect.bisect_right(self.first_frames, frame) - 1
        return self.captures[index], frame - self.first_frames[index] + 1
