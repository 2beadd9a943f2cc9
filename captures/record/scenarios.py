"""What is recorded: each function is one capture, named like it. A recording is given, with the network ready."""

import npm_clients
from running import libtorrent_command

LOST_FILES = [1, 4, 6]
SEED_ADDRESS = "127.0.0.1"
LEECHER_ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]


def libtorrent_tcp_fast(recording):
    """A libtorrent leecher at a libtorrent seed that lost three files, over TCP."""
    libtorrent_download(recording, "tcp")


def npm_nofast(recording):
    """npm wires without the Fast extension: a DontHave silently ends the requests."""
    npm_wires(recording)


def npm_fast(recording):
    """npm wires with the Fast extension: each request that a DontHave ended is rejected too."""
    npm_wires(recording, "--fast")


def npm_ids(recording):
    """npm wires, DontHaves in both directions, with the id 6 in one and 1 in the other."""
    npm_wires(recording, "--both", "--other-extensions", 5)


def libtorrent_download(recording, transport, leechers=1):
    seed = recording.start("seed", libtorrent_command(
        "seed", "--address", SEED_ADDRESS, "--transport", transport, "--lose", *LOST_FILES))
    seed.wait_for("ready")
    address = "{address}:{port}".format(**seed.wait_for("listening"))
    with recording.capture():
        downloads = [recording.start_receiver(f"leecher {number}", libtorrent_command(
            "leech", "--address", own_address, "--transport", transport, "--connect", address))
            for number, own_address in enumerate(LEECHER_ADDRESSES[:leechers], 1)]
        for download in downloads:
            download.wait_until_ended()


def npm_wires(recording, *options):
    with recording.capture():
        recording.start_receiver("wires", npm_clients.command(
            "wires.mjs", "--connect-address", "127.0.0.2", *options)).wait_until_ended()


ALL = {scenario.__name__: scenario for scenario in (libtorrent_tcp_fast, npm_nofast, npm_fast, npm_ids)}
