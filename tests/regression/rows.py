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
