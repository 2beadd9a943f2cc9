"""What is missing is told on every pass, and what is told of it has the right sender; captures that are made here."""

import re

import pytest
from encrypted import WIRES, wire
from mse_wire import A, B, HANDSHAKE, PLAINTEXT, RC4, talk
from webrtc_packets import start

from capture import Trace
from data_channel import WebRtcConnection
from peer_wire import UNCHOKE, dont_have, extension_handshake, handshake, have, piece, request
from session import TO_LEECHER, begin
from tcp import TcpConnection
from tshark import ROOT
from utp import UtpConnection

GAP = "bt.peer.expert.gap"
WEBRTC_KEYS = ROOT / "captures" / "webrtc" / "synthetic.keys"


def written(trace, folder, name="made"):
    folder.chmod(0o755)
    path = folder / f"{name}.pcap"
    path.write_bytes(trace.pcap())
    path.chmod(0o644)
    return path


def mse_keys(staging, folder, made):
    path = folder / "made.keys"
    path.write_text(made.key)
    return "-o", f"bt.peer.mse_keylog_file:{staging.readable(path)}"


def webrtc_keys(staging):
    return "-o", f"tls.keylog_file:{staging.readable(WEBRTC_KEYS)}"


def gaps(tshark, path, *options):
    return tshark.rows(path, "frame.number", *options, where=GAP)


def dont_haves(tshark, path, *options):
    return tshark.rows(path, "frame.number bt.donthave.piece_index", *options, where="bt.donthave")


def begun(name, method, staging, tmp_path):
    """A connection over TCP, plain or encrypted: the trace, its peers, what the seed's messages are as bytes, and the options to
    read it with."""
    trace = Trace()
    if method == "plain":
        return trace, begin(trace), b"".join, ()
    made = wire(name, ia=HANDSHAKE, select=method)
    del WIRES[name]
    peers, _ = talk(trace, made)
    return trace, peers, lambda messages: made.say(B, *messages), mse_keys(staging, tmp_path, made)


@pytest.mark.parametrize("method", ["plain", PLAINTEXT, RC4])
def test_hole_before_a_message_in_several_segments(one_pass, two_passes, staging, tmp_path, method):
    """Over TCP. A later pass does not see the segment that only begins the block: what is missing is told with all of it."""
    trace, peers, say, options = begun("told-tcp", method, staging, tmp_path)
    peers.seed.skip(say([dont_have(TO_LEECHER, 7)]))
    block = say([piece(1, 0, bytes(3000))])
    first = peers.seed.send(block[:1400])
    peers.seed.send(block[1400:2800])
    last = peers.seed.send(block[2800:])
    path = written(trace, tmp_path)
    assert gaps(one_pass, path, *options) == [f"{first}"]
    assert gaps(two_passes, path, *options) == [f"{last}"]


@pytest.mark.parametrize("goes_on", [False, True], ids=["unfinished", "finished"])
@pytest.mark.parametrize("method", ["plain", PLAINTEXT, RC4])
def test_hole_before_a_message_that_does_not_end(one_pass, two_passes, staging, tmp_path, method, goes_on):
    """Later passes see nothing of a message that TCP waits for in vain: then it is told, once, where the stream was seen last.
    The other side's packets do not count."""
    trace, peers, say, options = begun("told-end", method, staging, tmp_path)
    before = peers.seed.send(say([have(1)]))
    peers.seed.skip(say([dont_have(TO_LEECHER, 7)]))
    block = say([piece(1, 0, bytes(3000))])
    first = peers.seed.send(block[:1400])
    peers.leecher.acknowledge()
    last = peers.seed.send(block[1400:3013 if goes_on else 2800])
    path = written(trace, tmp_path)
    assert gaps(one_pass, path, *options) == [f"{first}"]
    assert gaps(two_passes, path, *options) == [f"{last if goes_on else before}"]
    told = two_passes.rows(path, "frame.number _ws.expert.message", *options, where=GAP)
    assert ("Before frame " in told[0]) != goes_on, told


