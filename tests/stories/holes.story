rule: Unknown is not wrong. A capture that starts late, has a gap, or shows one direction raises none of these without
    positive evidence.

story: late_request after without_fast
    10 Y DontHave 5                => requests 0
    11 Y Choke
    12 Y (hole)
    13 Y Unchoke
    14 X Request 5 0 16384         => late_request disowned_in 10
    15 Y DontHave 6                => requests 0
    16 X Request 6 0 16384         => late_request disowned_in 15 warn:late_request

story: late_request_right_after after without_fast
    The DontHave is the last that was seen of anybody before the hole, or the first after it.
    10 Y DontHave 5                => requests 0
    11 Y (hole)
    12 Y DontHave 6                => requests 0
    13 X Request 5 0 16384         => late_request disowned_in 10
    14 X Request 6 0 16384         => late_request disowned_in 12 warn:late_request

story: late_request_hole_of_the_other_side after without_fast
    X saw the DontHave, and nothing of Y is missing.
    10 Y DontHave 5                => requests 0
    11 X Choke
    12 X (hole)
    13 X Unchoke
    14 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request

story: late_block after without_fast
    10 Y DontHave 5                => requests 0
    11 Y Choke
    12 Y (hole)
    13 Y Piece 5 0 16              => late_block disowned_in 10

story: redundant after without_fast
    10 Y DontHave 5                => requests 0
    11 Y Choke
    12 Y (hole)
    13 Y DontHave 5                => requests 0
    14 Y DontHave 5                => requests 0 note:redundant

story: rerequest after with_fast
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    12 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced
    13 Y (hole)
    14 Y Unchoke
    15 X Request 5 0 16384

story: double_reject after with_fast
    10 Y DontHave 5                => requests 0 unrejected 0
    11 X (hole)
    12 X Interested
    13 Y Reject 5 0 16384

story: cut_have_is_a_hole after without_fast
    10 Y DontHave 5                => requests 0
    11 Y Have 5 cut 6
    12 X Request 5 0 16384         => late_request disowned_in 10

story: cut_block_is_none after without_fast
    A block cut short by the snaplen costs nothing.
    10 Y DontHave 5                => requests 0
    11 Y Piece 6 0 16 cut 13
    12 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request

story: not_advertised
    1 X Handshake
    2 Y Handshake
    3 X Extensions de
    4 Y Extensions {11:lt_donthavei7e} => negotiated 7
    5 Y Bitfield ffffffff
    10 Y DontHave 5                => extended unknown
    11 Y Extended 7 00000005       => requests 0 warn:not_advertised
    12 X (hole)
    13 X Interested
    14 Y Extended 7 00000006       => requests 0

story: disabled after without_fast
    10 X Extensions {11:lt_donthavei0e} => negotiated 0
    11 Y DontHave 5                => requests 0 warn:disabled
    12 X (hole)
    13 X Interested
    14 Y DontHave 6                => requests 0
