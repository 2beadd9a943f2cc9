rule: Answers that are missing, double or wrong (BEP 6, BEP 54).

story: reject_without_fast after without_fast
    reject_without_fast: a Reject Request answers an invalidated request though Fast was not negotiated.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    12 Y Reject 5 0 16384          => error:reject_without_fast

story: unrejected after with_fast
    bt.donthave.unrejected: how many of them were never rejected.
    10 X Request 5 0 16384         => invalidated_in 13 after 3s rejected_in 14 note:invalidated
    11 X Request 5 1 16384         => invalidated_in 13 after 2s note:invalidated warn:unrejected
    12 X Request 5 2 16384         => invalidated_in 13 after 1s note:invalidated warn:unrejected
    13 Y DontHave 5                => requests 3 bytes 49152 request_in 10,11,12 unrejected 2 note:invalidated
                                   => warn:unrejected
    14 Y Reject 5 0 16384          => reject request_in 10

story: double_reject after with_fast
    double_reject: a second Reject for one request, of a disowned piece.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 12 note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    12 Y Reject 5 0 16384          => reject request_in 10
    13 Y Reject 5 0 16384          => warn:double_reject

story: double_reject_nobody_asked after with_fast
    double_reject: a Reject for a block that nobody asked for, of a disowned piece.
    10 Y Reject 5 0 16384
    11 Y DontHave 5                => requests 0 unrejected 0
    12 Y Reject 5 0 16384          => warn:double_reject

story: two_requests_two_rejects after with_fast
    BEP 6: each Request gets exactly one response.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    12 X acks 9 Request 5 0 16384  => late_request disowned_in 11 crossed chat:late_request warn:rerequest
    13 Y Reject 5 0 16384
    14 Y Reject 5 0 16384
    15 Y Reject 5 0 16384          => warn:double_reject

story: cancelled_request_is_answered after with_fast
    BEP 6: a cancelled request is answered by Piece or Reject.
    10 X Request 5 0 16384
    11 X Cancel 5 0 16384
    12 Y DontHave 5                => requests 0 unrejected 0
    13 Y Reject 5 0 16384
    14 Y Reject 5 0 16384          => warn:double_reject

story: cancelled_request_is_delivered after with_fast
    BEP 6
    10 X Request 5 0 16384
    11 X Cancel 5 0 16384
    12 Y Piece 5 0 16
    13 Y DontHave 5                => requests 0 unrejected 0
    14 Y Reject 5 0 16384          => warn:double_reject

story: rerequest after with_fast
    rerequest: with Fast, the same block asked for again before its Reject came.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    12 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced
    13 X Request 5 0 16384         => warn:rerequest

story: rerequest_after_its_reject after with_fast
    rerequest
    10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 12 note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 unrejected 0 note:invalidated
    12 Y Reject 5 0 16384          => reject request_in 10
    13 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced
    14 X Request 5 0 16384

story: rerequest_without_fast after without_fast
    rerequest: with Fast only.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    12 Y Have 5                    => reannounced 5 disowned_in 11 chat:reannounced
    13 X Request 5 0 16384

story: cancel_after after without_fast
    cancel_after: without Fast, Cancel for a request that the DontHave already invalidated.
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    12 X Cancel 5 0 16384          => note:cancel_after
    13 X Cancel 5 0 16384
    14 X Cancel 5 16384 16384

rule: Unknown is not wrong. A capture that starts late, has a gap, or shows one direction raises none of these without
    positive evidence.

story: fast_unknown
    A Reject is evidence of Fast.
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    10 X Request 5 0 16384         => invalidated_in 11 after 1s rejected_in 12 note:invalidated
    11 Y DontHave 5                => requests 1 bytes 16384 request_in 10 note:invalidated
    12 Y Reject 5 0 16384          => reject request_in 10
    13 X Request 6 0 16384         => invalidated_in 14 after 1s note:invalidated warn:unrejected
    14 Y DontHave 6                => requests 1 bytes 16384 request_in 13 unrejected 1 note:invalidated warn:unrejected

story: request_before_the_capture
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    10 Y DontHave 5                => requests 0
    11 Y Reject 5 0 16384

story: request_in_a_hole after with_fast
    10 X (hole)
    11 X Interested
    12 Y DontHave 5                => requests 0 unrejected 0
    13 Y Reject 5 0 16384
