"""Our expert items as tshark shows them in packet details: each with its severity, its group and its text.

Many captures are read by one run of tshark: they lie one behind the other in a file, and their frames are counted from
where each begins. The captures of anomalies have addresses of their own for that.
"""

import struct
from pathlib import Path
from xml.etree import ElementTree

from tshark import contents, find

PREFIX = "bt.donthave.expert."

# epan/proto.h: PI_ERROR and so on, PI_SEQUENCE and so on.
SEVERITIES = {0x100000: "comment", 0x200000: "chat", 0x400000: "note", 0x600000: "warn", 0x800000: "error"}
GROUPS = {0x02: "sequence", 0x03: "response_code", 0x05: "undecoded", 0x07: "malformed", 0x09: "protocol",
          0x0d: "assumption"}

PCAP_HEADER = 24
RECORD_HEADER = 16


class Item:
    """One expert item. As a string: frame, severity, group, name."""

    def __init__(self, frame, fields):
        name, = (name for name in fields if name.startswith(PREFIX))
        self.frame = frame
        self.name = name[len(PREFIX):]
        self.severity = SEVERITIES[int(fields["_ws.expert.severity"])]
        self.group = GROUPS[int(fields["_ws.expert.group"]) >> 24]
        self.text = fields["_ws.expert.message"]

    def __str__(self):
        return f"{self.frame} {self.severity} {self.group} {self.name}"


def items(tshark, capture, *options):
    """All our items of a capture, in the order of frames and, inside a frame, of name and text."""
    found = []
    printed = tshark.read(capture, *options, "-Y", "_ws.expert", "-T", "pdml")
    for packet in ElementTree.fromstring(printed).iter("packet"):
        frame = int(packet.find("proto[@name='geninfo']/field[@name='num']").get("show"))
        for expert in packet.iter("field"):
            if expert.get("name") == "_ws.expert" and any(field.get("name").startswith(PREFIX) for field in expert):
                found.append(Item(frame, {field.get("name"): field.get("show") for field in expert}))
    return sorted(found, key=lambda item: (item.frame, item.name, item.severity, item.text))


def count_packets(pcap):
    offset, packets = PCAP_HEADER, 0
    while offset < len(pcap):
        offset += RECORD_HEADER + struct.unpack_from("<I", pcap, offset + 8)[0]
        packets += 1
    return packets


def items_of_many(tshark, captures, *options):
    """The same for many synthetic captures of Ethernet, by one run of tshark: {capture: items}."""
    first_frames, parts, packets = [], [], 0
    for name in captures:
        pcap = contents(find(name))
        first_frames.append((packets + 1, name))
        parts.append(pcap[PCAP_HEADER if parts else 0:])
        packets += count_packets(pcap)
    merged = Path(tshark.staging.folder) / "merged.pcap"
    merged.write_bytes(b"".join(parts))
    merged.chmod(0o644)

    found = {name: [] for name in captures}
    for item in items(tshark, merged, *options):
        first, name = [start for start in first_frames if start[0] <= item.frame][-1]
        item.frame -= first - 1
        found[name].append(item)
    return found