@pytest.mark.parametrize("cut", [2, 7])
def test_dont_have_cut_after_a_hole_where_it_is_not_known_where_messages_begin(tshark, tmp_path, cut):
    """The built-in dissector may ask TCP for the rest of what it takes for a message, and the messages are found in that."""
    trace = Trace()
    peers = trace.connect(trace, seed=("10.0.0.2", 6881), opened=False)
    peers.leecher.send(handshake("-LE0001-"), extension_handshake({"lt_donthave": TO_LEECHER}))
    peers.seed.send(b"\xbe" * 700)
    peers.seed.skip(bytes(1460))
    message = dont_have(TO_LEECHER, 5)
    peers.seed.send(message[:cut])
    frame = peers.seed.send(message[cut:])
    peers.seed.send(have(1))
    assert tshark.rows(written(trace, tmp_path), "frame.number bt.donthave.piece_index", where="bt.donthave") == [f"{frame} 5"]


@pytest.mark.parametrize("in_one", [True, False], ids=["at-once", "later"])
def test_webrtc_message_that_is_cut_after_a_hole(tshark, staging, tmp_path, in_one):
    """The first message after a hole comes in two of the channel: prefix and id, then the rest. Both are read at once, or the
    first one alone."""
    trace = Trace()
    peers = start(trace)
    peers.seed.skip(dont_have(TO_LEECHER, 4))
    message = dont_have(TO_LEECHER, 5)
    if not in_one:
        peers.leecher.acknowledge()
    first = peers.seed.send(message[:5])
    second = peers.seed.send(message[5:])
    peers.leecher.acknowledge()
    third = peers.seed.send(have(1))
    path, keys = written(trace, tmp_path), webrtc_keys(staging)
    assert dont_haves(tshark, path, *keys) == [f"{third if in_one else second} 5"]
    assert gaps(tshark, path, *keys) == [f"{third if in_one else first}"]
    assert tshark.rows(path, "frame.number", *keys, where="_ws.unreassembled || _ws.malformed") == []


@pytest.mark.parametrize("told", [dont_have(TO_LEECHER, 7), UNCHOKE], ids=["found", "lost"])
def test_utp_rc4_hole(two_passes, staging, tmp_path, told):
    """How many bytes a lost packet of uTP had is not known. Where what comes after it does not tell either, it cannot be
    decrypted, and that is told, too; once."""
    trace = Trace(connect=UtpConnection)
    made = wire("told-utp", ia=HANDSHAKE, select=RC4)
    del WIRES["told-utp"]
    peers, _ = talk(trace, made)
    peers.seed.skip(made.say(B, piece(1, 0, bytes(500))))
    after = peers.seed.send(made.say(B, told))
    peers.leecher.send(made.say(A, have(1)))
    path, keys = written(trace, tmp_path), mse_keys(staging, tmp_path, made)
    assert gaps(two_passes, path, *keys) == [f"{after}"]
    lost = two_passes.rows(path, "frame.number", *keys, where="bt.mse.expert.position_lost")
    assert lost == ([f"{after}"] if told == UNCHOKE else [])
    assert dont_haves(two_passes, path, *keys) == ["11 5", "12 9"] + ([] if lost else [f"{after} 7"])


@pytest.mark.parametrize("connect", [TcpConnection, UtpConnection], ids=["tcp", "utp"])
def test_sender_of_what_the_other_side_said(tshark, staging, tmp_path, connect):
    """The leecher's key comes after what the seed said, so the seed's DontHave is read in the leecher's packet. Its sender is
    the seed."""
    trace = Trace(connect=connect)
    made = wire("told-sender", ia=HANDSHAKE, select=RC4)
    del WIRES["told-sender"]
    peers = connect(trace)
    for number in (0, 1, 3, 5, 7, 2):
        side, data = made.flights[number]
        frame = (peers.leecher, peers.seed)[side].send(data)
    path = written(trace, tmp_path)
    options = *mse_keys(staging, tmp_path, made), "-o", "bt.donthave.fallback_id:3"
    assert tshark.rows(path, "frame.number ip.src bt.donthave.piece_index", *options,
                       where="bt.donthave") == [f"{frame} 10.0.0.1 5"]
    printed = tshark.read(path, *options, "-q", "-z", "bt.donthave,list")
    assert re.search(rf"^ *{frame} .*10\.0\.0\.2:27000 .*10\.0\.0\.1:40000 ", printed, re.M), printed
