rule: 9. A DontHave is an extended message whose id resolves to lt_donthave, whatever its length: a payload that is
    not four bytes is shown and flagged, and changes no state.

story: lengths after without_fast
    length: payload of a DontHave is not 4 bytes.
    10 X Request 5 0 16384
    11 Y Extended 3                => id 3 assigned_in 3 piece - error:length
    12 Y Extended 3 00             => id 3 assigned_in 3 piece - error:length
    13 Y Extended 3 000005         => id 3 assigned_in 3 piece - error:length
    14 Y Extended 3 0000000500     => id 3 assigned_in 3 piece 5 error:length
    15 Y Extended 3 0000000500000006 => id 3 assigned_in 3 piece 5 error:length
    16 X Request 5 16384 16384

story: five_bytes_change_no_state after without_fast
    10 X Request 5 0 16384
    11 Y Extended 3 0000000500     => piece 5 error:length
    12 Y Piece 5 0 16
    13 X Request 5 16384 16384     => invalidated_in 14 after 1s note:invalidated
    14 Y DontHave 5                => requests 1 bytes 16384 request_in 13 note:invalidated

story: bencoded after without_fast
    bencoded: the payload looks bencoded (d...).
    10 X Request 5 0 16384
    11 Y Extended 3 64353a7069656365693565 => id 3 assigned_in 3 piece - warn:bencoded
    12 Y Extended 3 6465           => id 3 assigned_in 3 piece - warn:bencoded
    13 X Request 5 16384 16384

story: four_bytes_are_an_index after with_fast
    9 Y HaveAll
    10 Y Extended 3 64313a61       => id 3 assigned_in 3 requests 0 unrejected 0 warn:out_of_range

story: cut_by_the_capture after without_fast
    Unknown is not wrong.
    10 X Request 5 0 16384
    11 Y Extended 3 00000005 cut 8 => id 3 assigned_in 3 piece -
    12 Y Extended 3 00000005 cut 6 => id 3 assigned_in 3 piece -
    13 Y Extended 3 00000005 cut 5
    14 Y Extended 3 00000005 cut 3
