"""The stories of tests/stories as captures: one for each file and transport, story after story.

Each story has a connection between addresses of its own, X at 10.60.FILE.STORY and Y at 10.61.FILE.STORY, both counted
from 1. Its frame 1 comes after the packets that open the connection; a story that does not begin with a handshake is a
capture from the middle, on port 6881. How stories are written: tests/stories/README.md.
"""

import re
from pathlib import Path

from capture import START, Trace, capture
from network import MACS
from peer_wire import dont_have, extended, handshake, message, numbers
from tcp import NO_ACK
from utp import UtpConnection

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "stories"

SECOND = 1_000_000      # µs
PORT_X, PORT_Y, PORT_KNOWN = 40000, 27000, 6881
HOLE = 1000             # bytes
DONT_HAVE_IDS = {"X": 7, "Y": 3}

# Messages that are an id and numbers.
IDS = {"Choke": 0, "Unchoke": 1, "Interested": 2, "Have": 4, "Request": 6, "Cancel": 8, "SuggestPiece": 13, "HaveAll": 14,
       "HaveNone": 15, "Reject": 16, "AllowedFast": 17}


class Line:
    """One message: `words` are its name and arguments, `note` what the plugin has to say of it.

    Of a line with the rest of a message, `message` is the name and arguments of all of it.
    """

    def __init__(self, text):
        said, _, note = text.partition("=>")
        self.text, self.note = text, note.split()
        frame, self.sender, *words = said.split()
        self.frame = int(frame)
        self.seconds = float(words.pop(0)[1:]) if words[0].startswith("@") else self.frame
        self.acks = words.pop(0) and words.pop(0) if words[0] == "acks" else None
        self.first = self.cut = None
        if words[-2:-1] in (["first"], ["cut"]):
            setattr(self, words[-2], int(words[-1]))
            del words[-2:]
        self.words = self.message = words

    def encode(self):
        """The bytes of the message."""
        name, *arguments = self.words
        if name == "Handshake":
            return handshake(f"-{self.sender}{self.sender}0001-", "fast" in arguments, "plain" not in arguments)
        if name == "Extensions":
            return extended(0, arguments[0].replace("{", "d1:md").replace("}", "ee").encode())
        if name == "DontHave":
            return dont_have(DONT_HAVE_IDS[self.sender], int(arguments[0]))
        if name in ("Extended", "Base"):
            build = extended if name == "Extended" else message
            return build(int(arguments[0]), bytes.fromhex("".join(arguments[1:])))
        if name == "Bitfield":
            return message(5, bytes.fromhex(arguments[0]))
        values = [int(argument) for argument in arguments]
        if name == "Piece":
            return message(7, numbers(*values[:2]) + b"\xbe" * values[2])
        return message(IDS[name], numbers(*values))


class Story:
    def __init__(self, file, name, lines, fallback_ids):
        self.file, self.name, self.fallback_ids = file, name, fallback_ids
        self.lines = lines
        self.over = ("tcp", "utp")
        self.only = "XY"    # whose packets were captured
        self.wraps = []     # pairs of a frame and how many bytes of it come before the numbers of its sender wrap


# --- reading ---

def write_ranges(text, separator):
    """The text with each [FIRST..LAST: TEXT] written out."""
    def write(match):
        return "".join(match[3].replace("$", str(number)) + separator for number in range(int(match[1]), int(match[2]) + 1))
    return re.sub(r"\[(\d+)\.\.(\d+): ([^]]*)\]", write, text)


def read_file(name, beginnings):
    """The stories of a file; what is a beginning goes into the dict of those."""
    stories, lines, fallback_ids = [], [], ""
    for text in map(str.strip, (FOLDER / f"{name}.story").read_text().splitlines()):
        key, _, value = text.partition(": ")
        if text[:1].isdigit() or text.startswith("["):
            lines += filter(None, write_ranges(text, "\n" if text[0] == "[" else " ").split("\n"))
        elif text.startswith("=>"):
            lines[-1] += write_ranges(text if "=>" not in lines[-1] else text[2:], " ")
        elif key == "story":
            story_name, _, beginning = value.partition(" after ")
            lines = list(beginnings[beginning]) if beginning else []
            stories.append(Story(name, story_name, lines, fallback_ids))
        elif key == "beginning":
            lines = beginnings[value] = []
        elif key == "preference":
            fallback_ids = value.split()[1]
        elif key == "only":
            stories[-1].only = value
        elif key == "over":
            stories[-1].over = (value,)
        elif key == "wraps":
            frame, *counts = map(int, value.split())
            stories[-1].wraps = [(frame, count) for count in counts]
    for story in stories:
        story.lines = [Line(text) for text in story.lines]
        name_rests(story.lines)
    return stories


def name_rests(lines):
    """Let the line with the rest of a message know which one it is."""
    begun = {}
    for line in lines:
        if line.words == ["rest"]:
            line.message = begun[line.sender]
        if line.first is not None:
            begun[line.sender] = line.words


