"""The fields and columns of a DontHave, in every form in which tshark prints them."""

import json
import re
from xml.etree import ElementTree

import pytest

from capture import Trace
from many import ROOT
from peer_wire import dont_have, extended, reject, request
from session import TO_LEECHER, begin
from tshark import ITEMS

CAPTURE = "carrier-ipv4"


def test_fields_with_and_without_a_filter(tshark):
    """A display filter chooses frames and changes nothing in them."""
    columns = "frame.number bt.donthave.piece_index bt.donthave.id"
    everything = tshark.rows(CAPTURE, columns)
    assert everything == [*(f"{frame} - -" for frame in range(1, 9)), "9 5 3", "10 6 7"]
    assert tshark.rows(CAPTURE, columns, where="bt.donthave") == ["9 5 3", "10 6 7"]


@pytest.mark.parametrize("where, frames", [
    ("bt.donthave.piece_index == 5", ["9"]),
    ("bt.donthave.piece_index in {4..6}", ["9", "10"]),
    ("bt.donthave.id == 7", ["10"]),
    ("bt.donthave.id_assigned_in == 6", ["9"]),
    ("bt.donthave.id_assumed == 0", ["9", "10"]),
    ("bt.donthave.fast == 1", []),
    ("bt.donthave.negotiated == 3", ["6"]),
    ("bt.donthave.requests == 0 && bt.donthave.bytes == 0", ["9", "10"]),
    ("tcp.port == 27000 && !bt.donthave", [str(frame) for frame in range(1, 9)]),
])
def test_filters(tshark, where, frames):
    assert tshark.rows(CAPTURE, "frame.number", where=where) == frames


def test_protocol_column_filter_is_exact(tshark):
    """`bt.donthave` is true on frames that hold a DontHave, and on no other: handshakes and requests are not among them."""
    assert tshark.rows("framing-forty", "frame.number", where="bt.donthave") == ["9", "11"]


@pytest.mark.parametrize("options", [["-Y", "bt.donthave"], ["-R", "bt.donthave || bittorrent", "-Y", "bt.donthave"]])
def test_filters_do_not_change_the_ledger(two_passes, options):
    """A read filter or a display filter chooses frames; state is kept for all."""
    printed = two_passes.read("clean-no-fast", *options, "-T", "fields", "-e", "bt.donthave.piece_index",
                              "-e", "bt.donthave.requests")
    assert printed.split() == ["5", "1", "1", "0", "6", "0"]


def opened(printed, ours):
    """The items of tshark -V that are ours, with all that is in them."""
    kept, inside = [], False
    for line in printed.splitlines():
        if not line.startswith(" "):
            inside = line.startswith(ours)
        if inside:
            kept.append(line)
    return kept


def test_option_that_opens_our_items_alone(two_passes):
    """-O with the names of our items, the README's command: all of them on all frames as -V has them, no other opened."""
    command = re.search(r"(?m)^    tshark -2 -r capture.pcapng -O (\S+)$", (ROOT / "README.md").read_text())
    capture = ROOT / "captures" / "webtorrent_leecher.pcapng.gz"
    printed = two_passes.read(capture, "-O", command[1])
    whole = two_passes.read(capture, "-V")
    ours = ("[BitTorrent DontHave:", "BitTorrent DontHave (BEP 54)")
    assert opened(printed, ours) == opened(whole, ours)
    assert [line for line in printed.splitlines() if line.startswith(" ")] == \
        [line for line in opened(whole, ours) if line.startswith(" ")]
    for item in ("Request invalidated", "Reject of", "Request for a disowned"):
        assert f"[BitTorrent DontHave: {item}" in printed
    assert {"bt.donthave", *ITEMS} == set(command[1].split(","))


