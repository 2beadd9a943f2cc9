preference: fallback_id 3

rule: fallback_id: id to assume where no extension handshake was captured.

story: fallback
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y Extended 3 00000005       => id 3 assumed requests 1 bytes 16384 request_in 10 note:id_assumed note:invalidated
    12 Y Extended 8 00000005       => extended unknown

story: fallback_handshake_wins after handshakes
    10 X Extensions {11:lt_donthavei9e} => negotiated 9
    11 Y Extended 3 00000005       => extended unknown
    12 Y Extended 9 00000005       => id 9 assigned_in 10 requests 0

story: fallback_any_length
    11 Y Extended 3 0005           => id 3 assumed piece - note:id_assumed error:length

story: fallback_not_advertised after handshakes
    not_advertised: the id is the preference's.
    10 X Extensions {6:ut_pexi1e}
    11 Y Extended 3 00000005       => id 3 assumed requests 0 warn:not_advertised note:id_assumed
    12 Y Extended 3 0005           => extended unknown

story: fallback_means_something_else after handshakes
    10 X Extensions {6:ut_pexi3e}
    11 Y Extended 3 00000005       => extended ut_pex

story: from_the_middle
    What was captured counts; what was not is unknown, and no fault of anybody.
    1 Y Piece 4 0 16
    2 X Request 5 0 16384          => invalidated_in 3 after 1s note:invalidated
    3 Y DontHave 5                 => assumed requests 1 bytes 16384 request_in 2 note:id_assumed note:invalidated
    4 Y DontHave 6                 => assumed requests 0 note:id_assumed
    5 X Request 6 0 16384          => late_request disowned_in 4 warn:late_request
    6 Y Piece 6 16384 16           => late_block disowned_in 4 note:late_block
    7 Y Have 6                     => reannounced 6 disowned_in 4 chat:reannounced

story: only_the_owner after with_fast
    No request was seen, so none was invalidated and no Reject answers one.
    only: Y
    10 X Request 5 0 16384
    10 X Request 5 16384 16384
    11 Y DontHave 5                => assumed requests 0 note:id_assumed
    12 Y Reject 5 0 16384
    12 Y Reject 5 16384 16384
    13 X Request 5 0 16384
    14 Y Piece 5 0 16              => late_block disowned_in 11 note:late_block
    15 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced

story: only_the_asker after with_fast
    Nothing happened to the requests that anybody saw.
    only: X
    10 X Request 5 0 16384
    10 X Request 5 16384 16384
    11 Y DontHave 5
    12 Y Reject 5 0 16384
    12 Y Reject 5 16384 16384
    13 X Request 5 0 16384
    14 Y Piece 5 0 16
    15 Y Have 5