def read_files():
    """{file: its stories}"""
    beginnings = {}
    read_file("beginnings", beginnings)
    return {path.stem: read_file(path.stem, beginnings)
            for path in sorted(FOLDER.glob("*.story")) if path.stem != "beginnings"}


FILES = read_files()


# --- writing ---

class Told:
    """A story that was written to a Trace. `frames` are those of the trace, by those of the story."""

    def __init__(self, trace, story, hosts, first=None):
        begins = story.lines[0].words[0] == "Handshake"
        self.trace, self.first_frame, self.frames = trace, len(trace.packets) + 1, {}
        self.begun = {}         # by sender: the rest of its message of which a part was sent
        self.seqs = []          # of what was sent: frame, sender, seq before it, seq after it
        self.start = trace.time
        options = {} if first is None else {"first": first}
        peers = trace.connect(trace, leecher=(hosts[0], PORT_X), seed=(hosts[1], PORT_Y if begins else PORT_KNOWN),
                              opened=begins, **options)
        self.peers = {"X": peers.leecher, "Y": peers.seed}
        self.first = {sender: peer.seq for sender, peer in self.peers.items()}
        lines = list(story.lines)
        while lines:
            packet = [line for line in lines if line.frame == lines[0].frame]
            del lines[:len(packet)]
            self.send(packet)
        self.keep(story.only)
        self.all_frames = range(self.first_frame, len(trace.packets) + 1)

    def keep(self, captured):
        """Leave only the packets of the sides that were captured."""
        packets = list(enumerate(self.trace.packets[self.first_frame - 1:], self.first_frame))
        kept = [(frame, packet) for frame, packet in packets if "XY"[packet.data[6:12] == MACS[True]] in captured]
        self.trace.packets[self.first_frame - 1:] = [packet for _, packet in kept]
        moved = {frame: number for number, (frame, _) in enumerate(kept, self.first_frame)}
        self.frames = {name: moved[frame] for name, frame in self.frames.items() if frame in moved}

    def acknowledged(self, line):
        """What the packet acknowledges, for Peer.send()."""
        if line.acks in (None, "none"):
            return NO_ACK if line.acks else None
        frame, _, less = line.acks.partition("-")
        other = "Y" if line.sender == "X" else "X"
        seqs = [after for sent, sender, _, after in self.seqs if sender == other and sent <= int(frame)]
        return ([self.first[other], *seqs][-1] - int(less or 0)) % self.peers[other].modulus

    def take(self, line):
        """The bytes of the line that are in its packet."""
        data = self.begun.pop(line.sender) if line.words == ["rest"] else line.encode()
        if line.first is None:
            return data
        self.begun[line.sender] = data[line.first:]
        return data[:line.first]

    def send(self, lines):
        """One packet."""
        line, last = lines[0], lines[-1]
        peer = self.peers[line.sender]
        self.trace.time = self.start + round(line.seconds * SECOND)
        if line.words == ["(hole)"]:
            peer.skip(bytes(HOLE))
            self.frames[line.frame] = peer.other.acknowledge()
            return
        before = peer.seq
        parts = [self.take(line) for line in lines]
        self.frames[line.frame] = peer.send(*parts, acknowledging=self.acknowledged(line))
        self.seqs.append((line.frame, line.sender, before, peer.seq))
        if last.cut is not None:
            packet = self.trace.packets[-1]
            packet.data = packet.data[:last.cut - len(parts[-1])]


def first_numbers(story, connect, hosts, frame, count):
    """The first sequence numbers of the two sides with which those of the frame's sender wrap in it."""
    told = Told(Trace(connect=connect), story, hosts)
    (sender, before), = ((sender, before) for sent, sender, before, _ in told.seqs if sent == frame)
    if connect is UtpConnection:
        whole = sum(len(line.encode()) for line in story.lines if line.frame == frame)
        count = int(count >= whole)     # in packets
    peers = told.peers
    first = {name: peer.start for name, peer in peers.items()}
    first[sender] = (first[sender] - before - count) % peers[sender].modulus
    return first["X"], first["Y"]


def tell_file(trace, file, at_once=False):
    """Write the stories of a file; return {(story, its wrap or None): Told}. at_once: all begin at the same time."""
    over = "utp" if trace.connect is UtpConnection else "tcp"
    number_of_file = list(FILES).index(file) + 1
    told = {}
    for story in FILES[file]:
        for wrap in [None, *story.wraps] if over in story.over else []:
            hosts = [f"10.{net}.{number_of_file}.{len(told) + 1}" for net in (60, 61)]
            first = wrap and first_numbers(story, trace.connect, hosts, *wrap)
            told[story.name, wrap] = Told(trace, story, hosts, first)
            trace.time = START if at_once else trace.time + 10 * SECOND
    assert len(told) < 255
    return told


for file_name in FILES:
    capture(f"story-{file_name}", also_utp=True)(lambda trace, file_name=file_name: tell_file(trace, file_name))
