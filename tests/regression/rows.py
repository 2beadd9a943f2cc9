"""Columns that many tests ask for. Rows are written with these, in this order."""

LEECHER = "10.0.0.1"
SEED = "10.0.0.2"

# The negotiation: frame, sender, piece, id, handshake that assigned it, assumed?, Fast?
DONT_HAVE = ("frame.number ip.src bt.donthave.piece_index bt.donthave.id bt.donthave.id_assigned_in "
             "bt.donthave.id_assumed bt.donthave.fast")

# The framing: frame and piece.
PIECES = "frame.number bt.donthave.piece_index"

NEGOTIATED = "frame.number bt.donthave.negotiated"


def dont_haves(tshark, capture, *options):
    return tshark.rows(capture, DONT_HAVE, *options, where="bt.donthave")


def pieces(tshark, capture, *options):
    return tshark.rows(capture, PIECES, *options, where="bt.donthave")


def negotiated(tshark, capture, *options):
    return tshark.rows(capture, NEGOTIATED, *options, where="bt.donthave.negotiated")


# The ledger: frame, piece, requests, bytes, frames of the requests.
LEDGER = "frame.number bt.donthave.piece_index bt.donthave.requests bt.donthave.bytes bt.donthave.request_in"


def ledger(tshark, capture, *options):
    return tshark.rows(capture, LEDGER, *options, where="bt.donthave")


def invalidated(tshark, capture, *options):
    """Requests that a DontHave invalidated: frame, piece, begin, length, DontHave, seconds between, Reject."""
    columns = "piece_index begin length invalidated_in time rejected_in"
    return tshark.items(capture, "request", columns, *options)


def late_requests(tshark, capture, *options):
    """Requests for a disowned piece: frame, piece, begin, length, DontHave, crossed?"""
    return tshark.items(capture, "late_request", "piece_index begin length disowned_in crossed", *options)


def rejects(tshark, capture, *options):
    """Rejects of invalidated requests: frame, piece, begin, length, Request."""
    return tshark.items(capture, "reject", "piece_index begin length request_in", *options)
