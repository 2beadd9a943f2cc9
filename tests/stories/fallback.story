preference: fallback_id 9

rule: fallback_id: id to assume where no extension handshake was captured.

story: fallback
    10 X Request 5 0 16384         => invalidated_in 11 after 1s note:invalidated
    11 Y Extended 9 00000005       => id 9 assumed requests 1 bytes 16384 request_in 10 note:id_assumed note:invalidated
    12 Y Extended 8 00000005       => extended unknown

story: fallback_handshake_wins after handshakes
    10 X Extensions {11:lt_donthavei3e} => negotiated 3
    11 Y Extended 9 00000005       => extended unknown
    12 Y Extended 3 00000005       => id 3 assigned_in 10 requests 0

story: fallback_any_length
    11 Y Extended 9 0005           => id 9 assumed piece - note:id_assumed error:length

story: fallback_not_advertised after handshakes
    not_advertised: the id is the preference's.
    10 X Extensions {6:ut_pexi1e}
    11 Y Extended 9 00000005       => id 9 assumed requests 0 warn:not_advertised note:id_assumed
    12 Y Extended 9 0005           => extended unknown

story: fallback_means_something_else after handshakes
    10 X Extensions {6:ut_pexi9e}
    11 Y Extended 9 00000005       => extended ut_pex
