"""RC4 over uTP in captures that lack packets: what comes after a hole is decrypted all the same, see core/mse_realign.h.

The packets are taken out here, of a recording and of a download that is made here. No DontHave is shown that was not sent, and
those that are missed are those that are missing.
"""

import random
import re
from collections import Counter

import mse_recording
import pytest
from mse_wire import A, B, Choices, Wire, talk

from capture import Trace
from derived import read, segment, written
from fast_wire import FastWire
from many import ROOT, Many
from peer_wire import BLOCK, HAVE_ALL, dont_have, have, piece, request
from session import TO_LEECHER
from utp import UtpConnection

SHARE = 0.03
SEEDS = 20


def staged(staging, name, contents, key):
    """Write a capture and its key log; return the capture and tshark's options."""
    path, keys = staging.folder / f"{name}.pcap", staging.folder / f"{name}.keys"
    path.write_bytes(contents)
    keys.write_text(key)
    for file in (path, keys):
        file.chmod(0o644)
    return path, ["-o", f"bt.peer.mse_keylog_file:{keys}"]


# --- a recording ---

RECORDING = "mse_rc4_utp"


def forms_of(recording, data):
    """{name: the packets that are missing}; data: those that have payload."""
    for seed in range(SEEDS):
        chance = random.Random(seed)
        yield f"lossy-{seed}", {number for number in data if chance.random() < SHARE}
    for at, number in enumerate(data):
        yield f"one-{number}", {number}
        yield f"three-{number}", set(data[at:at + 3])


@pytest.fixture(scope="module")
def recorded(staging, tmp_path_factory):
    """All forms in one file, and the truth."""
    recording, folder = read(f"encrypted/{RECORDING}"), tmp_path_factory.mktemp("recorded")
    said = mse_recording.Said(ROOT / "captures" / "encrypted" / f"{RECORDING}.pcapng.gz")
    data = [number for number, packet in enumerate(recording) if (part := segment(packet)) and part.data]
    forms = {}
    for name, missing in forms_of(recording, data):
        path = folder / f"{name}.pcapng"
        path.write_bytes(written([packet for number, packet in enumerate(recording) if number not in missing]))
        forms[path] = {number + 1 for number in missing}
    return said, forms, Many(staging, forms)


def test_recording(tshark, staging, recorded):
    """Packets of a real connection: 3 % of them, each one, each three that follow each other. What can be known is found: where
    the handshakes are there, each DontHave whose bytes are."""
    said, forms, many = recorded
    found = {path: Counter() for path in forms}
    keys = staging.readable(ROOT / "captures" / "encrypted" / f"{RECORDING}.keys")
    for line in tshark.read(many.path, "-o", f"bt.peer.mse_keylog_file:{keys}", "-Y", "bt.donthave", "-T", "fields", "-e",
                            "frame.number", "-e", "bt.donthave.piece_index").splitlines():
        frame, pieces = line.split("\t")
        found[many.place(int(frame))[0]].update(map(int, pieces.split(",")))
    wrong = {path.stem: found[path] - said.dont_haves(missing) for path, missing in forms.items()}
    assert not any(wrong.values()), wrong
    missed = {path.stem: said.dont_haves(missing) - found[path] for path, missing in forms.items()
              if said.opens_without(missing)}
    assert len(missed) > 100
    assert not any(missed.values()), {name: lost for name, lost in missed.items() if lost}


# --- a download ---

PACKET = 1400
PIECES = 1_000


class Download:
    """A seed sends blocks of 16 KiB, and DontHaves between them, in full packets but for the last of each flight; the leecher
    says little, in packets of its own: it asks, has, and acknowledges. Some of the seed's packets are missing."""

    def __init__(self, name, blocks, is_missing):
        trace, self.made = Trace(connect=UtpConnection), FastWire(name, Choices(pad_b=20))
        peers, _ = talk(trace, self.made)
        self.sent, self.there = [5, 9], [5, 9]      # those of talk()
        self.packets = self.missing = 0
        was_missing = False
        chance = random.Random(name)
        peers.seed.send(self.made.say(B, HAVE_ALL))
        for number in range(blocks):
            peers.leecher.send(self.made.say(A, request(number % PIECES), *([have(number % PIECES)] if number % 3 else [])))
            said = piece(number % PIECES, 0, chance.randbytes(BLOCK))
            marks = []              # (end, piece) of the DontHaves in said
            for _ in range(chance.choice((0, 0, 1, 2))):
                said += dont_have(TO_LEECHER, lost := chance.randrange(PIECES))
                marks.append((len(said), lost))
            said = self.made.say(B, said)
            for at in range(0, len(said), PACKET):
                self.packets += 1
                inside = [lost for end, lost in marks if at < end <= at + PACKET]
                cut = any(end - 10 < at < end for end, _ in marks)
                self.sent += inside
                if is_missing(self.packets):
                    self.missing += 1
                    peers.seed.skip(said[at:at + PACKET])
                    was_missing = True
                    continue
                peers.seed.send(said[at:at + PACKET])
                self.there += inside[1:] if cut and was_missing else inside
                was_missing = False
        for _ in range(2):
            peers.leecher.send(self.made.say(A, have(1)))
            peers.seed.send(self.made.say(B, have(1)))
        self.contents = trace.pcap()


def shown(tshark, path, options):
    printed = tshark.read(path, *options, "-Y", "bt.donthave", "-T", "fields", "-e", "bt.donthave.piece_index")
    return [int(number) for number in re.findall(r"\d+", printed)]


# Which packets are missing.
LOSSES = {
    "3 %": lambda number: random.Random(number).random() < 0.03,
    "every tenth": lambda number: number % 10 == 0,
    "bursts": lambda number: number % 400 < 40,
}


@pytest.fixture(scope="module", params=LOSSES)
def download(request, staging):
    made = Download(f"holes-{request.param}", 400, LOSSES[request.param])
    return made, *staged(staging, f"holes {request.param}", made.contents, made.made.key)


def test_download(one_pass, two_passes, download):
    """In one pass as in two: what is decrypted on the second pass is where it was on the first."""
    made, path, options = download
    found = shown(one_pass, path, options)
    assert found == shown(two_passes, path, options)
    assert not Counter(found) - Counter(made.sent)
    assert not Counter(made.there) - Counter(found)
    assert len(made.there) > 200
    assert two_passes.rows(path, "frame.number", *options, where="bt.mse.expert.position_lost") == []
    assert len(two_passes.rows(path, "frame.number", *options, where="bt.peer.expert.gap")) == 1
    assert two_passes.rows(path, "frame.number", *options, where="bt.donthave.expert.limit") == []


# --- a handshake ---


@pytest.mark.parametrize("comes", [False, True])
def test_end_of_a_handshake(tshark, staging, comes):
    """A packet with the end of the seed's handshake is missing, or comes after what follows it: that handshake is known already,
    and so are the ids that were given since."""
    trace, wire = Trace(connect=UtpConnection), Wire("late", Choices(pad_d=40))
    _, frames = talk(trace, wire, cuts={3: (60, 90)})
    if comes:
        trace.swap(frames[3], frames[4])
        trace.swap(frames[4], frames[5])
    else:
        trace.drop([frames[3]])
    path, options = staged(staging, f"handshake {comes}", trace.pcap(), wire.key)
    last = len(trace.packets)
    assert tshark.rows(path, "frame.number bt.donthave.piece_index", *options, where="bt.donthave") == \
        [f"{last - 1} 5", f"{last} 9"]
