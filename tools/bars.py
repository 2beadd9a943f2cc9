"""What the plugin may cost: instructions added to those that tshark spends on packets, in percent.

    aim     the bar of the design
    held    what was reached, and a little more: tests/regression/test_cost.py fails beyond it
"""

from collections import namedtuple

Bar = namedtuple("Bar", "aim held")

BARS = {
    "other traffic": Bar(aim=1, held=0.7),
    "unknown connections": Bar(aim=1, held=1.5),
    "dense BitTorrent": Bar(aim=5, held=3.2),
    "one message a packet": Bar(aim=5, held=8.2),
    "dense BitTorrent, -Y": Bar(aim=5, held=3.2),
    "other DTLS": Bar(aim=1, held=3),
}