@pytest.mark.parametrize("name", ["webtorrent_leecher", "npm_ids", "libtorrent_utp_lossy"])
def test_filter_that_shows_both_ends_of_links(two_passes, name):
    """The README's filter: each frame that a field of bt.donthave names passes it."""
    where = re.search(r"(?m)^    tshark -2 -r capture.pcapng -Y '(bt.donthave .*)'$", (ROOT / "README.md").read_text())[1]
    links = [field for field, kind in two_passes.our_fields().items()
             if field.startswith("bt.donthave.") and kind == "FT_FRAMENUM"]
    rows = two_passes.rows(ROOT / "captures" / f"{name}.pcapng.gz", " ".join(["frame.number", *links]), where=where)
    shown = {row.split()[0] for row in rows}
    targets = {frame for row in rows for column in row.split()[1:] if column != "-" for frame in column.split(",")}
    assert len(targets) > 3 and targets <= shown


def test_many_messages_are_one_layer(tshark):
    """All DontHaves of a frame are layer 1 of bt.donthave, as the frame has one layer of it."""
    assert tshark.rows("framing-forty", "frame.number", where="bt.donthave.piece_index#1 == 39") == ["9"]
    assert tshark.rows("framing-forty", "frame.number", where="bt.donthave.piece_index#2") == []
    assert tshark.rows("framing-forty", "frame.protocols", where="bt.donthave") == \
        ["eth:ethertype:ip:tcp:bittorrent:bt.donthave"] * 2


@pytest.fixture
def followed(tmp_path):
    """A segment with a DontHave and then an extended message that nobody takes."""
    trace = Trace()
    begin(trace).seed.send(dont_have(TO_LEECHER, 5), extended(99, b"\0\0\0\5"))
    path = tmp_path / "followed.pcap"
    path.write_bytes(trace.pcap())
    return path


def test_a_message_that_nobody_takes_adds_no_layer(tshark, followed):
    """And takes away none: the one of the DontHave before it stays."""
    columns = "frame.number frame.protocols"
    assert tshark.rows(followed, columns, where="bt.donthave.piece_index#1 == 5") == \
        ["9 eth:ethertype:ip:tcp:bittorrent:bt.donthave"]


def test_expert_items_are_the_protocols_own(one_pass):
    """-z expert names the protocol that an item is of: ours, also on a Request."""
    printed = one_pass.read("anomaly-late-request", "-q", "-z", "expert")
    assert len(re.findall(r"(?m)^ +1 +Sequence +BT-DontHave +Request [12] for piece 5, ", printed)) == 2


def test_a_message_that_was_cut_is_the_built_in_dissectors(tshark, tmp_path):
    """What follows a message with items of ours is not put down to us."""
    trace = Trace()
    peers = begin(trace)
    peers.seed.send(dont_have(TO_LEECHER, 5))
    peers.leecher.send(request(5), request(6))
    trace.packets[-1].data = trace.packets[-1].data[:-9]
    path = tmp_path / "cut.pcap"
    path.write_bytes(trace.pcap())
    assert tshark.rows(path, "frame.number", where="bt.donthave.late_request") == ["10"]
    cut = "[Packet size limited during capture: BitTorrent truncated]"
    assert tshark.stock(path, "-V", "-Y", "frame.number == 10").count(cut) == 1
    assert tshark.read(path, "-V", "-Y", "frame.number == 10").count(cut) == 1


def members(value, key):
    """Every value of a key, however deep it lies."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield from inner if isinstance(inner, list) else [inner]
            yield from members(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner, key)


def test_json(tshark):
    packets = json.loads(tshark.read(CAPTURE, "-T", "json", "-Y", "bt.donthave"))
    assert [list(members(packet, "bt.donthave.piece_index")) for packet in packets] == [["5"], ["6"]]
    assert [list(members(packet, "bt.donthave.id")) for packet in packets] == [["3"], ["7"]]


def test_ek(tshark):
    """Elasticsearch's bulk format: a line of index, then a line of packet."""
    lines = tshark.read(CAPTURE, "-T", "ek", "-Y", "bt.donthave").splitlines()
    packets = [json.loads(line) for line in lines[1::2]]
    assert [list(map(str, members(packet, "bt_donthave_bt_donthave_piece_index"))) for packet in packets] == [["5"], ["6"]]


