"""What a message, a packet and a connection cost, the more of them there are. Draws the picture of docs/performance.md."""

import traffic
from bench import ROOT, say, table
from peer_wire import BLOCK, request
from session import begin

MESSAGES_A_SEGMENT = 100


def requests(trace, count):
    """Nothing but Requests, a hundred to a segment, all of them outstanding."""
    peers = begin(trace, pieces=range(64))
    for first in range(0, count, MESSAGES_A_SEGMENT):
        peers.leecher.send(*(request(number // 64, number % 64 * BLOCK) for number in range(first, first + MESSAGES_A_SEGMENT)))


def connections(trace, count):
    traffic.connections(trace, count, {"ut_metadata": 2, "ut_pex": 1, "lt_donthave": 3})


KINDS = [
    ("Requests, a hundred to a segment, all outstanding", requests, [10_000, 100_000, 1_000_000], [1_000, 10_000]),
    ("Requests and blocks by turns, one message a packet", traffic.one_message_a_packet, [10_000, 100_000], [1_000, 4_000]),
    ("connections of nine packets with a Request, a block and a DontHave", connections, [10, 100, 1_000, 10_000], [10, 200]),
]


def measure(bench):
    lines, curves = [], []
    for words, fill, counts, few in KINDS:
        rows = []
        for count in few if bench.quick else counts:
            capture = bench.write("growth", fill, count)
            stock, ours = (bench.cost(plugins, capture) for plugins in (bench.none, bench.ours))
            rows.append((count, stock, ours))
            say(f"{count:,} {words}: {stock / count:,.0f}, {ours / count:,.0f}")
        curves.append((words, rows))
        lines += [f"Instructions of one of so many {words}:", "",
                  *table(["number", "tshark alone", "with the plugin", "added by the plugin"],
                         [[f"{count:,}", f"{stock / count:,.0f}", f"{ours / count:,.0f}", f"{(ours - stock) / count:,.0f}"]
                          for count, stock, ours in rows]), ""]
    if not bench.print_only:
        draw(curves, ROOT / "docs" / "performance.svg")
    return [*lines, "![Instructions by the number of messages and connections: straight lines](performance.svg)"]


def draw(curves, path):
    import matplotlib
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "lt_donthave"
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(1, len(curves), figsize=(4.5 * len(curves), 4.2), sharey=True)
    for plot, (words, rows) in zip(axes, curves):
        numbers, stock, ours = zip(*rows)
        plot.loglog(numbers, stock, "o-", label="tshark alone")
        plot.loglog(numbers, ours, "s--", label="with the plugin")
        plot.loglog(numbers, [more - less for more, less in zip(ours, stock)], "^:", label="added by the plugin")
        plot.set_xlabel(words.replace(", ", ",\n", 1).replace(" with a", "\nwith a"), fontsize=8)
        plot.grid(True, which="major", alpha=0.3)
    axes[0].set_ylabel("instructions")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
