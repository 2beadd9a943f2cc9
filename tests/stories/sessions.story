rule: All of them together: several messages in a packet, answers in any order, both sides at once.

story: without_fast after without_fast
    Each DontHave takes the requests for its piece; they need not be of one frame, nor of the last ones.
    10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated
    10 X Request 5 16384 16384     => invalidated_in 12 after 2s note:invalidated
    11 X Request 6 0 16384
    12 Y DontHave 5                => requests 2 bytes 32768 request_in 10,10 note:invalidated
    13 Y Piece 6 0 16
    14 Y DontHave 6                => requests 0
    15 X Request 7 0 16384         => invalidated_in 17 after 2s note:invalidated
    16 X Request 7 16384 16384     => invalidated_in 17 after 1s note:invalidated
    17 Y DontHave 7                => requests 2 bytes 32768 request_in 15,16 note:invalidated

story: with_fast after with_fast
    Rejects in any order, of outstanding requests and of invalidated ones; a Piece in place of one.
    10 X Request 5 0 16384         => invalidated_in 12 after 2s rejected_in 14 note:invalidated
    10 X Request 5 16384 16384     => invalidated_in 12 after 2s rejected_in 13 note:invalidated
    11 X Request 6 0 16384         => invalidated_in 15 after 4s note:invalidated
    12 Y DontHave 5                => requests 2 bytes 32768 request_in 10,10 unrejected 0 note:invalidated
    13 Y Reject 5 16384 16384      => reject request_in 10
    14 Y Reject 5 0 16384          => reject request_in 10
    15 Y DontHave 6                => requests 1 bytes 16384 request_in 11 unrejected 0 note:invalidated
    16 Y Piece 6 0 16              => late_block disowned_in 15 note:late_block
    17 X Request 7 0 16384
    17 X Request 7 16384 16384     => invalidated_in 19 after 2s rejected_in 20 note:invalidated
    17 X Request 8 0 16384
    18 Y Reject 7 0 16384
    19 Y DontHave 7                => requests 1 bytes 16384 request_in 17 unrejected 0 note:invalidated
    20 Y Reject 8 0 16384
    20 Y Reject 7 16384 16384      => reject request_in 17

story: unrejected after with_fast
    Of three invalidated requests one is answered by a Reject, one by a Piece, and one never, though others are served.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 12 note:invalidated
    10 X Request 5 16384 16384     => invalidated_in 11 after 1s note:invalidated
    10 X Request 5 32768 16384     => invalidated_in 11 after 1s note:invalidated warn:unrejected
    11 Y DontHave 5                => requests 3 bytes 49152 request_in 10,10,10 unrejected 1 note:invalidated
                                   => warn:unrejected
    12 Y Reject 5 0 16384          => reject request_in 10
    13 Y Piece 5 16384 16          => late_block disowned_in 11 note:late_block
    [14..17: $ X Request $ 0 16384]
    [20..23: $ Y Piece 14 0 16]

story: asked_twice after without_fast
    The same block asked for again replaces the older request, in the same packet too.
    10 X Request 6 0 16384
    10 X Request 6 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 6                => requests 1 bytes 16384 request_in 10 note:invalidated
    12 X Request 7 0 16384
    13 X Request 7 0 16384
    14 Y Piece 7 0 16
    15 Y DontHave 7                => requests 0

story: answered after without_fast
    Piece and Cancel end a request.
    10 X Request 5 0 16384
    10 X Request 5 16384 16384
    10 X Request 5 32768 16384     => invalidated_in 13 after 3s note:invalidated
    11 Y Piece 5 0 16
    12 X Cancel 5 16384 16384
    13 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    14 X Request 6 0 16384
    14 X Request 6 16384 16384
    15 X Cancel 6 0 16384
    15 X Cancel 6 16384 16384
    16 Y DontHave 6                => requests 0

story: wrong_answers after without_fast
    What the asker itself sends answers the other side's requests.
    10 X Request 5 0 16384         => invalidated_in 14 after 4s note:invalidated
    11 Y Piece 6 0 16
    11 Y Piece 5 16384 16
    12 X Piece 5 0 16
    12 X Reject 5 0 16384
    12 X Choke
    13 Y Cancel 5 0 16384
    14 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated

story: choked_with_fast after with_fast
    A Choke ends neither outstanding requests nor those that await a Reject.
    10 X Request 5 0 16384         => invalidated_in 12 after 2s rejected_in 14 note:invalidated
    10 X Request 6 0 16384
    11 Y Choke
    12 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    13 Y Choke
    13 Y Unchoke
    14 Y Reject 5 0 16384          => reject request_in 10
    15 Y Reject 6 0 16384
    16 Y DontHave 6                => requests 0 unrejected 0

story: second_donthave after without_fast
    It invalidates what was asked for after the first, and nothing twice.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    12 Y DontHave 5                => requests 0 note:redundant
    13 X Request 5 16384 16384     => late_request disowned_in 11 invalidated_in 14 after 1s warn:late_request
                                   => note:invalidated
    14 Y DontHave 5                => requests 1 bytes 16384 request_in 13 note:redundant note:invalidated
    15 X Request 5 32768 16384     => late_request disowned_in 11 invalidated_in 17 after 2s warn:late_request
                                   => note:invalidated
    16 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced
    17 Y DontHave 5                => requests 1 bytes 16384 request_in 15 note:invalidated
    18 X Request 5 0 16384         => late_request disowned_in 17 warn:late_request

