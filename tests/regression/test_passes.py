"""The first pass and the second one show the same messages in a packet, whatever bytes are in it.

What is known of a message only later, such as the DontHave that invalidates a Request, shows on the second pass. It must not
change what the built-in dissector sees. That takes a message that it does not know, and all that comes after it in the same
call, for the middle of a message.
"""

import random

import pytest

from capture import Trace
from peer_wire import (BLOCK, dont_have, extended, extension_handshake, handshake, have, message, numbers, piece, reject, request)
from session import TO_LEECHER, TO_SEED, begin

FIELDS = ["frame.number", "bittorrent.msg.length", "bittorrent.msg.type", "bittorrent.continuous_data"]


def messages(tshark, path, *options):
    return tshark.read(path, "-T", "fields", *(part for field in FIELDS for part in ("-e", field)), *options).splitlines()


UNKNOWN = message(163, b"\x01")


@pytest.mark.parametrize("unknown", [UNKNOWN, message(21, b"\0" * 48), extended(2, b"x" * 16500)],
                         ids=["nobody's", "BEP 52", "longer than a block"])
@pytest.mark.parametrize("disowned", [5, 6], ids=["later", "never"])
def test_after_a_message_that_the_built_in_dissector_does_not_know(one_pass, two_passes, written, unknown, disowned):
    """A Request that a DontHave may invalidate later, an extended message that nobody takes, and Haves: each shows."""
    trace = Trace()
    peers = begin(trace)
    frame = peers.leecher.send(have(1), unknown, have(2), request(5), extended(2, b"?"), have(3))
    peers.seed.send(dont_have(TO_LEECHER, disowned))
    path = written(trace)
    first, second = (messages(tshark, path, "-Y", f"frame.number == {frame}") for tshark in (one_pass, two_passes))
    assert first == second
    shown = first[0].split("\t")[2].split(",")
    assert shown in (["4", "4", "6", "20", "4"], ["4", "20", "4", "6", "20", "4"])


def test_where_there_is_nothing_of_ours_to_show(tshark, written):
    """Each message of the segment shows, on the first pass as on the second."""
    trace = Trace()
    frame = begin(trace).leecher.send(have(1), UNKNOWN, have(2), UNKNOWN, have(3))
    unknown = UNKNOWN.hex()
    assert messages(tshark, written(trace), "-Y", f"frame.number == {frame}") == [f"{frame}\t5,5,5\t4,4,4\t{unknown},{unknown}"]


def test_found_among_segments_that_tcp_joined(tshark, written):
    """The handshake is damaged, so it is not known where messages begin, and the built-in dissector takes any bytes for a length
    and lets TCP join what follows. An extension handshake that is found there shows on every pass, although the block after it
    goes on in the next segment."""
    trace = Trace()
    leecher = trace.connect(trace, seed=("10.0.0.2", 6881)).leecher
    leecher.send(handshake("-LE0001-")[1:])
    block = piece(1, 0, bytes(1000))
    found, begun, more = extension_handshake({"lt_donthave": 3}), block[:30], block[30:60]
    wrong = message(0, found + begun + more)[:5]
    leecher.send(wrong)
    leecher.send(found + begun)
    joined = leecher.send(more)
    leecher.send(block[60:], have(1))
    assert tshark.rows(written(trace), "frame.number bt.donthave.negotiated", where="bt.donthave.negotiated") == [f"{joined} 3"]


def random_message(chance):
    kind = chance.choice("rrrpddhjxuuu")
    index, begins = chance.randrange(8), chance.randrange(4) * BLOCK
    if kind == "r":
        return request(index, begins)
    if kind == "p":
        return piece(index, begins, chance.randbytes(chance.choice([0, 16, 1000])))
    if kind == "d":
        return dont_have(chance.choice([1, 2, 3, 7]), index)
    if kind == "h":
        return have(index)
    if kind == "j":
        return reject(index, begins)
    if kind == "x":
        return extension_handshake({"lt_donthave": chance.choice([1, 2, 3, 7])})
    # Any id, and a length that is often not that of what follows.
    length = chance.choice([1, 2, 3, 5, 0x11, 0x22, 0x4009, 0x400A])
    message_id = chance.choice([5, 18, 20, 21, 22, 23, chance.randrange(256)])
    return numbers(length) + bytes([message_id]) + chance.randbytes(chance.choice([length - 1, length - 1, 0, 30]))


def changed(data, share, chance):
    return bytes(chance.randrange(256) if chance.random() < share else byte for byte in data)


def random_connections(count):
    trace = Trace()
    for seed in range(count):
        chance = random.Random(seed)
        peers = trace.connect(trace, leecher=("10.0.0.1", 20000 + seed), seed=("10.0.0.2", 6881))
        share, longest = chance.choice([0, 0, 0.002, 0.01]), chance.choice([8, 60, 300, 1460])
        left = {}
        for side in (peers.leecher, peers.seed):
            said = extension_handshake({"lt_donthave": chance.choice([1, 2, 3, 7])})
            said += b"".join(random_message(chance) for _ in range(chance.randrange(1, 25)))
            left[side] = handshake("-XX0001-") + changed(said, share, chance)
        for _ in range(40):
            side = chance.choice(list(left))
            size = chance.randint(1, longest)
            if left[side]:
                side.send(left[side][:size])
                left[side] = left[side][size:]
    return trace


def test_random_streams(one_pass, two_passes, written):
    """600 connections of messages with any id, length and segment."""
    path = written(random_connections(600))
    first, second = messages(one_pass, path), messages(two_passes, path)
    assert len(first) == len(second) > 10_000
    assert [pair for pair in zip(first, second) if pair[0] != pair[1]] == []


def test_bytes_that_the_second_pass_does_not_join(tshark, written):
    """Two keep-alives and the first byte of a DontHave come again after the rest of it. On the second pass TCP hands over that
    rest alone, and not from its first byte on. The piece is that which was read."""
    trace = Trace()
    peers = begin(trace)
    begun, rest = bytes(8) + dont_have(TO_SEED, 51)[:1], dont_have(TO_SEED, 51)[1:] + request(14)
    first = peers.leecher.send(begun)
    frame = peers.leecher.send(rest)
    trace.repeat(first)
    assert tshark.rows(written(trace), "frame.number bt.donthave.piece_index", "-o", "tcp.analyze_sequence_numbers:FALSE",
                       where="bt.donthave") == [f"{frame} 51"]
