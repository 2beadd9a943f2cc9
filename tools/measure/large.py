"""One file of more than 2 GB, in one pass and in two: time and peak memory, beside tshark without the plugin."""

from bench import say, table
from capture import Trace
from traffic import dense

SIZE = 2_100_000_000
CONNECTION_BLOCKS = 2_000   # 33 MB


def write(path, size):
    """A download over many connections, written one after the other."""
    with path.open("wb") as file:
        number = 0
        while file.tell() < size:
            trace = Trace()
            trace.wait(number * 60)
            dense(trace, CONNECTION_BLOCKS, leecher=("10.%d.%d.1" % divmod(number, 250), 41000))
            file.write(trace.pcap()[0 if number == 0 else 24:])     # one file header
            number += 1
    path.chmod(0o644)


def measure(bench):
    path = bench.folder / "large.pcap"
    write(path, SIZE // 40 if bench.quick else SIZE)
    rows = []
    for words, options in (("one pass", ()), ("`-2`", ("-2",))):
        for who, plugins in (("tshark alone", bench.none), ("with the plugin", bench.ours)):
            run = bench.run(plugins, path, options)
            rows.append([words, who, f"{run.seconds:.0f} s", f"{run.peak / (1 << 20):,.0f} MiB"])
            say(" ".join(rows[-1]))
    return [f"One file of {path.stat().st_size / 1e9:.2f} GB, dense BitTorrent. The times are those of one run, on a machine "
            "that had other work as well; peak memory is RSS.", "", *table(["passes", "", "time", "peak memory"], rows)]