def test_pdml(tshark):
    packets = ElementTree.fromstring(tshark.read(CAPTURE, "-T", "pdml", "-Y", "bt.donthave")).findall("packet")
    shown = [[field.get("show") for field in packet.iter("field") if field.get("name") == "bt.donthave.piece_index"]
             for packet in packets]
    assert shown == [["5"], ["6"]]


def test_piece_index_is_the_bytes_of_the_message(one_pass):
    """In Wireshark a click on the field marks the four bytes of the index in the packet."""
    pdml = ElementTree.fromstring(one_pass.read(CAPTURE, "-T", "pdml", "-Y", "frame.number == 9"))
    fields = [field for field in pdml.iter("field") if field.get("name") == "bt.donthave.piece_index"]
    assert [(field.get("size"), field.get("value"), field.get("pos")) for field in fields] == [("4", "00000005", "60")]


def test_custom_columns(tshark):
    columns = 'gui.column.format:"No","%m","Piece","%Cus:bt.donthave.piece_index:0:R","Id","%Cus:bt.donthave.id:0:R"'
    printed = tshark.read(CAPTURE, "-o", columns, "-Y", "bt.donthave")
    assert [line.split() for line in printed.splitlines()] == [["9", "5", "3"], ["10", "6", "7"]]


def test_info_column(tshark):
    """Our text stands in the place of that message's Extended; what the built-in dissector wrote for others stays."""
    stock = [line.strip() for line in
             tshark.stock(CAPTURE, "-o", 'gui.column.format:"Info","%i"').splitlines()]
    info = tshark.info(CAPTURE)
    assert info[:8] == stock[:8]
    for line, before, piece in zip(info[8:], stock[8:], (5, 6)):
        assert line == before.replace("Extended", f"DontHave Piece={piece} (0 requests)")


def test_info_column_between_others(tshark):
    """Have and DontHave by turns: each text in its place, parted by blanks."""
    info = tshark.info("framing-forty")[10].split("  ")
    assert info[:2] == ["Have, Piece (Idx:0x28)", "DontHave Piece=40 (1 request) Have, Piece (Idx:0x29)"]


def test_info_column_of_a_first_segment(tshark):
    """So also where a side's first segment has everything, from the handshake to a DontHave."""
    assert tshark.info("framing-first-segment")[3:5] == [
        "Handshake  Extended", "Handshake  Extended  Bitfield, Len:0x8  DontHave Piece=1 (0 requests) Have, Piece (Idx:0x2)"]


def test_info_column_counts_requests(tshark):
    """Two requests that this DontHave invalidated."""
    assert tshark.info("anomaly-invalidated")[9].endswith("DontHave Piece=5 (2 requests)")


def test_info_column_of_many(tshark):
    """Forty DontHaves, forty texts, in order."""
    info = tshark.info("framing-forty")[8]
    places = [info.index(f"DontHave Piece={piece}") for piece in range(40)]
    assert places == sorted(places)
    assert info.count("DontHave") == 40


def test_info_column_marks(two_passes):
    """In TCP's manner, after the message: what a DontHave invalidated, what came too late, and what was rejected."""
    info = two_passes.info("anomaly-rerequest")
    assert [line.partition("Len:0x4000)")[2].strip() for line in info[8:12]] == [
        "[Invalidated by 10]", "", "[Piece disowned in 10]", ""]
    info = two_passes.info("anomaly-unrejected")
    assert info[8].endswith("[Invalidated by 10] [Rejected in 11]") and info[8].count("[Invalidated by 10]") == 2
    assert info[10].endswith("[Rejects 9]")


