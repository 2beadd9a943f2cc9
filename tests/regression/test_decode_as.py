"""The ports of BitTorrent become ours, and Decode As lists as changed what the user changed and nothing else."""

CAPTURE = "port-6881"


def changed(tshark, *options, stock=False):
    return sorted(tshark.probe(CAPTURE, "changed", *options, stock=stock))


def test_nothing_is_changed_for_the_user(tshark):
    """As in stock tshark, though 6881 to 6889 lead to us: a port with BitTorrent's handshake, and one without."""
    assert changed(tshark) == changed(tshark, stock=True) == []
    assert tshark.rows("late-port-6881", "frame.number", "-o", "bt.donthave.fallback_id:3", where="bt.donthave") == \
        ["1", "3"]


def test_switching_off_changes_nothing(tshark):
    assert changed(tshark, "--disable-protocol", "bt.peer") == []


def test_what_the_user_changed_stays(tshark):
    """Another dissector on a port of BitTorrent, over TCP and UDP."""
    decode_as = ["-d", "tcp.port==6881,http", "-d", "udp.port==6882,rtp"]
    assert changed(tshark, *decode_as) == changed(tshark, *decode_as, stock=True) == \
        ["tcp.port 6881 http", "udp.port 6882 rtp"]
    assert tshark.rows(CAPTURE, "bt.donthave.piece_index", *decode_as, where="bt.donthave") == []


def test_what_the_user_gave_to_bittorrent_is_the_users(tshark):
    """A port of the user's leads to us, and is still listed; a port that was BitTorrent's before is not."""
    decode_as = ["-d", "tcp.port==27000,bittorrent", "-d", "tcp.port==6883,bittorrent"]
    assert changed(tshark, *decode_as, stock=True) == ["tcp.port 27000 bittorrent"]
    assert changed(tshark, *decode_as) == ["tcp.port 27000 bt.peer.wrapper"]
    off = ["--disable-protocol", "bt.peer"]
    assert changed(tshark, *decode_as, *off) == ["tcp.port 27000 bittorrent"]
