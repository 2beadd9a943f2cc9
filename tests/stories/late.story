rule: 6. Request by X for a disowned piece: late_request, and outstanding like any other. crossed is true while the
    ACK number in X's packet does not cover the whole DontHave, the first since Y last announced the piece.

story: after after without_fast
    10 Y DontHave 5                => requests 0
    11 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request

story: crossed after without_fast
    10 Y DontHave 5                => requests 0
    11 Y Interested
    12 X acks 9 Request 5 0 16384  => late_request disowned_in 10 crossed chat:late_request
    13 X acks 10-1 Request 5 1 10  => late_request disowned_in 10 crossed chat:late_request
    14 X acks 10 Request 5 2 10    => late_request disowned_in 10 warn:late_request
    15 X acks 11 Request 5 3 10    => late_request disowned_in 10 warn:late_request

story: from_the_ack_and_not_from_time after without_fast
    10 Y @10 DontHave 5            => requests 0
    99 X @900 acks 9 Request 5 0 1 => late_request disowned_in 10 crossed chat:late_request

story: no_ack_number after without_fast
    Unknown is not wrong.
    over: tcp
    10 Y DontHave 5                => requests 0
    11 X acks none Request 5 0 1   => late_request disowned_in 10 crossed chat:late_request

story: the_first_donthave_counts after without_fast
    10 Y DontHave 5                => requests 0
    11 Y DontHave 5                => requests 0 note:redundant
    12 X acks 10 Request 5 0 16384 => late_request disowned_in 10 warn:late_request

story: the_first_since_it_was_announced after without_fast
    10 Y DontHave 5                => requests 0
    11 Y Have 5                    => reannounced 5 disowned_in 10 chat:reannounced
    12 Y DontHave 5                => requests 0
    13 X acks 11 Request 5 0 16384 => late_request disowned_in 12 crossed chat:late_request

story: outstanding_like_any_other after with_fast
    10 Y DontHave 5                => requests 0 unrejected 0
    11 X Request 5 0 16384         => late_request disowned_in 10 invalidated_in 12 after 1s rejected_in 13
                                   => warn:late_request note:invalidated
    12 Y DontHave 5                => requests 1 bytes 16384 request_in 11 unrejected 0 note:redundant note:invalidated
    13 Y Reject 5 0 16384          => reject request_in 11

story: late_messages after without_fast
    Each late message is late since the DontHave that disowned the piece, and not since the next ones.
    wraps: 10 5 10
    10 Y DontHave 5                => requests 0
    11 X acks 9 Request 5 0 16384  => late_request disowned_in 10 crossed chat:late_request
    12 X acks 10-1 Request 5 16384 16384 => late_request disowned_in 10 crossed invalidated_in 15 after 3s
                                   => chat:late_request note:invalidated
    13 X acks 10 Request 5 32768 16384 => late_request disowned_in 10 invalidated_in 15 after 2s warn:late_request
                                   => note:invalidated
    14 Y Piece 5 0 16              => late_block disowned_in 10 warn:late_block
    15 Y DontHave 5                => requests 2 bytes 32768 request_in 12,13 note:redundant note:invalidated
    16 X acks 14 Request 5 49152 16384 => late_request disowned_in 10 invalidated_in 18 after 2s warn:late_request
                                   => note:invalidated
    17 Y Have 5                    => reannounced 5 disowned_in 10 chat:reannounced
    18 Y DontHave 5                => requests 1 bytes 16384 request_in 16 note:invalidated
    19 X acks 17 Request 5 65536 16384 => late_request disowned_in 18 crossed chat:late_request
    20 X Request 5 65536 16384     => late_request disowned_in 18 warn:late_request
    21 Y Piece 5 65536 16          => late_block disowned_in 18 warn:late_block

story: late_and_split after without_fast
    What counts is the end of the DontHave, and the packet that completes the Request.
    wraps: 10 5
    10 Y DontHave 5 first 5
    11 Y rest                      => requests 0
    12 X acks 10 Request 5 0 16384 first 9
    13 X acks 11 rest              => late_request disowned_in 11 warn:late_request
    14 X acks 11 Request 5 16384 16384 first 9
    15 X acks 10 rest              => late_request disowned_in 11 crossed chat:late_request
    16 X acks 10 Request 5 32768 1 => late_request disowned_in 11 crossed chat:late_request
    17 X Request 5 32768 1         => late_request disowned_in 11 warn:late_request

rule: 7. Piece by Y for a disowned piece: late_block.

story: older_request after without_fast
    Note where the request is older than the DontHave.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    12 Y Piece 5 0 16              => late_block disowned_in 11 note:late_block

story: late_block_of_a_cancelled_request after with_fast
    A block that was cancelled in time is only late.
    10 Y DontHave 5                => requests 0 unrejected 0
    11 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request
    12 X Cancel 5 0 16384
    13 Y Piece 5 0 16              => late_block disowned_in 10 note:late_block

story: newer_request after without_fast
    Warn where the request is newer than the DontHave.
    10 Y DontHave 5                => requests 0
    11 X Request 5 0 16384         => late_request disowned_in 10 warn:late_request
    12 Y Piece 5 0 16              => late_block disowned_in 10 warn:late_block

story: newer_request_invalidated after with_fast
    Warn where the request is newer than the DontHave.
    10 Y DontHave 5                => requests 0 unrejected 0
    11 X Request 5 0 16384         => late_request disowned_in 10 invalidated_in 12 after 1s warn:late_request
                                   => note:invalidated
    12 Y DontHave 5                => requests 1 bytes 16384 request_in 11 unrejected 0 note:redundant note:invalidated
    13 Y Piece 5 0 16              => late_block disowned_in 10 warn:late_block

story: nobody_asked after without_fast
    10 Y DontHave 5                => requests 0
    11 Y Piece 5 0 16              => late_block disowned_in 10 note:late_block

story: after_it_was_announced_again after without_fast
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    12 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced
    13 Y Piece 5 0 16

story: before_the_donthave after without_fast
    10 X Request 5 0 16384
    11 Y Piece 5 0 16
    12 Y DontHave 5                => requests 0
