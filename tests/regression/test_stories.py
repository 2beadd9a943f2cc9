"""The stories of tests/stories, as tshark shows their captures: each field, each item and each expert item that stands
beside a message, and no other. tests/stories/README.md says how they are written, captures/generate/stories.py what
they become.
"""

from xml.etree import ElementTree

import pytest

import stories
from capture import Trace
from expert_items import PREFIX, SEVERITIES
from many import Many
from tcp import TcpConnection
from tshark import Tshark, value
from utp import UtpConnection

OURS = "bt.donthave."


def block(kind):
    return {"piece": f"{kind}.piece_index", "begin": f"{kind}.begin", "length": f"{kind}.length"}


# What can stand beside a message: the words of a story, and the fields of tshark, without bt.donthave, that show them.
FIELDS = {
    "donthave": {"piece": "piece_index", "id": "id", "assigned_in": "id_assigned_in", "assumed": "id_assumed",
                 "fast": "fast", "requests": "requests", "bytes": "bytes", "request_in": "request_in",
                 "unrejected": "unrejected"},
    "negotiated": {"id": "negotiated"},
    "request": {**block("request"), "invalidated_in": "request.invalidated_in", "after": "request.time",
                "rejected_in": "request.rejected_in"},
    "late_request": {**block("late_request"), "disowned_in": "disowned_in", "crossed": "late_request.crossed"},
    "late_block": {**block("late_block"), "disowned_in": "disowned_in"},
    "reject": {**block("reject"), "request_in": "reject.request_in"},
    "reannounced": {"piece": "reannounced.piece_index", "disowned_in": "disowned_in"},
}
FRAMES = {"assigned_in", "request_in", "invalidated_in", "rejected_in", "disowned_in"}


# --- what the stories say ---

def wanted_of_line(line, two_passes):
    """The things that the note of a line says, each (kind, {word: value}), and its expert items."""
    things, experts, donthave = [], [], {}
    words = iter(line.note)
    for word in words:
        if ":" in word:
            experts.append(word)
        elif word == "extended":
            next(words)
        elif word == "invalidated_in":
            things.append(("request", {word: next(words)}))
        elif word == "negotiated":
            things.append((word, {"id": next(words)}))
        elif word == "reannounced":
            things.append((word, {"piece": next(words)}))
        elif word in FIELDS:
            things.append((word, {}))
        elif word in ("assumed", "fast", "crossed"):
            (things[-1][1] if things else donthave)[word] = "1"
        else:
            (things[-1][1] if things else donthave)[word] = next(words)
    if donthave:
        things.append(("donthave", donthave))
    for kind, columns in things:
        complete(kind, columns, line)
        if not two_passes:
            columns.pop("unrejected", None)
    if not two_passes:
        things = [thing for thing in things if thing[0] != "request"]
        experts = [expert for expert in experts if expert != "warn:unrejected"
                   and (expert != "note:invalidated" or line.message[0] != "Request")]
    return things, experts


def complete(kind, columns, line):
    """Add what stands in the message, and what a story leaves out as it is mostly so."""
    name, *arguments = line.message
    if kind == "donthave":
        if name == "DontHave":
            used_id, piece = stories.DONT_HAVE_IDS[line.sender], int(arguments[0])
        else:
            used_id, piece = arguments[0], int(arguments[1], 16) if arguments[1:] else "-"
        columns.setdefault("id", str(used_id))
        columns.setdefault("piece", str(piece))
        if columns["piece"] == "-":
            del columns["piece"]
        columns["fast"] = columns.get("fast", "1" if "unrejected" in columns else "0")
        columns.setdefault("assumed", "0")
        if columns.get("requests") == "0":
            columns["bytes"] = "0"
    elif "begin" in FIELDS[kind]:
        columns.update(zip(("piece", "begin", "length"), arguments))
    if "crossed" in FIELDS[kind]:
        columns.setdefault("crossed", "0")


def says_id(lines):
    return any("id" in line.note for line in lines)


def wanted(story, two_passes):
    """The rows of a story, as row() writes them."""
    rows = []
    captured = [line for line in story.lines if line.sender in story.only]
    for frame in dict.fromkeys(line.frame for line in captured):
        lines = [line for line in captured if line.frame == frame]
        things, experts = [], []
        for line in lines:
            for found, more in zip((things, experts), wanted_of_line(line, two_passes)):
                found += more
        rows += rows_of_frame(frame, things, experts, says_id(lines))
    return rows


# --- what tshark shows ---

