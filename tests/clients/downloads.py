"""Downloads that the recorders and the live tests share: who is started, in which order, and who is waited for.

Each takes a stage, which starts clients and captures:

  stage.folder                        for files that a client needs
  stage.keys_file                     where a client writes the secrets of encrypted connections
  stage.use(context)                  enters a context that ends with the stage
  stage.start(name, command)          starts a client
  stage.start_receiver(name, command) the same, and its log is what a capture must agree with
  stage.capture()                     a context: what is sent meanwhile is captured; a recording can be told where
                                      (interface), and by a capture filter what (only)
"""

import os
import pathlib

import networks
import npm_clients
import sample_torrent
from running import (CLIENTS, DEBIAN_PYTHON, LibtorrentRoot, NoAnswer, TOOLS, free_port, libtorrent_command,
                     with_keys)
from torrent_clients import Transmission

LOST_FILES = [1, 4, 6]
SEED_ADDRESS = "127.0.0.1"
LEECHER_ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
OTHER_SEED_ADDRESS = "127.0.0.6"
BYSTANDER_ADDRESS = "127.0.0.5"
TORRENT_CLIENTS = ["10.54.0.1", "10.54.0.2"]  # Transmission takes nobody at 127.0.0.0/8 for a peer
WEBRTC_KEYLOG = TOOLS / "webrtc-keylog.mjs"
ROOTS = pathlib.Path(os.environ.get("BT_DONTHAVE_ROOTS", "/var/cache/bt-donthave/roots"))


def has_libtorrent(root):
    """Whether a folder is a Debian root with python3-libtorrent."""
    return any(root.glob("usr/lib/python3/dist-packages/libtorrent*.so"))


def debian_root(suite):
    return LibtorrentRoot(ROOTS / suite)


def listening_at(client):
    return "{address}:{port}".format(**client.wait_for("listening"))


def start_seed(stage, transport, command=libtorrent_command, address=SEED_ADDRESS, options=()):
    """Start a seed that has lost files; returns it when leechers may come."""
    seed = stage.start("seed", command(
        "seed", "--address", address, "--transport", transport, "--lose", *LOST_FILES, *options))
    seed.wait_for("ready")
    return seed


def libtorrent_download(stage, transport, leechers=1,
                        seed_command=libtorrent_command, leecher_command=libtorrent_command, options=()):
    """libtorrent leechers, one or more at the same time, at a libtorrent seed."""
    seed = start_seed(stage, transport, seed_command, options=options)
    with stage.capture():
        run_leechers(stage, transport, seed, leechers, leecher_command, options)


def piece_length(encryption):
    """RC4 cannot be compressed: then the torrent is the small one."""
    return sample_torrent.SMALL_PIECE_LENGTH if "rc4" in encryption else sample_torrent.PIECE_LENGTH


def encryption_options(encryption):
    return ["--encryption", encryption, "--piece-length", piece_length(encryption)]


def encrypted_download(stage, transport, encryption):
    """A libtorrent leecher, which logs its secrets, at a libtorrent seed; encryption: as libtorrent_peer.py has it."""
    libtorrent_download(stage, transport, options=encryption_options(encryption),
                        leecher_command=lambda *options: with_keys(stage.keys_file, libtorrent_command(*options)))


def libtorrent_against_libtorrent(stage, transport, other_command):
    """Two downloads at the same time: our leecher at the other libtorrent's seed, and its leecher at our seed."""
    ours = start_seed(stage, transport)
    theirs = start_seed(stage, transport, other_command, OTHER_SEED_ADDRESS)
    with stage.capture():
        downloads = [stage.start_receiver(name, command(
            "leech", "--address", address, "--transport", transport, "--connect", listening_at(seed)))
            for name, command, address, seed in (("our leecher", libtorrent_command, LEECHER_ADDRESSES[0], theirs),
                                                 ("their leecher", other_command, LEECHER_ADDRESSES[1], ours))]
        for download in downloads:
            download.wait_until_ended()


def run_leechers(stage, transport, seed, number=1, command=libtorrent_command, options=()):
    downloads = [stage.start_receiver(f"leecher {index}", command(
        "leech", "--address", address, "--transport", transport, "--connect", listening_at(seed), *options))
        for index, address in enumerate(LEECHER_ADDRESSES[:number], 1)]
    for download in downloads:
        download.wait_until_ended()


def webtorrent_download(stage, transport, failures=150, encryption="off"):
    """A WebTorrent leecher, until that many of its requests have failed, at a libtorrent seed.

    encryption: the seed's, as libtorrent_peer.py has it. Unless it is off, WebTorrent encrypts, too, and logs its secrets.
    """
    torrent = stage.folder / "sample.torrent"
    torrent.write_bytes(sample_torrent.torrent(piece_length(encryption)))
    seed = start_seed(stage, transport, options=encryption_options(encryption))
    command = npm_clients.command(
        "webtorrent_leecher.mjs", "--torrent", torrent, "--connect", listening_at(seed), "--transport", transport,
        "--failures", failures)
    if encryption != "off":
        command = with_keys(stage.keys_file, [*command, "--secure"])
    with stage.capture():
        stage.start_receiver("leecher 1", command).wait_until_ended()


