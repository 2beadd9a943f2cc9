"""Our expert items as tshark shows them in packet details: each with its severity, its group and its text."""

from xml.etree import ElementTree

from many import Many

PREFIX = "bt.donthave.expert."

# epan/proto.h: PI_ERROR and so on, PI_SEQUENCE and so on.
SEVERITIES = {0x100000: "comment", 0x200000: "chat", 0x400000: "note", 0x600000: "warn", 0x800000: "error"}
GROUPS = {0x02: "sequence", 0x03: "response_code", 0x05: "undecoded", 0x07: "malformed", 0x09: "protocol",
          0x0d: "assumption"}


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


def items_of_many(tshark, captures, *options):
    """The same for many synthetic captures, by one run of tshark: {capture: items}."""
    many = Many(tshark.staging, captures)
    found = {name: [] for name in captures}
    for item in items(tshark, many.path, *options):
        capture, item.frame = many.place(item.frame)
        found[capture].append(item)
    return found
