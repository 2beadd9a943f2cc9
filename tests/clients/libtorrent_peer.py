#!/usr/bin/python3
"""A libtorrent peer that prints what it sees as JSON lines.

  seed   has the whole sample torrent, checks it, deletes the files named by --lose, and serves. Each block that is asked
         for from a lost file makes a disk read error, upon which libtorrent sends a DontHave and a Reject.
  leech  connects to a seed, downloads what there is, and ends when nothing has come for a while (--quiet).

Events, in the order in which libtorrent reports them:

  version, listening        once, at the start
  ready                     seed: the files are deleted, leechers may come
  donthave, reject, block   received; with peer, and piece, or piece, begin and length
  request, reject_sent      sent; likewise (libtorrent does not log the DontHaves that it sends)
  connected, disconnected   of a peer
  encrypted                 of a peer, before the first of its messages: method (plaintext: MSE was spoken, and then none;
                            rc4)
  error                     something that would make this log incomplete or the run worthless
  done                      once, at the end: complete, quiet, or stopped (by SIGTERM or the time limit)

Nothing but the given peers is talked to: no trackers, DHT, LSD, UPnP or NAT-PMP. Needs Debian's python3-libtorrent.
"""

import argparse
import json
import re
import signal
import tempfile
import time

import libtorrent

import sample_torrent

# libtorrent's enc_policy and enc_level, by the names of --encryption.
FORCED, DISABLED = 0, 2
ONLY_RC4 = 2
ENCRYPTION = {
    "off": {"in_enc_policy": DISABLED, "out_enc_policy": DISABLED},
    "default": {},  # a connection that connect_peer() opens offers plaintext and RC4, the other end takes plaintext
    "prefer-rc4": {"prefer_rc4": True},  # it takes RC4
    "rc4": {"in_enc_policy": FORCED, "out_enc_policy": FORCED, "allowed_enc_level": ONLY_RC4},
}
ALL_ALERTS = 0x7FFFFFFF
POLL_SECONDS = 0.02

METHODS = {"plaintext": libtorrent.peer_info.plaintext_encrypted, "rc4": libtorrent.peer_info.rc4_encrypted}
WIRE_MESSAGE = re.compile(r"(<==|==>) ([A-Z_]+) \[ (.*?) ?\]")
EVENT_OF_MESSAGE = {
    ("<==", "DONT_HAVE"): "donthave",
    ("<==", "REJECT_PIECE"): "reject",
    ("<==", "PIECE"): "block",
    ("==>", "REQUEST"): "request",
    ("==>", "REJECT_PIECE"): "reject_sent",
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=["seed", "leech"])
    parser.add_argument("--address", default="127.0.0.1", help="to listen on, and to connect from")
    parser.add_argument("--port", type=int, default=0, help="to listen on; 0: any that is free")
    parser.add_argument("--transport", choices=["tcp", "utp"], default="tcp")
    parser.add_argument("--encryption", choices=ENCRYPTION, default="off")
    parser.add_argument("--piece-length", type=int, default=sample_torrent.PIECE_LENGTH, help="of the sample torrent")
    parser.add_argument("--lose", type=int, nargs="*", default=[], metavar="FILE", help="seed: files to delete, 0 to 7")
    parser.add_argument("--connect", metavar="ADDRESS:PORT", help="peer to connect to, when ready")
    parser.add_argument("--quiet", type=float, default=2, metavar="SECONDS", help="leech: how long nothing may come")
    parser.add_argument("--time-limit", type=float, default=60, metavar="SECONDS")
    return parser.parse_args()


def emit(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)


def settings(options):
    tcp = options.transport == "tcp"
    return {
        "listen_interfaces": f"{options.address}:{options.port}",
        "outgoing_interfaces": options.address,
        "enable_incoming_tcp": tcp, "enable_outgoing_tcp": tcp,
        "enable_incoming_utp": not tcp, "enable_outgoing_utp": not tcp,
        "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        **ENCRYPTION[options.encryption],
        "allow_multiple_connections_per_ip": True,  # loopback: all peers may share one address
        "close_redundant_connections": False,  # or a leecher would close while the last DontHaves are on their way
        "file_pool_size": 1,  # or deleted files would stay open, and readable
        "alert_mask": ALL_ALERTS, "alert_queue_size": 1_000_000,
    }


def block_numbers(text, block_length):
    """Piece, begin and length of a block in libtorrent's log.

    libtorrent prints begin and length in hexadecimal in some messages and in decimal in others. All blocks of the
    sample torrent have the same length, which tells the two apart.
    """
    fields = dict(re.findall(r"\b(piece|s|l): ([0-9a-f]+)", text))
    for base in (16, 10):
        if int(fields["l"], base) == block_length:
            return {"piece": int(fields["piece"]), "begin": int(fields["s"], base), "length": int(fields["l"], base)}
    raise ValueError(f"no block of the sample torrent: {text}")