def encrypted_torrent_clients(stage, seed_class, leecher_class):
    """Two clients of torrent_clients.py, which find each other by a tracker. Ends when the leecher has everything."""
    tracker = stage.start("tracker", [DEBIAN_PYTHON, CLIENTS / "tracker.py"])
    length = piece_length("rc4")
    torrent = sample_torrent.torrent(length, f"http://{listening_at(tracker)}/announce")
    for address in TORRENT_CLIENTS:
        networks.use_address(address)
    seed = stage.use(seed_class(stage, TORRENT_CLIENTS[0], torrent, content=length, encryption=seed_class.REQUIRE_MSE))
    tracker.wait_for("announce", endpoint=seed.endpoint, left=0)
    with stage.capture():
        leecher = stage.use(leecher_class(stage, TORRENT_CLIENTS[1], torrent, encryption=leecher_class.REQUIRE_MSE,
                                          wrap=lambda command: with_keys(stage.keys_file, command)))
        leecher.wait_until_complete(length)


def npm_wires(stage, *options):
    """Two wires of npm's bittorrent-protocol."""
    with stage.capture():
        stage.start_receiver("wires", npm_clients.command(
            "wires.mjs", "--connect-address", LEECHER_ADDRESSES[0], *options)).wait_until_ended()


def webrtc_command(stage, script, *options):
    """Command line of a JavaScript client whose WebRTC is werift, with its keys logged."""
    node, *rest = npm_clients.command(script, *options)
    return ["env", f"SSLKEYLOGFILE={stage.keys_file}", node, "--import", str(WEBRTC_KEYLOG), *rest]


def webrtc_wires(stage, *options):
    """Two wires of npm's bittorrent-protocol, over werift's data channels."""
    with stage.capture():
        stage.start_receiver("wires", webrtc_command(
            stage, "webrtc_wires.mjs", "--connect-address", LEECHER_ADDRESSES[0], *options)).wait_until_ended()


def webrtc_wires_on_a_bad_path(stage):
    """The same through a relay that delays, drops, holds back and duplicates packets; captured on one side of it.

    Not at the start: werift's DTLS handshake does not survive packets out of order.
    """
    port = free_port(SEED_ADDRESS)
    relay = stage.start("relay", [
        DEBIAN_PYTHON, CLIENTS / "udp_relay.py", "--listen", f"{LEECHER_ADDRESSES[1]}:0",
        "--to", f"{SEED_ADDRESS}:{port}", "--spare", "60", "--drop", "0.05", "--hold-back", "0.10", "--duplicate", "0.05"])
    relay_at = listening_at(relay)
    with stage.capture(only=f"udp port {relay_at.rpartition(':')[2]}"):
        stage.start_receiver("wires", webrtc_command(
            stage, "webrtc_wires.mjs", "--fast", "--port", port, "--connect-address", LEECHER_ADDRESSES[0],
            "--through", relay_at)).wait_until_ended()


def webtorrent_over_webrtc(stage, failures=24, lost=(1, 2)):
    """A WebTorrent leecher at a WebTorrent seed that lost pieces, over WebRTC, until that many requests have failed."""
    torrent, files = stage.folder / "sample.torrent", stage.folder / "seed"
    torrent.write_bytes(sample_torrent.torrent())
    sample_torrent.write_files(files)
    with stage.capture():
        stage.start_receiver("leecher 1", webrtc_command(
            stage, "webtorrent_webrtc.mjs", "--torrent", torrent, "--files", files, "--failures", failures,
            *(part for piece in lost for part in ("--lose", piece)))).wait_until_ended()


def firefox_peers(stage, *options):
    """Two wires of npm's bittorrent-protocol in a page of Firefox, over its data channels.

    Firefox wants a network interface with a route to elsewhere, so it gets one that leads nowhere.
    """
    cable = stage.use(networks.Neighbour("browser", "10.54.3.1", "10.54.3.2"))
    networks.ip("route", "add", "default", "via", cable.address)
    with stage.capture(only="udp"):
        stage.start_receiver("firefox", [
            DEBIAN_PYTHON, CLIENTS / "firefox_peers.py", "--keys", stage.keys_file, *map(str, options)]).wait_until_ended()


def download_beside_bystander(stage, transport):
    """A libtorrent leecher and Transmission, which knows no lt_donthave, at one libtorrent seed.

    Ends when the leecher is done and Transmission, too, has been refused a block of a lost piece. Returns Transmission's
    ADDRESS:PORT and the seed. 4.1.0-beta.2 opens a UDP port, but does not answer there.
    """
    with stage.capture():
        bystander = stage.use(
            Transmission(stage, BYSTANDER_ADDRESS, sample_torrent.torrent(), transport=transport)).endpoint
        seed = start_seed(stage, transport, options=["--connect", bystander])
        run_leechers(stage, transport, seed)
        if seed.wait_for("reject_sent", "disconnected", peer=bystander)["event"] == "disconnected":
            raise NoAnswer(f"Transmission does not answer over {transport}")
    return bystander, seed
