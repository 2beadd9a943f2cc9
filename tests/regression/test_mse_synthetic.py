"""Encrypted connections (MSE): the captures of captures/generate/encrypted.py, and more that are made here.

What is expected comes from what the generator meant. A capture has its handshake in the frames 4 to 7, see there.
"""

import itertools
import os
import subprocess

import encrypted
import pytest
from mse_wire import A, B, BOTH, HANDSHAKE, MORE, NONE, PAD_MAX, PLAINTEXT, RC4, Choices, Wire, talk

from capture import CAPTURES, Trace, build
from many import Many, find
from rows import ledger, pieces
from tcp import TcpConnection
from tshark import ROOT, wireshark_version
from utp import SYN, UtpConnection

KEYS_FILE = ROOT / "captures" / "encrypted" / "synthetic.keys"
KEYS = ["-o", f"bt.peer.mse_keylog_file:{KEYS_FILE}"]

METHODS = {"plaintext": PLAINTEXT, "rc4": RC4}
EACH = [f"{method}-{ia}{utp}" for method in METHODS for ia in encrypted.IAS for utp in ("", "-utp")]
TRANSPORTS = {"tcp": TcpConnection, "utp": UtpConnection}

DONT_HAVES = ["11 5 1 16384 10", "12 9 0 0 -"]
BOTH_PIECES = ["11 5", "12 9"]

FIELDS = ("public_key method payload_in pad_length req1 info_hash crypto_provide pad_c_length ia_length crypto_select "
          "pad_d_length")
ALL_FIELDS = " ".join(["frame.number", *(f"bt.mse.{field}" for field in FIELDS.split())])

FAULTS = ["req2_mismatch", "initiator_vc", "responder_vc", "provide_none", "select_invalid", "select_not_provided",
          "pad_c_length", "pad_d_length", "no_cipher", "position_lost"]

VERSION = wireshark_version()


def test_key_log():
    """Otherwise: python3 captures/generate/encrypted.py > captures/encrypted/synthetic.keys"""
    for name in sorted(CAPTURES):
        if name.startswith("mse-"):
            build(name)
    assert KEYS_FILE.read_text() == encrypted.key_log()


def wire_of(capture):
    build(f"mse-{capture}.pcap")
    made, = encrypted.WIRES[capture.removesuffix("-utp")].values()
    return made


def faults(tshark, capture, *options):
    """Each as "FRAME NAME"."""
    columns = " ".join(f"bt.mse.expert.{name}" for name in FAULTS)
    return [f"{frame} {name}" for frame, *found in map(str.split, tshark.rows(capture, f"frame.number {columns}", *options))
            for name, there in zip(FAULTS, found) if there != "-"]


# --- DontHaves ---

@pytest.mark.parametrize("capture", EACH)
def test_dont_haves_with_the_key(tshark, capture):
    assert ledger(tshark, f"mse-{capture}", *KEYS) == DONT_HAVES
    assert faults(tshark, f"mse-{capture}", *KEYS) == []


@pytest.mark.parametrize("capture", EACH)
def test_dont_haves_without_a_key(tshark, capture):
    """Plaintext: all of them, but for those whose id is in IA."""
    expected = [] if "rc4" in capture else DONT_HAVES[1:] if "more" in capture else DONT_HAVES
    assert ledger(tshark, f"mse-{capture}") == expected


@pytest.mark.parametrize("capture", ["mse-limits", "mse-limits-utp"])
def test_shortest_and_longest_padding(tshark, capture):
    shown = pieces(tshark, capture, *KEYS)
    assert shown == [f"{12 * number + frame} {piece}" for number in range(16) for frame, piece in ((11, 5), (12, 9))]
    lengths = tshark.rows(capture, "frame.number bt.mse.pad_length bt.mse.pad_c_length bt.mse.pad_d_length", *KEYS,
                          where="bt.mse.pad_length")
    assert lengths == [row for number, pads in enumerate(encrypted.LIMITS) for row in (
        f"{12 * number + 6} {pads['pad_a']} {pads['pad_c']} -", f"{12 * number + 7} {pads['pad_b']} - {pads['pad_d']}")]


