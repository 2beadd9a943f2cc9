"""WebTorrent at a libtorrent seed.

WebTorrent keeps no list of pieces for a peer that has all: it asks for a disowned piece again and again, until its
script stops it. It gives a request up at the DontHave, and no longer notices the Reject after it; so it may ask for the
block again before that Reject has come (rerequest). Both requests are rejected then, and neither Reject is one too many.
"""

import downloads
from test_libtorrent import each_transport

ROUTINE = ("redundant", "late_request", "contradicts_advice", "closed_after", "storm", "rerequest")
FAILURES = 60


@each_transport
def test_webtorrent_leecher(stage, npm, transport):
    """The plugin shows each request that WebTorrent gave up as invalidated, and each Reject that it was sent."""
    downloads.webtorrent_download(stage, transport, FAILURES)
    stage.check_captures()
    stage.check_dont_haves()
    stage.check_failed_requests(stage.asked_again())
    stage.check_rejects(stage.asked_again())
    stage.check_expert_items(*ROUTINE)
