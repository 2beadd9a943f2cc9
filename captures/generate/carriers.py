"""What carries the connection and how it comes to be dissected: link layers, IP versions, ports, preferences.

The story is always the same, so that the same rows are expected of each:

    1-8  session.py
    9    seed:    DontHave 5 with id 3
    10   leecher: Bitfield, DontHave 6 with id 7
"""

from capture import capture
from network import linux_cooked, raw_ip, vlan
from peer_wire import UNCHOKE, bitfield, dont_have, extended, extension_handshake, handshake, numbers, request
from session import ALL, PIECES, begin, negotiate, offer, shake_hands
from tcp import TcpConnection

IPV6 = {"leecher": ("2001:db8::1", 40000), "seed": ("2001:db8::2", 27000)}


def on_port(port):
    return {"seed": ("10.0.0.2", port)}


def story(trace, **where):
    peers = TcpConnection(trace, **where)
    shake_hands(peers)
    negotiate(peers)
    offer(peers)
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(bitfield(ALL, PIECES), dont_have(7, 6))


@capture("carrier-ipv4")
def ipv4(trace):
    """Ethernet, IPv4, port 27000, which belongs to nobody: the handshake claims the conversation."""
    story(trace)


@capture("carrier-ipv6")
def ipv6(trace):
    """Ethernet, IPv6."""
    story(trace, **IPV6)


@capture("carrier-vlan", link=vlan)
def tagged(trace):
    """Ethernet with a VLAN tag."""
    story(trace)


@capture("carrier-raw-ip", link=raw_ip)
def raw(trace):
    """No link layer, IPv4."""
    story(trace)


@capture("carrier-raw-ipv6", link=raw_ip)
def raw_ipv6(trace):
    """No link layer, IPv6."""
    story(trace, **IPV6)


@capture("carrier-cooked", link=linux_cooked)
def cooked(trace):
    """Linux cooked capture, what `tcpdump -i any` writes."""
    story(trace)


@capture("port-6881")
def port_6881(trace):
    """The first of the ports that the built-in dissector owns."""
    story(trace, **on_port(6881))


@capture("port-6889")
def port_6889(trace):
    """The last of them, and the leecher's this time."""
    story(trace, leecher=("10.0.0.1", 6889))


@capture("port-51413")
def port_51413(trace):
    """A port for the range in the BitTorrent preferences."""
    story(trace, **on_port(51413))


@capture("carrier-handshake-split")
def handshake_split(trace):
    """The leecher's handshake comes in two segments, the first too short to be known by; the seed's is whole.

    4-5  leecher: 13 bytes of the handshake, then the rest
    6    seed:    handshake
    7-11 frames 6 to 10 of the story
    """
    peers = TcpConnection(trace)
    peers.leecher.send_cut(handshake("-LE0001-"), at=[13])
    peers.seed.send(handshake("-SE0001-"))
    negotiate(peers)
    offer(peers)
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(bitfield(ALL, PIECES), dont_have(7, 6))


def without_beginning(trace, port):
    """A connection whose handshakes were not captured.

    1  seed:    DontHave 5 with id 3
    2  leecher: Request
    3  seed:    DontHave 6 with id 3
    4  seed:    id 4, four bytes
    """
    peers = TcpConnection(trace, opened=False, leecher=("10.0.0.1", 40001), **on_port(port))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(request(1))
    peers.seed.send(dont_have(3, 6))
    peers.seed.send(extended(4, numbers(7)))


@capture("late-port-6881")
def late_port(trace):
    without_beginning(trace, 6881)


@capture("late-port-51413")
def late_port_range(trace):
    without_beginning(trace, 51413)


@capture("late-port-27000")
def late_decode_as(trace):
    without_beginning(trace, 27000)


@capture("late-then-handshake")
def late_then_handshake(trace):
    """The capture begins late, and then a handshake says what the preference could only assume.

    1  seed:    DontHave 5 with id 3
    2  leecher: extension handshake, lt_donthave 9, ut_pex 3
    3  seed:    DontHave 6 with id 9
    4  seed:    ut_pex, id 3, four bytes
    5  leecher: id 3, four bytes: the seed's handshake was not captured
    """
    peers = TcpConnection(trace, opened=False, leecher=("10.0.0.1", 40002), **on_port(6881))
    peers.seed.send(dont_have(3, 5))
    peers.leecher.send(extension_handshake({"lt_donthave": 9, "ut_pex": 3}))
    peers.seed.send(dont_have(9, 6))
    peers.seed.send(extended(3, numbers(7)))
    peers.leecher.send(extended(3, numbers(8)))


