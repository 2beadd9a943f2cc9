"""The derived forms of a recording (derived.py) in one file, and the comparison of what tshark finds there with what must and may
be found."""

from collections import Counter
from functools import cache

import derived
from derived import ETHERNET, SLL
from many import Many

COLUMNS = [part for column in ("frame.number", "ip.src", "tcp.srcport", "udp.srcport", "bt.donthave.piece_index")
           for part in ("-e", column)]


def forms_of(recording, keys=(), seeds=20, begun=31):
    """Each form: its name, packets, link type, what must be found and what may. keys: see derived.sent_in()."""
    sent = derived.sent_in(recording, keys)
    all_of_it = derived.expected(sent, recording)[0]
    twice = all_of_it + all_of_it

    def some(form):
        return form, ETHERNET, *derived.expected(sent, form)

    def every(form, link_type=ETHERNET):
        return form, link_type, all_of_it, all_of_it

    assert all_of_it.total() > 3
    yield "duplicates", *every(derived.of_both_sides(recording))
    yield "any", *every(derived.of_any_interface(recording), SLL)
    yield "keep-alives", *every(derived.with_keep_alives(recording))
    yield "window-probes-first", *every(derived.with_window_probes(recording))
    yield "window-probes", *every(derived.with_window_probes(recording, first=False))
    yield "together", *every(derived.put_together(recording))
    yield "wrapping", *every(derived.wrapping(recording, sent))
    yield "again", derived.again(recording, sent), ETHERNET, twice, twice
    yield "again-without-syn", derived.again(recording, sent, with_syn=False), ETHERNET, all_of_it, twice
    for seed in range(seeds):
        yield f"lossy-{seed}", *some(derived.lossy(recording, seed))
    for count in range(1, begun):
        yield f"begun-{count}", *some(recording[count:])
    for size in range(60, 201, 20):
        yield f"cut-{size}", *some(derived.cut(recording, size))


def without_senders(counted):
    summed = Counter()
    for (_, piece), count in counted.items():
        summed[None, piece] += count
    return summed


class Forms:
    """Forms, as forms_of() yields them, in one file. by_sender: whether a DontHave is shown in a packet of its sender."""

    def __init__(self, staging, folder, forms, by_sender=True):
        self.by_sender = by_sender
        self.expected = {}      # path of a form: what must be found, and what may
        for form, packets, link_type, *wanted in forms:
            path = folder / f"{form}.pcapng"
            path.write_bytes(derived.written(packets, link_type))
            self.expected[path] = [counted if by_sender else without_senders(counted) for counted in wanted]
        self.many = Many(staging, self.expected)

    def check(self, tshark, *options, spared=()):
        """None is missed, but in forms whose name begins as in spared; none is false."""
        found = {path: Counter() for path in self.expected}
        for line in tshark.read(self.many.path, *options, "-Y", "bt.donthave", "-T", "fields", *COLUMNS).splitlines():
            frame, host, tcp_port, udp_port, pieces = line.split("\t")
            sender = (self.many.hosts[host], int(tcp_port or udp_port)) if self.by_sender else None
            found[self.many.place(int(frame))[0]].update((sender, int(piece)) for piece in pieces.split(",") if piece)
        missed = {path.stem: must - found[path] for path, (must, _) in self.expected.items()
                  if must - found[path] and not path.stem.startswith(spared)}
        false = {path.stem: found[path] - may for path, (_, may) in self.expected.items() if found[path] - may}
        assert (missed, false) == ({}, {})


def each_once(staging, tmp_path_factory, folder, preference, make):
    """A function from the name of a recording in folder to what make(name, its keys, a new folder) returns, made once, and the option
    that reads the keys."""
    @cache
    def written(name):
        keys = folder / f"{name}.keys"
        return make(name, keys.read_text(), tmp_path_factory.mktemp(name)), ("-o", f"{preference}:{staging.readable(keys)}")
    return written
