"""Real traffic: the plugin finds what the clients themselves logged.

Beside captures/NAME.pcapng.gz lies captures/NAME.log, one JSON object a line, in the order in which it happened to the
client that wrote it: donthave, reject and request_failed are what it received, request is what it sent.
"""

import collections
import json
from xml.etree import ElementTree

import pytest

from tshark import ROOT

CAPTURES = sorted((ROOT / "captures").glob("*.pcapng.gz"))

each_capture = pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name.partition(".")[0])


def logged(capture, event):
    """What each client received from each peer, in order: {(client's address, peer): [(piece, begin)]}."""
    log = capture.parent / (capture.name.partition(".")[0] + ".log")
    received = collections.defaultdict(list)
    for line in map(json.loads, log.read_text().splitlines()):
        if line["event"] == event:
            received[line["address"], line["peer"]].append((line["piece"], line.get("begin")))
    return received


def blocks(received):
    return sorted(block for flow in received.values() for block in flow)


def shown(items):
    """The blocks of items whose columns are frame, piece, begin and more."""
    return sorted(tuple(map(int, item.split()[1:3])) for item in items)


def test_there_are_recordings():
    assert CAPTURES


def test_read_filter(two_passes):
    """A read filter gives frames that it rejects the number of the next one that it accepts: what a packet has to show is
    kept by packet, so that all DontHaves are there, and no other."""
    pieces = ["-T", "fields", "-e", "ip.src", "-e", "bt.donthave.piece_index"]
    all_captures = two_passes.staging.family(CAPTURES[0]).path      # one after the other in a file
    expected = two_passes.read(all_captures, "-Y", "bt.donthave", *pieces)
    assert len(expected.splitlines()) > 3 * len(CAPTURES)
    assert two_passes.read(all_captures, "-R", "bt.donthave", *pieces) == expected


@each_capture
def test_every_dont_have_is_found(tshark, capture):
    """As many DontHaves as the receiving client logged, of the same pieces, in the same order, in each direction."""
    found = collections.defaultdict(list)
    for row in tshark.rows(capture, "ip.src tcp.srcport udp.srcport ip.dst bt.donthave.piece_index", where="bt.donthave"):
        source, tcp_port, udp_port, destination, pieces = row.split(" ")
        peer = f"{source}:{udp_port if tcp_port == '-' else tcp_port}"
        found[destination, peer] += [(int(piece), None) for piece in pieces.split(",")]
    assert found == logged(capture, "donthave")


def by_clients(*clients):
    """Captures whose name begins with that of a client."""
    captures = [path for path in CAPTURES if path.name.startswith(clients)]
    return pytest.mark.parametrize("capture", captures, ids=lambda path: path.name.partition(".")[0])


# WebTorrent asks again so fast that it counts differently: it fails the requests that a DontHave crossed on its way, and
# takes the Reject of the first request for the answer to the second.

@by_clients("npm")
def test_failed_requests_are_the_invalidated_ones(two_passes, capture):
    """The requests that a client gave up because "peer sent donthave" are those that the ledger shows as invalidated."""
    failed = logged(capture, "request_failed")
    assert failed
    assert shown(two_passes.items(capture, "request", "piece_index begin")) == blocks(failed)


@by_clients("npm", "libtorrent")
def test_rejects_are_linked(tshark, capture):
    """Each Reject that the client logged answers a request that a DontHave invalidated, and points at it."""
    items = tshark.items(capture, "reject", "piece_index begin request_in")
    assert shown(items) == blocks(logged(capture, "reject"))
    for item in items:
        frame, _, _, request_in = map(int, item.split())
        assert 0 < request_in < frame


def test_each_finding_is_under_its_own_item(two_passes):
    """Frame 161 has a late Request and one that is invalidated later; each finding is inside the item that it is about."""
    capture = ROOT / "captures" / "webtorrent_leecher.pcapng.gz"
    printed = two_passes.read(capture, "-Y", "frame.number == 161", "-T", "pdml")
    inside = set()
    for item in ElementTree.fromstring(printed).iter("field"):
        if item.get("name") in ("bt.donthave.request", "bt.donthave.late_request"):
            inside |= {(item.get("name"), field.get("name")) for field in item.iter("field")
                       if field.get("name").startswith("bt.donthave.expert.")}
    assert inside == {("bt.donthave.request", "bt.donthave.expert.invalidated"),
                      ("bt.donthave.late_request", "bt.donthave.expert.late_request")}