@pytest.mark.parametrize("capture", ["mse-two", "mse-two-utp"])
def test_two_connections_at_a_time(tshark, capture):
    """Each gets its own key, and what one says means nothing in the other."""
    assert ledger(tshark, capture, *KEYS) == ["21 5 1 16384 19", "22 5 1 16384 20", "23 9 0 0 -", "24 9 0 0 -"]
    build(f"{capture}.pcap")
    hashes = tshark.rows(capture, "frame.number bt.mse.req1", *KEYS, where="bt.mse.req1")
    assert hashes == [f"{frame} {made.req1.hex()}" for frame, made in zip((11, 12), encrypted.WIRES["two"].values())]


# --- fields ---

def with_key(made, two_passes):
    """The rows of ALL_FIELDS with the key."""
    choices = made.choices
    begins = (6 if made.ia else 8), (7 if made.ia else 9)
    key_a, key_b = (key.hex() for key in made.public_keys)
    method = choices.select
    hashes = f"{choices.pad_a} {made.req1.hex()} {choices.logged_hash.hex()} {choices.provide:#010x} {choices.pad_c} {len(made.ia)} - -"
    answer = f"{choices.pad_b} - - - - - {choices.select:#010x} {choices.pad_d}"
    rows = {4: f"4 {key_a} {method} {begins[A]} - - - - - - - -", 5: f"5 {key_b} {method} {begins[B]} - - - - - - - -",
            6: f"6 - {method} {begins[A]} {hashes}", 7: f"7 - {method} {begins[B]} {answer}"}
    if two_passes:
        return list(rows.values())
    # In frame 6 the key is found; what is selected, and what of the payload is not in IA, comes later.
    return [f"6 - - {6 if made.ia else '-'} {hashes}", f"7 - {method} {7 if made.ia else '-'} {answer}"]


@pytest.mark.parametrize("capture", EACH)
def test_fields_with_the_key(tshark, capture):
    assert tshark.rows(f"mse-{capture}", ALL_FIELDS, *KEYS, where="bt.mse") == with_key(wire_of(capture), tshark.two_passes)


@pytest.mark.parametrize("capture", [name for name in EACH if "plaintext" in name])
def test_fields_without_a_key(tshark, capture):
    """On the second pass, all four frames. On the first, where it is found: in frame 7 if that has the seed's handshake, else
    when the frames of the handshake are over."""
    made = wire_of(capture)
    begins = (8, 7 if made.ia else 9)
    found = [f"{frame} {key} {PLAINTEXT} {begins[side]}" + " -" * 8 for frame, side, key in
             ((4, A, made.public_keys[A].hex()), (5, B, made.public_keys[B].hex()), (6, A, "-"), (7, B, "-"))]
    if not tshark.two_passes:
        found = found[3:] if made.ia else []
    assert tshark.rows(f"mse-{capture}", ALL_FIELDS, where="bt.mse") == found


# --- what is wrong ---

# The frame of each item, with the name of its capture; and the DontHaves that can still be read.
WRONG = {
    "req2-mismatch": (["6 req2_mismatch"], []),
    "initiator-vc": (["6 initiator_vc"], []),
    "responder-vc": (["7 responder_vc"], []),
    "provide-none": (["6 provide_none"], BOTH_PIECES),
    "select-three": (["7 select_invalid"], []),
    "select-none": (["7 select_invalid"], []),
    "select-not-provided": (["7 select_not_provided"], BOTH_PIECES),
    "pad-c-length": (["6 pad_c_length"], BOTH_PIECES),
    "pad-d-length": (["7 pad_d_length"], BOTH_PIECES),
    "pad-c-huge": (["6 pad_c_length"], []),
    "pad-d-huge": (["7 pad_d_length"], []),
    "pad-a-long": ([], []),     # the key is not found there
    "pad-b-long": (["7 responder_vc"], []),
    "select-three-utp": (["7 select_invalid"], []),
    "pad-d-length-utp": (["7 pad_d_length"], BOTH_PIECES),
}


