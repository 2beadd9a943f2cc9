rule: A DontHave that does not fit what its sender said before.

story: out_of_range after without_fast
    out_of_range: index at or beyond 8 x Bitfield length.
    10 Y DontHave 31               => requests 0
    11 Y DontHave 32               => requests 0 warn:out_of_range
    12 Y DontHave 4294967295       => requests 0 warn:out_of_range

story: out_of_range_from_either_bitfield
    Both peers have the same torrent.
    1 X Handshake
    2 Y Handshake
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    4 X Bitfield ffff
    5 Y Have 3
    10 Y DontHave 15               => requests 0 note:redundant
    11 Y DontHave 16               => requests 0 warn:out_of_range
    12 Y DontHave 3                => requests 0

story: redundant_disowned_already after without_fast
    redundant: the sender had disowned the piece already.
    10 Y DontHave 5                => requests 0
    11 Y DontHave 5                => requests 0 note:redundant
    12 Y DontHave 6                => requests 0

story: redundant_not_advertised after without_fast
    redundant: the sender had not advertised the piece.
    10 X DontHave 15               => requests 0 note:redundant
    11 X DontHave 16               => requests 0
    12 X Have 15                   => reannounced 15 disowned_in 10 chat:reannounced
    13 X DontHave 15               => requests 0

story: redundant_after_have_none after with_fast
    redundant
    10 Y HaveNone
    11 Y DontHave 5                => requests 0 unrejected 0 note:redundant
    12 Y HaveAll                   => reannounced 5 disowned_in 11 chat:reannounced
    13 Y DontHave 5                => requests 0 unrejected 0

story: redundant_after_a_second_bitfield after without_fast
    A second Bitfield replaces the first.
    10 Y Bitfield fbffffff
    11 Y DontHave 5                => requests 0 note:redundant
    12 Y DontHave 4                => requests 0

story: before_availability
    before_availability: sent before any Bitfield, Have, Have All or Have None of its sender.
    1 X Handshake
    2 Y Handshake
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    10 X Have 1
    11 Y DontHave 5                => requests 0 note:before_availability
    12 Y DontHave 5                => requests 0 note:redundant
    13 Y Have 6
    14 Y DontHave 6                => requests 0

story: before_availability_after_a_bad_message
    A message whose length its id cannot have hides nothing.
    1 X Handshake
    2 Y Handshake
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    10 Y Base 4 00
    11 Y DontHave 5                => requests 0 note:before_availability

story: before_availability_ends
    before_availability
    1 X Handshake fast
    2 Y Handshake fast
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    10 Y HaveNone
    11 Y DontHave 5                => requests 0 unrejected 0 note:redundant

story: storm after without_fast
    storm: once per connection and direction: more than 64 DontHaves within a second.
    7 Y Bitfield ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
    [0..63: 10 Y DontHave $ => requests 0]
    11 Y DontHave 64               => requests 0 note:storm
    [65..140: 12 Y DontHave $ => requests 0]

story: storm_in_a_frame after without_fast
    7 Y Bitfield ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
    [0..63: 10 Y DontHave $ => requests 0]
    10 Y DontHave 64               => requests 0 note:storm
    [65..79: 10 Y DontHave $ => requests 0]

story: no_storm after without_fast
    Just 64 DontHaves, and then as many a little more than a second later, again and again.
    7 Y Bitfield ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
    [0..63: 10 Y DontHave $ => requests 0]
    [64..127: 11 Y @11.01 DontHave $ => requests 0]
    [128..191: 12 Y @12.02 DontHave $ => requests 0]

story: no_storm_of_two_sides after without_fast
    Each direction has its own count.
    7 Y Bitfield ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
    8 X Bitfield ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
    [0..63: 10 Y DontHave $ => requests 0]
    [0..63: 11 X @10.5 DontHave $ => requests 0]
    12 Y DontHave 64               => requests 0

story: contradicts_advice after with_fast
    contradicts_advice: DontHave for a piece that its sender had just suggested or put in the Allowed Fast set.
    10 Y SuggestPiece 5
    11 Y AllowedFast 6
    12 X AllowedFast 7
    13 Y DontHave 5                => requests 0 unrejected 0 note:contradicts_advice
    14 Y DontHave 6                => requests 0 unrejected 0 note:contradicts_advice
    15 Y DontHave 7                => requests 0 unrejected 0
    16 Y DontHave 5                => requests 0 unrejected 0 note:redundant

rule: Unknown is not wrong. A capture that starts late, has a gap, or shows one direction raises none of these without
    positive evidence.

story: from_the_middle
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    10 Y DontHave 5                => requests 0
    11 Y Have 6
    12 Y DontHave 7                => requests 0

story: from_the_middle_with_bitfield
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    10 Y Bitfield fb
    11 Y DontHave 5                => requests 0 note:redundant
    12 Y DontHave 4                => requests 0

story: announced_in_a_hole after without_fast
    10 X (hole)
    11 X DontHave 5                => requests 0
    12 Y (hole)
    13 Y Unchoke
    14 X DontHave 5                => requests 0 note:redundant

story: hole_of_the_other_side after without_fast
    10 Y (hole)
    11 Y Unchoke
    12 X DontHave 5                => requests 0 note:redundant

story: hole_before_everything
    1 X Handshake
    2 Y Handshake
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    10 Y (hole)
    11 Y DontHave 5                => requests 0

story: bitfield_cut_by_the_capture
    1 X Handshake
    2 Y Handshake
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    10 Y Bitfield fffffffffffffffb cut 9
    11 Y DontHave 5                => requests 0
    12 Y DontHave 40               => requests 0
    13 Y DontHave 61               => requests 0
    14 Y DontHave 64               => requests 0 warn:out_of_range

story: have_cut_by_the_capture after without_fast
    10 X Have 5 cut 7
    11 X DontHave 5                => requests 0
