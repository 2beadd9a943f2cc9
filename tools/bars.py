"""What the plugin may cost: instructions added to those that tshark spends on packets, in percent; memory in bytes.

    aim     the bar of the design
    held    what was reached, and a little more: tests/regression/test_cost.py and test_memory.py fail beyond it
"""

from collections import namedtuple

Bar = namedtuple("Bar", "aim held")

BARS = {
    "other traffic": Bar(aim=1, held=0.6),
    "unknown connections": Bar(aim=1, held=1),
    "dense BitTorrent": Bar(aim=5, held=2.2),
    "one message a packet": Bar(aim=5, held=5.6),
    "dense BitTorrent, -Y": Bar(aim=5, held=2.4),
    "dense uTP": Bar(aim=5, held=5.4),
    "other DTLS": Bar(aim=1, held=1.05),
}

# What the extension handshakes of a connection offer; None: neither side knows BEP 10.
OFFERS = {
    "without BEP 10": None,
    "with BEP 10, without lt_donthave": {"ut_metadata": 2, "ut_pex": 1},
    "with lt_donthave": {"ut_metadata": 2, "ut_pex": 1, "lt_donthave": 3},
}

# Of a connection, see connections() in captures/generate/traffic.py.
MEMORY = {
    ("TCP", "without BEP 10"): Bar(aim=1024, held=520),
    ("TCP", "with BEP 10, without lt_donthave"): Bar(aim=1024, held=820),
    ("TCP", "with lt_donthave"): Bar(aim=4096, held=1600),
    ("uTP", "without BEP 10"): Bar(aim=1024, held=740),
    ("uTP", "with BEP 10, without lt_donthave"): Bar(aim=1024, held=1024),
    ("uTP", "with lt_donthave"): Bar(aim=4096, held=2300),
}