@pytest.mark.parametrize("capture", WRONG)
def test_what_is_wrong_is_named(tshark, capture):
    """Each finding, once, in the frame that shows it; and what can be read all the same is read."""
    expected, found = WRONG[capture]
    assert faults(tshark, f"mse-{capture}", *KEYS) == expected
    assert pieces(tshark, f"mse-{capture}", *KEYS) == found


def test_no_cipher(two_passes, staging, tmp_path):
    """A libgcrypt that refuses RC4, as one may that was built for FIPS: what is not encrypted is shown."""
    source, library = tmp_path / "refuse.c", staging.folder / "refuse.so"
    source.write_text("""#define _GNU_SOURCE
        #include <dlfcn.h>
        unsigned gcry_cipher_open(void **handle, int algorithm, int mode, unsigned flags);
        unsigned gcry_cipher_open(void **handle, int algorithm, int mode, unsigned flags)
        {
            typedef unsigned opener(void **, int, int, unsigned);
            if (algorithm == 301)
                return 12;
            return ((opener *)dlsym(RTLD_NEXT, "gcry_cipher_open"))(handle, algorithm, mode, flags);
        }""")
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", source, "-o", library], check=True)
    library.chmod(0o755)
    fields = ["frame.number", "bt.mse.expert.no_cipher", "bt.mse.req1", "bt.donthave"]
    command = two_passes.command(two_passes.arguments(
        "mse-rc4-handshake", *KEYS, "-Y", "bt.mse", "-T", "fields", *(part for field in fields for part in ("-e", field))))
    at = command.index("tshark")
    done = subprocess.run([*command[:at], f"LD_PRELOAD={library}", *command[at:]], capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows if row[1]] == ["6"]
    assert [row[2] for row in rows if row[2]] == [wire_of("rc4-handshake").req1.hex()]
    assert not any(row[3] for row in rows)


# --- what is missing, or comes again ---

def test_hole_in_rc4(tshark):
    """TCP counts bytes: what follows the hole is decrypted."""
    assert pieces(tshark, "mse-hole", *KEYS) == [*BOTH_PIECES, "13 10", "14 12", "15 13"]
    assert tshark.rows("mse-hole", "frame.number", *KEYS, where="bt.peer.expert.gap") == ["14"]


def test_hole_in_rc4_over_utp(tshark):
    """uTP counts packets, so only the bytes after the hole can tell where they stand in RC4: two messages do."""
    found = [*BOTH_PIECES, "13 10", *(["14 12"] if tshark.two_passes else []), "15 13"]
    assert pieces(tshark, "mse-hole-utp", *KEYS) == found
    assert faults(tshark, "mse-hole-utp", *KEYS) == []
    gaps = tshark.rows("mse-hole-utp", "frame.number", *KEYS, where="bt.peer.expert.gap")
    assert gaps == (["14"] if tshark.two_passes else [])    # only frame 15 tells that the packet will not come


@pytest.mark.parametrize("utp", ["", "-utp"])
def test_holes_in_rc4(tshark, utp):
    """Within a message and between them; the last one cannot be closed over uTP, which is told once the capture has ended. Over
    uTP a packet after a hole is read when the next one of its sender comes after its acknowledgement."""
    capture = f"mse-holes{utp}"
    found = ["16 20", "18 22,23"] if utp else ["14 20", "16 22", "18 23"]
    assert pieces(tshark, capture, *KEYS) == BOTH_PIECES + found
    assert faults(tshark, capture, *KEYS) == (["19 position_lost"] if utp and tshark.two_passes else [])
    assert tshark.rows(capture, "frame.number", *KEYS, where="bt.peer.expert.gap") == ["16" if utp else "14"]


