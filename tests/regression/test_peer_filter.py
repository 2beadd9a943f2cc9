"""The conversation filter "BitTorrent connection", which Wireshark's window has in the menu of a packet."""

import pytest


def filters(tshark, capture):
    """{filter: the last frame that has it}. Other packets have those of TCP and UDP, which name the ports in another way."""
    printed = [line.split(" ", 1) for line in tshark.probe(capture, "filter")]
    return {text: frame for frame, text in printed if ".srcport ==" in text}


@pytest.mark.parametrize("capture, stream", [
    ("carrier-ipv4", "tcp.stream"), ("carrier-ipv6", "tcp.stream"), ("interleaved", "tcp.stream"),
    ("utp-order", "udp.stream"), ("utp-order-ipv6", "udp.stream")])
def test_it_chooses_the_connection(one_pass, capture, stream):
    """Of either direction: exactly the packets of the same connection."""
    found = filters(one_pass, capture)
    streams = dict(line.split("\t") for line in one_pass.read(capture, "-T", "fields", "-e", "frame.number", "-e",
                                                               stream).splitlines())
    assert len(found) >= 2
    for text, frame in list(found.items())[-2:]:
        chosen = one_pass.read(capture, "-Y", text, "-T", "fields", "-e", "frame.number").split()
        assert chosen == [other for other in streams if streams[other] == streams[frame]]


def test_other_packets_have_none(one_pass):
    """DNS, RTP, the DHT and such."""
    assert filters(one_pass, "other-udp") == {}