def report_wire_message(alert, block_length):
    """Print one message between peers; false if it is none that matters here."""
    message = WIRE_MESSAGE.search(alert.message())
    event = message and EVENT_OF_MESSAGE.get(message.group(1, 2))
    if not event:
        return False
    if event == "donthave":
        numbers = {"piece": int(re.search(r"piece: (\d+)", message[3])[1])}
    else:
        numbers = block_numbers(message[3], block_length)
    emit(event, peer="%s:%d" % alert.endpoint, **numbers, raw=message[0])
    return True


def report_session(alert):
    """Print what matters of an alert that is no message between peers."""
    if isinstance(alert, libtorrent.peer_connect_alert):
        emit("connected", peer="%s:%d" % alert.endpoint)
    elif isinstance(alert, libtorrent.peer_disconnected_alert):
        emit("disconnected", peer="%s:%d" % alert.endpoint, raw=alert.message())
    elif isinstance(alert, (libtorrent.alerts_dropped_alert, libtorrent.listen_failed_alert,
                            libtorrent.torrent_error_alert)):
        emit("error", raw=alert.message())


class Peer:
    def __init__(self, options, folder):
        self.session = libtorrent.session(settings(options))
        self.torrent = self.session.add_torrent({
            "ti": libtorrent.torrent_info(libtorrent.bdecode(sample_torrent.torrent(options.piece_length))),
            "save_path": folder,
            "flags": libtorrent.torrent_flags.update_subscribe,  # above all: not auto-managed, not paused
        })
        self.block_length = sample_torrent.block_length(options.piece_length)
        self.deadline = time.monotonic() + options.time_limit
        self.last_message = None
        self.encrypted = options.encryption != "off"
        self.known_peers = set()  # whose encryption has been reported

    def stop(self):
        self.deadline = time.monotonic()

    def connect(self, endpoint):
        address, _, port = endpoint.rpartition(":")
        self.torrent.connect_peer((address, int(port)))

    def run_until(self, finished):
        """Report alerts until the condition holds (true) or the time is over (false)."""
        while True:
            success, over = finished(), time.monotonic() >= self.deadline
            for alert in self.session.pop_alerts():  # once more at the end, so that none is left behind
                self.report(alert)
            if success or over:
                return success
            time.sleep(POLL_SECONDS)

    def report(self, alert):
        if isinstance(alert, libtorrent.peer_log_alert):
            if self.encrypted and alert.endpoint not in self.known_peers:
                self.report_encryption()
            if report_wire_message(alert, self.block_length):
                self.last_message = time.monotonic()
        else:
            report_session(alert)

    def report_encryption(self):
        for peer in self.torrent.get_peer_info():
            for method, flag in METHODS.items():
                if peer.flags & flag and peer.ip not in self.known_peers:
                    self.known_peers.add(peer.ip)
                    emit("encrypted", peer="%s:%d" % peer.ip, method=method)

    def quiet_for(self, seconds):
        """A condition: there have been messages, and then none for that long."""
        return lambda: self.last_message is not None and time.monotonic() - self.last_message > seconds


def serve(peer, options, folder):
    if peer.run_until(lambda: peer.torrent.status().is_seeding):
        for number in options.lose:
            sample_torrent.delete_file(folder, number)
        emit("ready")
        if options.connect:
            peer.connect(options.connect)
        peer.run_until(lambda: False)
    return "stopped"


def download(peer, options):
    if not peer.run_until(lambda: peer.torrent.status().state == libtorrent.torrent_status.states.downloading):
        return "stopped"
    peer.connect(options.connect)
    if not peer.run_until(peer.quiet_for(options.quiet)):
        return "stopped"
    return "complete" if peer.torrent.status().is_seeding else "quiet"


def main():
    options = arguments()
    emit("version", version="libtorrent " + libtorrent.__version__)
    with tempfile.TemporaryDirectory() as folder:
        if options.role == "seed":
            sample_torrent.write_files(folder, options.piece_length)
        peer = Peer(options, folder)
        signal.signal(signal.SIGTERM, lambda *_: peer.stop())
        peer.run_until(lambda: peer.session.listen_port() != 0)
        emit("listening", address=options.address, port=peer.session.listen_port())
        emit("done", reason=serve(peer, options, folder) if options.role == "seed" else download(peer, options))


if __name__ == "__main__":
    main()