def test_segments_that_come_again(tshark):
    assert pieces(tshark, "mse-again", *KEYS, "-o", "tcp.reassemble_out_of_order:TRUE") == [
        *BOTH_PIECES, "13 20", "16 21", "17 22"]


@pytest.mark.parametrize("keys", [[], KEYS], ids=["no key", "key"])
@pytest.mark.parametrize("options", [
    pytest.param(["-o", "tcp.reassemble_out_of_order:TRUE"], id="in order"),
    pytest.param(["-o", "tcp.no_subdissector_on_error:FALSE"], id="as they come",
                 marks=pytest.mark.skipif(VERSION >= (4, 6), reason="Wireshark 4.6 withholds late segments all the same"))])
def test_segments_of_the_handshake_that_changed_places(tshark, options, keys):
    """Whether TCP puts them in order, or gives us the late one as it comes: by default it gives it to nobody."""
    readable = 8 if keys else 4
    assert pieces(tshark, "mse-changed-places", *keys, *options) == [
        f"{13 * number + frame} {piece}" for number in range(readable) for frame, piece in ((12, 5), (13, 9))]


def test_packets_that_are_cut(tshark):
    assert pieces(tshark, "mse-cut", *KEYS) == [*BOTH_PIECES, "14 30"]


@pytest.mark.parametrize("utp", ["", "-utp"])
def test_a_public_key_missing(tshark, utp):
    """Plaintext without Ya: the seed's handshake is where it may be, so what it says is read, and nothing of the leecher's."""
    capture = f"mse-missing-plaintext-ya{utp}"
    for options in ([], KEYS):
        assert tshark.rows(capture, "frame.number", *options, where="bittorrent") == ["3", "5", "7"]
        assert pieces(tshark, capture, *options) == faults(tshark, capture, *options) == []


@pytest.mark.parametrize("utp", ["", "-utp"])
@pytest.mark.parametrize("method", METHODS)
def test_opening_packets_missing(tshark, method, utp):
    """SYN or ST_SYN is not needed."""
    assert pieces(tshark, f"mse-missing-{method}-open{utp}", *KEYS) == ["8 5", "9 9"]


def test_begin_within_the_padding(tshark):
    """Random bytes before the seed's handshake are no public key where the leecher did not answer them, and what the leecher
    sends first is not taken for one."""
    assert tshark.rows("mse-missing-key-utp", "frame.number", where="bt.mse.public_key") == []
    assert tshark.rows("mse-missing-key-utp", "frame.number bt.mse.payload_in", where="bt.mse") == (
        ["1 1"] if tshark.two_passes else [])
    assert pieces(tshark, "mse-missing-key-utp") == ["6 9"]


# What no key opens, and no plaintext tells of: RC4, connections that begin before the capture, random bytes; with the key
# or without.
NOTHING = [*(f"mse-missing-{method}-{what}{utp}" for method in METHODS for what in ("ya", "yb", "ia") for utp in ("", "-utp")
             if (method, what) != ("plaintext", "ya")), "mse-look-alike", "mse-look-alike-utp", "mse-missing-key"]
NOTHING_WITHOUT_KEYS = [*(f"mse-{capture}" for capture in [*EACH, *WRONG, "hole", "hole-utp", "holes", "holes-utp", "again", "cut", "two", "two-utp"]
                          if "plaintext" not in capture)]


@pytest.mark.parametrize("captures, options", [
    (NOTHING + NOTHING_WITHOUT_KEYS, []), (NOTHING, KEYS),
    (NOTHING + NOTHING_WITHOUT_KEYS, [*KEYS, "--disable-protocol", "bt.mse"])], ids=["no key", "key", "switched off"])
def test_nothing_is_made_of_it(tshark, staging, captures, options):
    """What tshark prints is what it prints without the plugin."""
    path = Many(staging, captures).path
    assert tshark.read(path, *options, "-V") == tshark.stock(path, "-V")


# --- the key log ---