@capture("ports-reused")
def ports_reused(trace):
    """The same addresses and ports again: the second connection starts from nothing.

    1-8    first connection, lt_donthave is 3 for the leecher
    9      seed: DontHave 5 with id 3
    10-11  FIN of each side
    12-19  second connection with sequence numbers of its own, lt_donthave is 4, ut_pex 3
    20     seed: ut_pex, id 3, four bytes
    21     seed: DontHave 6 with id 4
    """
    first = begin(trace)
    first.seed.send(dont_have(3, 5))
    first.leecher.finish()
    first.seed.finish()
    trace.wait(120)
    second = begin(trace, leecher_ids={"lt_donthave": 4, "ut_pex": 3}, first=(700000, 900000))
    second.seed.send(extended(3, numbers(7)))
    second.seed.send(dont_have(4, 6))


@capture("ports-reused-silent")
def ports_reused_silent(trace):
    """The second connection has no extension handshake: what the first one negotiated says nothing about it.

    1-8    first connection, lt_donthave is 3 for the leecher
    9      seed: DontHave 5 with id 3
    10     leecher: RST
    11-15  second connection: SYNs and handshakes
    16     seed: Bitfield, Unchoke
    17     seed: id 3, four bytes
    """
    first = begin(trace)
    first.seed.send(dont_have(3, 5))
    first.leecher.reset()
    trace.wait(120)
    second = TcpConnection(trace, first=(700000, 900000))
    shake_hands(second)
    offer(second)
    second.seed.send(extended(3, numbers(6)))


@capture("ports-reused-turned")
def ports_reused_turned(trace):
    """The same addresses and ports again, but the other end opens the second connection, and the first one the third.

    1-8    first connection, 10.0.0.1 opens it, lt_donthave is 3 for it
    9      10.0.0.2: DontHave 5 with id 3
    10-11  FIN of each side
    12-19  second connection, 10.0.0.2 opens it, lt_donthave is 4 for it, ut_pex 3
    20     10.0.0.1: ut_pex, id 3, four bytes
    21     10.0.0.1: DontHave 6 with id 4
    22     10.0.0.2: upload_only, id 3, four bytes
    23     10.0.0.2: RST
    24-31  third connection, 10.0.0.1 opens it, lt_donthave is 5 for it, ut_pex 4
    32     10.0.0.2: ut_pex, id 4, four bytes
    33     10.0.0.2: DontHave 7 with id 5
    """
    first = begin(trace)
    first.seed.send(dont_have(3, 5))
    first.leecher.finish()
    first.seed.finish()
    trace.wait(120)
    turned = {"leecher": ("10.0.0.2", 27000), "seed": ("10.0.0.1", 40000)}
    second = begin(trace, leecher_ids={"lt_donthave": 4, "ut_pex": 3}, first=(700000, 900000), **turned)
    second.seed.send(extended(3, numbers(7)))
    second.seed.send(dont_have(4, 6))
    second.leecher.send(extended(3, numbers(5)))
    second.leecher.reset()
    trace.wait(120)
    third = begin(trace, leecher_ids={"lt_donthave": 5, "ut_pex": 4}, first=(800000, 990000))
    third.seed.send(extended(4, numbers(7)))
    third.seed.send(dont_have(5, 7))


@capture("interleaved")
def interleaved(trace):
    """Thirty connections at once, each with ids of its own, packet by packet in turn.

    1-90     their SYNs; then for connection n (0 to 29) at frame 91 + n and every thirtieth after it:
    91+n     leecher: handshake, extension handshake, lt_donthave is n + 1
    121+n    seed: handshake, extension handshake, Bitfield, Unchoke
    151+n    seed: DontHave n with id n + 1
    181+n    seed: id n + 40, four bytes
    """
    connections = [TcpConnection(trace, leecher=(f"10.0.1.{number + 1}", 40000 + number)) for number in range(30)]
    for number, peers in enumerate(connections):
        peers.leecher.send(handshake("-LE0001-"), extension_handshake({"lt_donthave": number + 1}))
    for peers in connections:
        peers.seed.send(handshake("-SE0001-"), extension_handshake({"lt_donthave": 7}), bitfield(ALL, PIECES), UNCHOKE)
    for number, peers in enumerate(connections):
        peers.seed.send(dont_have(number + 1, number))
    for number, peers in enumerate(connections):
        peers.seed.send(extended(number + 40, numbers(number)))