story: second_donthave_with_fast after with_fast
    It leaves those alone that await their Reject.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 12 note:invalidated
    10 X Request 5 16384 16384     => invalidated_in 11 after 1s rejected_in 13 note:invalidated
    11 Y DontHave 5                => requests 2 bytes 32768 request_in 10,10 unrejected 0 note:invalidated
    12 Y Reject 5 0 16384          => reject request_in 10
    12 Y DontHave 5                => requests 0 unrejected 0 note:redundant
    13 Y Reject 5 16384 16384      => reject request_in 10
    13 Y DontHave 5                => requests 0 unrejected 0 note:redundant

story: taken_back after with_fast
    Have, Bitfield and Have All take DontHaves back; Have None and a Bitfield without the piece do not.
    [5..9: 10 Y DontHave $ => requests 0 unrejected 0]
    11 Y DontHave 5                => requests 0 unrejected 0 note:redundant
    12 Y Have 5                    => reannounced 5 disowned_in 10 chat:reannounced
    13 Y Have 5
    14 Y HaveNone
    15 Y Bitfield ff3fffff         => reannounced 6 disowned_in 10 reannounced 7 disowned_in 10
                                   => chat:reannounced chat:reannounced
    16 Y HaveAll                   => reannounced 8 disowned_in 10 reannounced 9 disowned_in 10
                                   => chat:reannounced chat:reannounced
    [5..9: 17 X Request $ 0 16384]

story: sixty_taken_back after with_fast
    A Bitfield takes them back in the order of the pieces, each from its own DontHave; then a Have All does.
    7 Y Bitfield ffffffffffffffff
    [0..19: 10 Y DontHave $ => requests 0 unrejected 0]
    [20..59: 11 Y DontHave $ => requests 0 unrejected 0]
    12 Y Bitfield ffffffffffffffff => [0..19: reannounced $ disowned_in 10] [20..59: reannounced $ disowned_in 11]
                                   => [0..59: chat:reannounced]
    [0..2: 14 Y DontHave $ => requests 0 unrejected 0]
    14 Y HaveAll                   => [0..2: reannounced $ disowned_in 14] [0..2: chat:reannounced]

story: asking_again after with_fast
    A new Request ends the wait, and the Reject that comes then is its answer. A Cancel ends no wait.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    12 X Request 5 0 16384         => late_request disowned_in 11 warn:late_request warn:rerequest
    13 Y Reject 5 0 16384
    14 X Request 5 0 16384         => late_request disowned_in 11 invalidated_in 15 after 1s rejected_in 17
                                   => warn:late_request note:invalidated
    15 Y DontHave 5                => requests 1 bytes 16384 request_in 14 unrejected 0 note:redundant note:invalidated
    16 X Cancel 5 0 16384
    17 Y Reject 5 0 16384          => reject request_in 14

story: both_ways after without_fast
    Both have pieces, both ask, both send DontHave, for the same piece and block.
    9 X Bitfield ffffffff
    9 X Unchoke
    10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated
    11 Y Request 5 0 16384         => invalidated_in 13 after 2s note:invalidated
    11 Y Request 6 0 16384
    12 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    13 X DontHave 5                => requests 1 bytes 16384 request_in 11 note:invalidated
    14 Y Request 5 16384 16384     => late_request disowned_in 13 warn:late_request
    15 X Request 5 16384 16384     => late_request disowned_in 12 warn:late_request
    16 Y Have 5                    => reannounced 5 disowned_in 12 chat:reannounced
    17 X Piece 5 0 16              => late_block disowned_in 13 note:late_block
    17 X Piece 6 0 16
    18 Y Piece 5 16384 16
    19 X DontHave 6                => requests 0

story: forty_in_a_frame after without_fast
    Every message of a frame has a note of its own.
    7 Y Bitfield ffffffffff
    [0..39: 10 X Request $ 0 $ => invalidated_in 12 after 2s note:invalidated]
    [0..19: 11 X Request $ 16384 0 => invalidated_in 12 after 1s note:invalidated]
    [20..39: 12 Y DontHave $ => requests 1 bytes $ request_in 10 note:invalidated]
    [0..19: 12 Y DontHave $ => requests 2 bytes $ request_in 10,11 note:invalidated]
    [0..39: 13 X Request $ 0 16384 => late_request disowned_in 12 warn:late_request]
    [0..19: 14 Y Have $ => reannounced $ disowned_in 12 chat:reannounced]
    [20..39: 14 Y Piece $ 0 16 => late_block disowned_in 12 warn:late_block]

story: early_requests
    They are answered and invalidated, whatever is negotiated later.
    1 X Handshake
    2 Y Handshake
    3 Y Bitfield ffffffff
    3 Y Unchoke
    4 X Interested
    4 X Request 5 0 16384          => invalidated_in 8 after 4s note:invalidated
    4 X Request 6 0 16384
    5 Y Piece 6 0 16
    6 Y Extensions {11:lt_donthavei7e} => negotiated 7
    7 X Extensions {11:lt_donthavei3e} => negotiated 3
    8 Y DontHave 5                 => requests 1 bytes 16384 request_in 4 note:invalidated
    9 Y DontHave 6                 => requests 0