@pytest.mark.parametrize("how", ["grows", "is replaced", "is cut", "begins to exist"])
def test_key_log_changes_meanwhile(one_pass, staging, how):
    """It is read anew when it has grown, or is another one: here after frame 5, while tshark waits for frame 6."""
    data = find("mse-rc4-handshake").read_bytes()
    at = 24
    for _ in range(5):
        at += 16 + int.from_bytes(data[at + 8:at + 12], "little")
    other, made = Wire("another", Choices()), wire_of("rc4-handshake")
    log = staging.folder / f"changing {how}.keys"
    if how != "begins to exist":
        log.write_text(("# a comment that is longer than a key\n" if how == "is cut" else "") + other.key)
        log.chmod(0o644)
    options = ["-l", "-o", f"bt.peer.mse_keylog_file:{log}", "-T", "fields", "-e", "bt.donthave.piece_index"]
    with subprocess.Popen(one_pass.command(["-r", "-", *options]), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as tshark:
        tshark.stdin.write(data[:at])
        tshark.stdin.flush()
        first = [tshark.stdout.readline() for _ in range(5)]
        if how == "is replaced":
            new = log.with_suffix(".new")
            new.write_text(other.key + made.key)
            new.chmod(0o644)
            new.replace(log)
        else:
            log.write_text((other.key if how == "grows" else "") + made.key)
            log.chmod(0o644)
        rest, _ = tshark.communicate(data[at:])
    assert first == [b"\n"] * 5
    assert [line for line in rest.decode().splitlines() if line] == ["5", "9"]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "byte order mark"])
def test_key_log_from_an_editor(tshark, staging, mark):
    """As an editor on Windows saves it: CR before each LF, perhaps a byte order mark before the first line. And with two info
    hashes for one secret, the wrong one first: the connection tells which is right."""
    made = wire_of("rc4-handshake")
    wrong = made.key.replace(made.choices.logged_hash.hex(), bytes(20).hex())
    log = staging.folder / "edited.keys"
    log.write_bytes(mark + (wrong + made.key).replace("\n", "\r\n").encode())
    log.chmod(0o644)
    options = ["-o", f"bt.peer.mse_keylog_file:{log}"]
    assert ledger(tshark, "mse-rc4-handshake", *options) == DONT_HAVES
    assert faults(tshark, "mse-rc4-handshake", *options) == []
    log.write_bytes(mark + made.key.replace("\n", "\r\n").encode())
    assert ledger(tshark, "mse-rc4-handshake", *options) == DONT_HAVES


# --- every choice, and every cut ---

def made_here(tshark, staging, connect, wires, cuts=()):
    """A capture of connections, in a folder that tshark can read, and the rows of DontHaves to expect in it."""
    trace, rows = Trace(connect=connect), []
    for number, (made, where_cut) in enumerate(zip(wires, itertools.chain(cuts, itertools.repeat(None)))):
        where = {"leecher": (f"10.9.{number // 250}.{number % 250 + 1}", 40000)}
        _, frames = talk(trace, made, where_cut, **where)
        rows += [f"{frames[7]}\t5\t{frames[6]}", f"{frames[8]}\t9\t"]
    path = staging.folder / "made-here.pcap"
    path.write_bytes(trace.pcap())
    keys = staging.folder / "made-here.keys"
    keys.write_text("".join(made.key for made in wires))
    for file in (path, keys):
        file.chmod(0o644)
    return path, ["-o", f"bt.peer.mse_keylog_file:{keys}"], rows


def rows_of(tshark, path, *options):
    columns = ["-T", "fields", "-e", "frame.number", "-e", "bt.donthave.piece_index", "-e", "bt.donthave.request_in"]
    return tshark.read(path, *options, "-Y", "bt.donthave", *columns).splitlines()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("method", METHODS)
