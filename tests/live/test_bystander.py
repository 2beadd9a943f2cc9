"""A client that does not know lt_donthave downloads from the same seed."""

import pytest

import downloads
from running import NoAnswer
from test_libtorrent import check, each_transport


@each_transport
def test_bystander_is_left_alone(stage, transport):
    """Transmission is refused blocks of lost pieces without any DontHave, while a libtorrent leecher gets its own.

    So all DontHaves are the leecher's, which check() compares, and no handshake of Transmission offers lt_donthave.
    """
    try:
        bystander, seed = downloads.download_beside_bystander(stage, transport)
    except NoAnswer as reason:
        if transport == "tcp":
            raise
        pytest.skip(str(reason))
    check(stage)
    refused = [event for event in seed.select("reject_sent") if event["peer"] == bystander]
    assert refused
    offers = {source for source, in stage.rows("ip.src", where="bt.donthave.negotiated")}
    assert offers == {downloads.SEED_ADDRESS, downloads.LEECHER_ADDRESSES[0]}