class Shown:
    """What tshark shows of a file of stories: {(capture, story, wrap): rows}. `tellings` are those that it holds."""

    def __init__(self, printed, place, tellings):
        self.tellings = tellings    # {capture: {(story, wrap): Told}}
        self.packets = {capture: {} for capture in tellings}
        for packet in ElementTree.fromstring(printed).iter("packet"):
            capture, frame = place(int(packet.find("proto[@name='geninfo']/field[@name='num']").get("show")))
            self.packets[capture][frame] = packet
        self.place = place

    def rows(self, capture, key, story):
        """The rows of a story; frames that are none of its messages have a `?`."""
        told = self.tellings[capture][key]
        names = {(capture, frame): name for name, frame in told.frames.items()}
        rows = []
        for frame in sorted(self.packets[capture].keys() & set(told.all_frames)):
            things, experts = self.things(self.packets[capture][frame], names)
            name = names.get((capture, frame), "?")
            lines = [line for line in story.lines if line.frame == name]
            rows += rows_of_frame(name, things, experts, says_id(lines))
        return rows

    def things(self, packet, names):
        """What a packet shows, as wanted_of_line() returns it."""
        things, experts, known = [], [], set()
        for element in packet.iter():
            name = element.get("name", "")
            kind = "donthave" if element.tag == "proto" and name + "." == OURS else name.removeprefix(OURS)
            if name == "_ws.expert":
                fields = {field.get("name"): field.get("show") for field in element}
                experts += [f"{SEVERITIES[int(fields['_ws.expert.severity'])]}:{field.removeprefix(PREFIX)}"
                            for field in fields if field.startswith(PREFIX)]
            elif name + "." == OURS or (name.startswith(OURS) and kind in FIELDS):
                things.append((kind, self.columns(kind, element, names)))
                known.update(element.iter("field"))
            elif name.startswith(OURS) and not name.startswith(PREFIX) and element not in known:
                things.append(("stray", {name: element.get("show")}))
        return things, experts

    def columns(self, kind, element, names):
        """The fields of a thing; one that the table does not have keeps its name."""
        words = {OURS + field: word for word, field in FIELDS[kind].items()}
        columns = {}
        for field in element.iter("field"):
            name = field.get("name")
            if not name.startswith(OURS) or name.startswith(PREFIX) or (name == OURS + kind and name not in words):
                continue
            word = words.get(name, name)
            shown = value(name, field.get("show"))
            if word in FRAMES:
                shown = str(names.get(self.place(int(shown)), f"?{shown}"))
            if word == "after":
                shown = f"{float(shown):g}s"
            columns[word] = f"{columns[word]},{shown}" if word in columns else shown
        return columns


def rows_of_frame(frame, things, experts, with_id):
    """A row for each thing, those of a kind in their order, and for each expert item."""
    rows = []
    for kind, columns in sorted(things, key=lambda thing: thing[0]):
        columns = {word: columns[word] for word in sorted(columns) if word != "assigned_in" or with_id}
        rows.append(" ".join([str(frame), kind, *(f"{word}={shown}" for word, shown in columns.items())]))
    return rows + [f"{frame} {expert}" for expert in sorted(experts)]


# --- all of them ---

CONNECTIONS = {"": TcpConnection, "-utp": UtpConnection}
CAPTURES = {f"story-{file}{over}": (file, connect) for file in stories.FILES for over, connect in CONNECTIONS.items()}

# What leads to us a uTP connection that was captured from the middle.
DECODE_AS = ("-d", f"udp.port=={stories.PORT_KNOWN},bt-utp")


def tell(at_once):
    """{capture: (its Trace, {(story, wrap): Told})}"""
    told = {}
    for capture, (file, connect) in CAPTURES.items():
        trace = Trace(connect=connect)
        told[capture] = trace, stories.tell_file(trace, file, at_once)
    return told


TOLD = {at_once: tell(at_once) for at_once in (False, True)}
STORIES = {(capture, *key): story for capture, (_, tellings) in TOLD[False].items() for key in tellings
           for story in stories.FILES[CAPTURES[capture][0]] if story.name == key[0]}


def all_at_once(staging, captures):
    """A file with all stories of the captures, packet by packet in turn; and where its frames are in the captures."""
    whole, places = Trace(), []
    for _, capture, frame in sorted((packet.time, capture, frame) for capture in captures
                                    for frame, packet in enumerate(TOLD[True][capture][0].packets, 1)):
        whole.packets.append(TOLD[True][capture][0].packets[frame - 1])
        places.append((capture, frame))
    path = staging.folder / f"at-once-{captures[0]}.pcap"
    path.write_bytes(whole.pcap())
    path.chmod(0o644)
    return path, lambda frame: places[frame - 1]


@pytest.fixture(scope="module", params=[(passes, at_once) for passes in ("plain", "-2") for at_once in (False, True)],
                ids=lambda param: param[0] + "-at-once" * param[1])
def shown(request, staging):
    """All captures, by one run of tshark for each preference. In one pass and in two; one after another, and at once."""
    passes, at_once = request.param
    tshark = Tshark(staging, two_passes=passes == "-2")
    by_capture = {}
    for fallback_ids in {story.fallback_ids for story in STORIES.values()}:
        captures = sorted({capture for (capture, _, _), story in STORIES.items() if story.fallback_ids == fallback_ids})
        if at_once:
            path, place = all_at_once(staging, captures)
        else:
            many = Many(staging, captures)
            path, place = many.path, many.place
        fields = " || ".join(["bt.donthave", *tshark.our_fields()])
        printed = tshark.read(path, *DECODE_AS, "-o", f"bt.donthave.fallback_id:{fallback_ids}", "-Y", fields, "-T", "pdml")
        shown_of_run = Shown(printed, place, {capture: TOLD[at_once][capture][1] for capture in captures})
        by_capture.update(dict.fromkeys(captures, shown_of_run))
    return tshark.two_passes, by_capture


@pytest.mark.parametrize("capture, name, wrap", STORIES,
                         ids=lambda part: "wrap" * (part is not None) if not isinstance(part, str) else part)
def test_story(shown, capture, name, wrap):
    two_passes, by_capture = shown
    story = STORIES[capture, name, wrap]
    assert by_capture[capture].rows(capture, (name, wrap), story) == wanted(story, two_passes)