def test_every_choice(tshark, staging, method, transport):
    """Each padding 0 or 512, each IA, what is offered, with the key; plaintext without it, too."""
    wires = [Wire(f"{number}", Choices(**pads, ia=ia, provide=provide, select=METHODS[method]))
             for number, (pads, ia, provide) in enumerate(itertools.product(
                 encrypted.LIMITS, encrypted.IAS, (BOTH, METHODS[method])))]
    path, keys, rows = made_here(tshark, staging, TRANSPORTS[transport], wires)
    assert len(rows) == 2 * 16 * 3 * 2
    assert rows_of(tshark, path, *keys) == rows
    hidden = {frame for number, made in enumerate(wires) if made.choices.ia == MORE for frame in rows[2 * number:2 * number + 1]}
    assert rows_of(tshark, path) == ([row for row in rows if row not in hidden] if method == "plaintext" else [])


def cut_everywhere(made):
    """Cuts of flights: at each byte from 25 before the payload to 75 after it, and at each of these bytes at once."""
    places = []
    for flight, begins in ((2, len(made.flights[2][1]) - len(made.ia)), (3, made.handshake_sizes[B] - len(made.flights[1][1])),
                           (4, 0), (5, 0)):
        size = len(made.flights[flight][1])
        near = [at for at in range(begins - 25, begins + 76) if 0 < at < size]
        places += [{flight: [at]} for at in near] + [{flight: near}]
    return places


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("ia", [NONE, HANDSHAKE])
@pytest.mark.parametrize("method", METHODS)
def test_split_at_every_byte(tshark, staging, method, ia, transport):
    """Around the first byte of the payload, in each direction: in two parts, and a byte a packet."""
    choices = Choices(pad_a=20, pad_b=30, pad_c=10, pad_d=40, ia=ia, select=METHODS[method])
    cuts = cut_everywhere(Wire("0", choices))
    wires = [Wire(f"{number}", choices) for number in range(len(cuts))]
    path, keys, rows = made_here(tshark, staging, TRANSPORTS[transport], wires, cuts)
    assert len(rows) > 400
    assert rows_of(tshark, path, *(keys if method == "rc4" else [])) == rows


# --- sequence numbers ---

@pytest.mark.parametrize("method", METHODS)
def test_sequence_numbers_wrap_in_the_handshake(tshark, staging, method):
    """From 2^32 - 1 to 0, in both directions, after the first bytes of the public keys."""
    made = Wire("wraps", Choices(pad_a=7, pad_b=31, select=METHODS[method]))
    trace = Trace()
    _, frames = talk(trace, made, first=((1 << 32) - 40, (1 << 32) - 50))
    path, keys = staging.folder / "wraps.pcap", staging.folder / "wraps.keys"
    path.write_bytes(trace.pcap())
    keys.write_text(made.key)
    for file in (path, keys):
        file.chmod(0o644)
    options = ["-o", f"bt.peer.mse_keylog_file:{keys}", "-o", "tcp.relative_sequence_numbers:FALSE"]
    assert rows_of(tshark, path, *options) == [
        f"{frames[7]}\t5\t{frames[6]}", f"{frames[8]}\t9\t"]


class ToTheLetter(UtpConnection):
    """As BEP 29 has it: the ST_STATE that answers takes a number, so the first packet with data has the next one, and the
    other side acknowledges it like a packet. libutp and libtorrent do otherwise."""

    def __init__(self, trace, **where):
        super().__init__(trace, opened=False, **where)
        leecher, seed = self.leecher, self.seed
        leecher._packet(SYN, leecher.seq, acknowledging=1, connection_id=leecher.sending_id - 1)
        leecher._advance()
        seed.acknowledge()
        seed._advance()
        leecher.acknowledge()


@pytest.mark.parametrize("method", METHODS)
def test_utp_to_the_letter(tshark, staging, method):
    """No packet has the number of the ST_STATE: it is not waited for."""
    wires = [Wire(f"letter-{number}", Choices(pad_a=7, pad_b=31, ia=ia, select=METHODS[method]))
             for number, ia in enumerate((NONE, HANDSHAKE))]
    path, keys, rows = made_here(tshark, staging, ToTheLetter, wires)
    assert rows_of(tshark, path, *keys) == rows
    assert rows_of(tshark, path) == (rows if method == "plaintext" else [])
