preference: fallback_id 3,7,200

rule: fallback_id is a list: each side of a connection wants an id of its own, and no handshake told it.

story: an_id_for_each_side
    X is libtorrent and wants 7, Y is WebTorrent and wants 3. Each has pieces that the other asks for.
    10 X Request 5 0 16384         => invalidated_in 12 after 2s note:invalidated
    11 Y Request 6 0 16384         => invalidated_in 13 after 2s note:invalidated
    12 Y Extended 7 00000005       => id 7 assumed requests 1 bytes 16384 request_in 10 note:id_assumed note:invalidated
    13 X Extended 3 00000006       => id 3 assumed requests 1 bytes 16384 request_in 11 note:id_assumed note:invalidated
    14 Y Extended 200 00000007     => id 200 assumed requests 0 note:id_assumed
    15 Y Extended 8 00000005       => extended unknown
    16 X Request 5 0 16384         => late_request disowned_in 12 warn:late_request

story: the_side_that_told after handshakes
    Y gave an id in its handshake: to it that one counts alone. X told nothing.
    10 Y Extensions {11:lt_donthavei9e} => negotiated 9
    11 X Extended 3 00000014       => extended unknown
    12 X Extended 9 00000014       => id 9 assigned_in 10 requests 0
    13 Y Extended 7 00000005       => id 7 assumed requests 0 note:id_assumed

story: one_of_them_means_something_else after handshakes
    X gave 3 to another extension, and lt_donthave nothing: 7 may still be it.
    10 X Extensions {6:ut_pexi3e}
    11 Y Extended 3 00000005       => extended ut_pex
    12 Y Extended 7 00000005       => id 7 assumed requests 0 warn:not_advertised note:id_assumed