def test_info_column_marks_leave_room(one_pass, tmp_path):
    """55 Rejects of piece 0xfffffff5, 73 characters each, all but fill the column: marks come where none of them is lost."""
    index, begins = 0xFFFFFFF5, [number << 24 | 0x123456 for number in range(16, 71)]
    trace = Trace()
    peers = begin(trace, fast=True)
    peers.leecher.send(*(request(index, start, 0x12345678) for start in begins))
    peers.seed.send(dont_have(TO_LEECHER, index))
    peers.seed.send(*(reject(index, start, 0x12345678) for start in begins))
    path = tmp_path / "rejects.pcap"
    path.write_bytes(trace.pcap())
    info = one_pass.info(path)[10]
    stock = one_pass.stock(path, "-o", 'gui.column.format:"Info","%i"').splitlines()[10]
    assert len(stock.strip()) > 55 * 70
    assert 1 <= info.count("[Rejects 9]") < 55
    assert info.replace("[Rejects 9]", "").split() == stock.split()


def test_tree(one_pass):
    """The item's text is a summary, and what is not on the wire is in brackets, as generated."""
    printed = one_pass.read(CAPTURE, "-V", "-Y", "frame.number == 9")
    assert "BitTorrent DontHave (BEP 54)" in printed
    assert "[Protocols in frame: eth:ethertype:ip:tcp:bittorrent" in printed
    tree = [line.strip() for line in printed.partition("BitTorrent DontHave (BEP 54)")[2].splitlines()]
    generated = [line for line in tree if line.startswith("[")]
    assert len(generated) >= 3, tree


def test_ek_keys_are_unique(two_passes):
    """No object has a field of ours twice; README.md says that `_ws_expert` may be."""
    seen, twice = set(), set()

    def keys(pairs):
        names = [name for name, _ in pairs]
        seen.update(names)
        twice.update(name for name in names if names.count(name) > 1)
        return dict(pairs)

    for line in two_passes.read(ROOT / "captures" / "webtorrent_leecher.pcapng.gz", "-T", "ek").splitlines():
        json.loads(line, object_pairs_hook=keys)
    assert {"bt_donthave_bt_donthave_piece_index", "_ws_expert"} <= seen
    assert {name for name in twice if name.startswith(("bt_", "bittorrent"))} == set()


def test_ek_fits_the_mapping(two_passes):
    """What -G elastic-mapping says of our fields is what -T ek prints, but for the one that README.md names."""
    types, printed = {}, {}

    def collect(value, take):
        for name, inner in value.items() if isinstance(value, dict) else ():
            take(name, inner)
            collect(inner, take)
        for inner in value if isinstance(value, list) else ():
            collect(inner, take)

    def take_type(name, inner):
        if name.startswith("bt_") and isinstance(inner, dict) and "type" in inner:
            types[name] = inner["type"]

    def take_value(name, inner):
        if name.startswith("bt_donthave_bt_donthave_") and inner is not None:
            values = [value for value in (inner if isinstance(inner, list) else [inner]) if value is not None]
            printed.setdefault(name, []).extend(values)

    mapping = two_passes.run("-G", "elastic-mapping", "--elastic-mapping-filter", "bt.donthave")
    collect(json.loads(mapping), take_type)
    for line in two_passes.read(ROOT / "captures" / "webtorrent_leecher.pcapng.gz", "-T", "ek").splitlines()[1::2]:
        collect(json.loads(line), take_value)
    fits = {"boolean": lambda value: isinstance(value, bool), "short": lambda value: str(value).isdigit(),
            "integer": lambda value: str(value).isdigit(), "long": lambda value: str(value).isdigit()}
    fits["unsigned long"] = fits["long"]    # of 4.6
    wrong = {name for name, values in printed.items() if values
             and (types.get(name) not in fits or not all(map(fits[types[name]], values)))}
    assert wrong == {"bt_donthave_bt_donthave_request_time"}
