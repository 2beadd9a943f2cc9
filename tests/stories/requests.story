rule: 1. Request (index, begin, length) by X: outstanding. The same (index, begin) again replaces the older one.

story: one_request after without_fast
    10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated
    12 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated

story: requests_of_that_piece_only after without_fast
    10 X Request 5 0 16384         => invalidated_in 14 after 4s note:invalidated
    11 X Request 4 0 16384
    12 X Request 5 16384 100       => invalidated_in 14 after 2s note:invalidated
    13 X Request 6 0 16384
    14 Y DontHave 5                => requests 2 bytes 16484 request_in 10,12 note:invalidated
    15 Y DontHave 7                => requests 0

story: again after without_fast
    10 X Request 5 0 16384
    11 X Request 5 0 8000          => invalidated_in 12 after 1s note:invalidated
    12 Y DontHave 5                => requests 1 bytes 8000 request_in 11 note:invalidated

story: several_in_a_frame after without_fast
    bt.donthave.request_in: frames of those requests, one per request, in their order.
    10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated
    10 X Request 5 16384 16384     => invalidated_in 12 after 2s note:invalidated
    10 X Request 6 0 16384
    10 X Request 5 32768 16384     => invalidated_in 12 after 2s note:invalidated
    11 X Request 5 49152 16384     => invalidated_in 12 after 1s note:invalidated
    12 Y DontHave 5                => requests 4 bytes 65536 request_in 10,10,10,11 note:invalidated

story: any_length after without_fast
    10 X Request 5 0 0             => invalidated_in 12 after 2s note:invalidated
    11 X Request 5 1 4294967295    => invalidated_in 12 after 1s note:invalidated
    11 X Request 5 7 4294967295    => invalidated_in 12 after 1s note:invalidated
    12 Y DontHave 5                => requests 3 bytes 8589934590 request_in 10,11,11 note:invalidated
    13 X Request 6 4294967295 1    => invalidated_in 14 after 1s note:invalidated
    14 Y DontHave 6                => requests 1 bytes 1 request_in 13 note:invalidated

story: before_the_extension_handshakes
    Requests count from the beginning of the connection.
    1 X Handshake
    2 Y Handshake
    3 Y Bitfield ff
    4 X Request 5 0 16384          => invalidated_in 6 after 2s note:invalidated
    5 X Extensions {11:lt_donthavei3e} => negotiated 3
    6 Y DontHave 5                 => requests 1 bytes 16384 request_in 4 note:invalidated

story: before_a_handshake_that_offers_late
    So also where a later extension handshake is the first that offers lt_donthave.
    1 X Handshake
    2 Y Handshake
    3 Y Bitfield ff
    4 X Extensions de
    5 Y Extensions de
    6 X Request 5 0 16384          => invalidated_in 9 after 3s note:invalidated
    7 X Request 5 16384 16384      => invalidated_in 9 after 2s note:invalidated
    8 X Extensions {11:lt_donthavei3e} => negotiated 3
    9 Y DontHave 5                 => requests 2 bytes 32768 request_in 6,7 note:invalidated

story: both_sides after without_fast
    Both peers ask, and both send DontHave: neither touches the requests of its own side.
    10 X Request 16 0 16384        => invalidated_in 13 after 3s note:invalidated
    11 Y Request 16 0 100          => invalidated_in 12 after 1s note:invalidated
    12 X DontHave 16               => requests 1 bytes 100 request_in 11 note:invalidated
    13 Y DontHave 16               => requests 1 bytes 16384 request_in 10 note:invalidated
    13 Y Request 16 0 100          => late_request disowned_in 12 warn:late_request

rule: 2. Piece (index, begin) by Y, Cancel by X, Reject by Y with Fast: no longer outstanding.

story: piece after without_fast
    10 X Request 5 0 16384
    11 X Request 5 16384 16384     => invalidated_in 13 after 2s note:invalidated
    12 Y Piece 5 0 16
    13 Y DontHave 5                => requests 1 bytes 16384 request_in 11 note:invalidated

story: piece_of_another_block after without_fast
    10 X Request 5 0 16384         => invalidated_in 14 after 4s note:invalidated
    11 Y Piece 5 16384 16
    12 Y Piece 4 0 16
    13 X Piece 5 0 16
    14 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated

story: cancel after without_fast
    10 X Request 5 0 16384
    11 X Cancel 5 0 16384
    12 Y DontHave 5                => requests 0

story: cancel_by_the_other_side after without_fast
    10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated
    11 Y Cancel 5 0 16384
    12 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated

story: cancel_with_fast after with_fast
    BEP 6: a cancelled request is answered all the same, by Piece or Reject.
    10 X Request 5 0 16384
    11 X Cancel 5 0 16384
    12 Y DontHave 5                => requests 0 unrejected 0
    13 Y Reject 5 0 16384

story: reject_with_fast after with_fast
    10 X Request 5 0 16384
    11 Y Reject 5 0 16384
    12 Y DontHave 5                => requests 0 unrejected 0

story: reject_without_fast after without_fast
    10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated
    11 Y Reject 5 0 16384
    12 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated

story: again_after_the_answer after without_fast
    10 X Request 5 0 16384
    11 Y Piece 5 0 16
    12 X Request 5 0 16384         => invalidated_in 13 after 1s note:invalidated
    13 Y DontHave 5                => requests 1 bytes 16384 request_in 12 note:invalidated

rule: 3. Choke by Y: without Fast all of X's requests are gone; with Fast they stay (each is rejected by name).

story: without_fast after without_fast
    10 X Request 5 0 16384
    11 X Request 6 0 16384
    12 Y Choke
    13 Y DontHave 5                => requests 0
    14 Y Unchoke
    15 X Request 6 16384 16384     => invalidated_in 16 after 1s note:invalidated
    16 Y DontHave 6                => requests 1 bytes 16384 request_in 15 note:invalidated

story: by_the_other_side after without_fast
    10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated
    11 X Choke
    12 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated

story: with_fast after with_fast
    10 X Request 5 0 16384         => invalidated_in 13 after 3s rejected_in 14 note:invalidated
    11 X Request 6 0 16384
    12 Y Choke
    13 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    14 Y Reject 5 0 16384          => reject request_in 10
    15 Y Reject 6 0 16384

story: fast_on_one_side_is_without
    BEP 6: both must have the bit.
    1 X Handshake fast
    2 Y Handshake
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    4 Y Extensions {11:lt_donthavei7e} => negotiated 7
    5 Y Bitfield ffffffff
    6 X Bitfield 0000ffff
    10 X Request 5 0 16384
    11 Y Choke
    12 Y DontHave 5                => requests 0

story: fast_on_the_other_side_is_without
    BEP 6: both must have the bit.
    1 X Handshake
    2 Y Handshake fast
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    5 Y Bitfield ffffffff
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
