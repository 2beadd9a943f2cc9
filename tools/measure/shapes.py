"""Instructions added to those that tshark spends on packets, by traffic and by options."""

from functools import partial

import traffic
from bars import BARS
from bench import percent, say, table, tshark_version
from data_channel import WebRtcConnection
from dtls_records import KEY_LOG
from mse_wire import A, B, Choices, Wire
from peer_wire import BLOCK, INTERESTED, UNCHOKE, bitfield, extension_handshake, handshake, piece, request
from session import ALL, LEECHER_IDS, PIECES, SEED_IDS
from tcp import TcpConnection
from utp import UtpConnection

UTP = ("--enable-heuristic", "bt_utp_udp")      # also without the plugin: else there would be nothing to compare with
FIELDS = ("-T", "fields", "-e", "frame.number", "-e")
WAYS = {"": (), "-Y": ("-Y", "bt.donthave"), "-2": ("-2",), "-T fields": (*FIELDS, "bt.donthave.piece_index")}
# What tshark without the plugin is asked for instead.
STOCK = {"bt.donthave": "bittorrent.msg.type == 99", "bt.donthave.piece_index": "bittorrent.piece.index"}


def download(trace, opening, say_it, blocks):
    """opening: what each side says first, as bytes; say_it(side, message) makes the bytes of what follows."""
    peers = trace.connect(trace)
    for side, data in opening:
        (peers.leecher, peers.seed)[side].send(data)
    for number in range(blocks):
        index, begins = number // 16, number % 16 * BLOCK
        peers.leecher.send(say_it(A, request(index, begins)))
        peers.seed.send_cut(say_it(B, piece(index, begins, b"\xbe" * BLOCK)), size=traffic.SEGMENT)


def rc4(bench, blocks):
    """What a download costs that is encrypted with RC4, and the same one that is not, both with the plugin."""
    wire = Wire("benchmark", Choices())
    keys = bench.keep("rc4.keys", wire.key.encode())
    encrypted = bench.write("rc4", download, wire.flights[:6], wire.say, blocks)
    opening = [(A, handshake("-LE0001-") + extension_handshake(LEECHER_IDS) + INTERESTED),
               (B, handshake("-SE0001-") + extension_handshake(SEED_IDS) + bitfield(ALL, PIECES) + UNCHOKE)]
    plain = bench.write("plain", download, opening, lambda side, message: message, blocks)
    return bench.cost(bench.ours, encrypted, ("-o", f"bt.peer.mse_keylog_file:{keys}")), bench.cost(bench.ours, plain)


def measure(bench):
    keys = bench.keep("dtls.keys", KEY_LOG.encode())
    decrypt = ("-o", f"tls.keylog_file:{keys}")
    few = 8 if bench.quick else 1
    shapes = [
        ("other traffic", "HTTP and DNS", partial(traffic.other_traffic, packets=4_000 // few), TcpConnection, ()),
        ("unknown connections", "short connections of unknown protocols, half over TCP, half over UDP, random payload",
         partial(traffic.unknown_connections, connections=10_000 // few), TcpConnection, ()),
        ("dense BitTorrent", "dense BitTorrent, blocks of 16 KiB, full segments", partial(traffic.dense, blocks=400 // few),
         TcpConnection, ()),
        ("one message a packet", "one message a packet, blocks of 1,000 bytes",
         partial(traffic.one_message_a_packet, packets=20_000 // few), TcpConnection, ()),
        ("dense uTP", "dense BitTorrent over uTP, blocks of 16 KiB", partial(traffic.dense, blocks=400 // few), UtpConnection, UTP),
        ("other DTLS", "DTLS that is decrypted and is not WebRTC, records of 100 bytes",
         partial(traffic.other_dtls, records=6_000 // few), TcpConnection, decrypt),
        ("BitTorrent over WebRTC", "BitTorrent over WebRTC, of which tshark alone shows nothing",
         partial(traffic.dense, blocks=40 // min(few, 4)), WebRtcConnection, decrypt),
    ]
    ways = [""] if bench.quick else list(WAYS)
    rows = []
    for name, words, fill, connect, options in shapes:
        capture = bench.write("traffic", fill, connect=connect)
        cells = []
        for way in ways:
            asked = (*options, *WAYS[way])
            instead = tuple(STOCK.get(word, word) for word in asked)
            cells.append(percent(bench.cost(bench.ours, capture, asked), bench.cost(bench.none, capture, instead)))
            say(f"{name} {way}: {cells[-1]}")
        bar = BARS.get(name)
        rows.append([words, *cells, f"{bar.aim} %" if bar else ""])
    encrypted_cost, plain_cost = rc4(bench, 100 // few)
    return [f"Measured with tshark {tshark_version()}.", "",
            *table(["traffic", *(f"`{way}`" if way else "plain" for way in ways), "aim"], rows), "",
            f"A download over MSE with RC4 and its key costs {percent(encrypted_cost, plain_cost)} beside the same messages "
            "unencrypted, both with the plugin."]
