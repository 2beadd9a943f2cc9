rule: 4. DontHave (n) by Y: every outstanding request of X for piece n is invalidated, once. Without Fast they are
    gone (BEP 54: silently dropped). With Fast each awaits its Reject: the Reject links to it; a Piece or a new
    Request for the block ends the wait. Piece n is now disowned by Y.

story: without_fast_they_are_gone after without_fast
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    12 Y DontHave 5                => requests 0 note:redundant

story: with_fast_each_awaits_its_reject after with_fast
    10 X Request 5 0 16384         => invalidated_in 13 after 3s rejected_in 15 note:invalidated
    11 X Request 5 16384 16384     => invalidated_in 13 after 2s note:invalidated warn:unrejected
    12 X Request 5 32768 16384     => invalidated_in 13 after 1s rejected_in 14 note:invalidated
    13 Y DontHave 5                => requests 3 bytes 49152 request_in 10,11,12 unrejected 1 note:invalidated
                                   => warn:unrejected
    14 Y Reject 5 32768 16384      => reject request_in 12
    15 Y Reject 5 0 16384          => reject request_in 10

story: reject_first after with_fast
    Not an anomaly: Reject before DontHave (libtorrent when a predicted piece fails its hash).
    10 X Request 5 0 16384
    11 X Request 5 16384 16384
    12 Y Reject 5 0 16384
    12 Y Reject 5 16384 16384
    12 Y DontHave 5                => requests 0 unrejected 0

story: one_donthave_for_each_block after with_fast
    libtorrent sends one DontHave per failed block, and a Reject behind it.
    10 X Request 5 0 16384         => invalidated_in 12 after 2s rejected_in 13 note:invalidated
    11 X Request 5 16384 16384     => invalidated_in 12 after 1s rejected_in 15 note:invalidated
    12 Y DontHave 5                => requests 2 bytes 32768 request_in 10,11 unrejected 0 note:invalidated
    13 Y Reject 5 0 16384          => reject request_in 10
    14 Y DontHave 5                => requests 0 unrejected 0 note:redundant
    15 Y Reject 5 16384 16384      => reject request_in 11

story: piece_ends_the_wait after with_fast
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    12 Y Piece 5 0 16              => late_block disowned_in 11 note:late_block

story: new_request_ends_the_wait after with_fast
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    12 X Request 5 0 16384         => late_request disowned_in 11 warn:late_request warn:rerequest
    13 Y Reject 5 0 16384

story: cancel_does_not_end_the_wait after with_fast
    BEP 6: each request gets exactly one response.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 13 note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    12 X Cancel 5 0 16384
    13 Y Reject 5 0 16384          => reject request_in 10

story: rejected_after_it_is_announced_again after with_fast
    10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 13 note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    12 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced
    13 Y Reject 5 0 16384          => reject request_in 10

story: a_second_time after without_fast
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    12 X Request 5 0 16384         => late_request disowned_in 11 invalidated_in 13 after 1s warn:late_request
                                   => note:invalidated
    13 Y DontHave 5                => requests 1 bytes 16384 request_in 12 note:redundant note:invalidated

story: time_to_the_donthave after without_fast
    bt.donthave.request.time: from the Request to the DontHave.
    10 X @10.25 Request 5 0 16384  => invalidated_in 11 after 0.5s note:invalidated
    11 Y @10.75 DontHave 5         => requests 1 bytes 16384 request_in 10 note:invalidated

rule: 5. Have (n), Have All, or a Bitfield with bit n set, by Y: n is no longer disowned.

story: have after without_fast
    10 Y DontHave 5                => requests 0
    11 Y Have 4
    12 X Have 5
    13 Y Have 5                    => reannounced 5 disowned_in 10 chat:reannounced
    14 X Request 5 0 16384
    15 Y Piece 5 0 16
    16 Y Have 5

story: have_all after with_fast
    10 Y DontHave 5                => requests 0 unrejected 0
    11 Y DontHave 3                => requests 0 unrejected 0
    12 Y HaveAll                   => reannounced 5 disowned_in 10 reannounced 3 disowned_in 11 chat:reannounced
                                   => chat:reannounced
    13 X Request 5 0 16384

story: bitfield after without_fast
    A second Bitfield replaces the first.
    10 Y DontHave 5                => requests 0
    11 Y DontHave 3                => requests 0
    12 Y Bitfield 04000000         => reannounced 5 disowned_in 10 chat:reannounced
    13 X Request 5 0 16384
    14 X Request 3 0 16384         => late_request disowned_in 11 warn:late_request

story: have_none_takes_nothing_back after with_fast
    10 Y DontHave 5                => requests 0 unrejected 0
    11 Y HaveNone
    12 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request

story: disowned_in_is_the_first_since after without_fast
    disowned_in: the first DontHave since the piece was last announced.
    10 Y DontHave 5                => requests 0
    11 Y DontHave 5                => requests 0 note:redundant
    12 Y Have 5                    => reannounced 5 disowned_in 10 chat:reannounced
    13 Y DontHave 5                => requests 0
    14 Y DontHave 5                => requests 0 note:redundant
    15 X Request 5 0 16384         => late_request disowned_in 13 warn:late_request
    16 Y Have 5                    => reannounced 5 disowned_in 13 chat:reannounced

story: often after without_fast
    reannounced: Note from the fourth time for one piece.
    10 Y DontHave 5                => requests 0
    11 Y Have 5                    => reannounced 5 disowned_in 10 chat:reannounced
    12 Y DontHave 5                => requests 0
    13 Y Have 5                    => reannounced 5 disowned_in 12 chat:reannounced
    14 Y DontHave 6                => requests 0
    15 Y Have 6                    => reannounced 6 disowned_in 14 chat:reannounced
    16 Y DontHave 5                => requests 0
    17 Y Have 5                    => reannounced 5 disowned_in 16 chat:reannounced
    18 Y DontHave 5                => requests 0
    19 Y Have 5                    => reannounced 5 disowned_in 18 note:reannounced
    20 Y DontHave 6                => requests 0
    21 Y Have 6                    => reannounced 6 disowned_in 20 chat:reannounced
    22 Y DontHave 5                => requests 0
    23 Y Have 5                    => reannounced 5 disowned_in 22 note:reannounced
