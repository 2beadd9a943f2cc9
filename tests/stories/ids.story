rule: 8. The id that Y writes is the one in X's last extension handshake: m.lt_donthave, 1 to 255. Handshakes add up:
    a key that is missing keeps its id, 0 switches it off (BEP 10). Each direction has its own id; one side may have
    advertised nothing (BEP 54 allows it).

story: each_direction_has_its_own after without_fast
    10 Y Extended 3 00000005       => id 3 assigned_in 3 requests 0
    11 X Extended 7 00000010       => id 7 assigned_in 4 requests 0

story: fast after with_fast
    bt.donthave.fast: Fast extension (BEP 6) negotiated by both.
    10 Y Extended 3 00000005       => id 3 assigned_in 3 requests 0 unrejected 0

story: one_side_advertised_nothing after handshakes
    10 X Extensions {11:lt_donthavei3e} => negotiated 3
    11 Y Extensions de
    12 Y Extended 3 00000005       => id 3 assigned_in 10 requests 0

story: handshakes_add_up after handshakes
    10 X Extensions {11:lt_donthavei3e6:ut_pexi1e} => negotiated 3
    11 X Extensions {11:ut_metadatai2e}
    12 X Extensions de
    13 Y Extended 3 00000005       => id 3 assigned_in 10 requests 0
    14 Y Extended 1 00000005       => extended ut_pex
    15 Y Extended 2 00000005       => extended ut_metadata

story: renumbered after without_fast
    10 X Extensions {11:lt_donthavei9e} => negotiated 9 note:renumbered
    11 Y Extended 9 00000005       => id 9 assigned_in 10 requests 0
    12 Y Extended 3 00000006       => extended unknown

story: renumbered_to_the_same after without_fast
    10 X Extensions {11:lt_donthavei3e} => negotiated 3
    11 Y Extended 3 00000005       => id 3 assigned_in 10 requests 0

story: renumbering_crosses after without_fast
    The old id counts while the new one is not acknowledged.
    10 X Extensions {11:lt_donthavei9e} => negotiated 9 note:renumbered
    11 Y acks 9 Extended 3 00000005 => id 3 assigned_in 3 requests 0
    12 Y acks 10-1 Extended 3 00000006 => id 3 assigned_in 3 requests 0
    13 Y acks 10 Extended 3 00000007 => extended unknown

story: id_255 after handshakes
    10 X Extensions {11:lt_donthavei255e} => negotiated 255
    11 Y Extended 255 00000005     => id 255 assigned_in 10 requests 0

story: before_its_handshake after handshakes
    An id used before its handshake: nobody knows what it means.
    10 Y Extended 3 00000005       => extended unknown
    11 X Extensions {11:lt_donthavei3e} => negotiated 3
    12 Y Extended 3 00000005       => id 3 assigned_in 11 requests 0

story: other_names_are_never_taken after handshakes
    The same number means different things on the two sides.
    10 X Extensions {11:lt_donthavei3e11:upload_onlyi7e} => negotiated 3
    11 Y Extensions {11:lt_donthavei7e11:upload_onlyi3e} => negotiated 7
    12 Y Extended 7 00000005       => extended upload_only
    13 X Extended 3 00000010       => extended upload_only
    14 Y Extended 3 00000005       => id 3 assigned_in 10 requests 0

story: a_second_connection_on_the_same_ports after with_fast
    A second handshake from the same peer begins anew.
    10 X Request 5 0 16384
    20 X Handshake
    21 Y Handshake
    22 X Extensions {11:lt_donthavei9e} => negotiated 9
    23 Y Bitfield ff
    24 Y Extended 9 00000005       => id 9 assigned_in 22 requests 0

rule: A DontHave with another id than the one that was negotiated, or with none.

story: own_id after without_fast
    own_id: the sender used the id that it advertised itself, and the receiver's differs.
    9 X Request 5 0 16384          => invalidated_in 10 after 1s note:invalidated
    10 Y Extended 7 00000005       => id 7 requests 1 bytes 16384 request_in 9 warn:own_id note:invalidated

story: own_id_means_something_else after handshakes
    Only where the receiver gave that id to nothing else.
    10 X Extensions {11:lt_donthavei3e6:ut_pexi7e} => negotiated 3
    11 Y Extensions {11:lt_donthavei7e} => negotiated 7
    12 Y Extended 7 00000005       => extended ut_pex

story: own_id_of_another_length after without_fast
    Only with a payload of four bytes.
    10 Y Extended 7 0000000500     => extended unknown

story: own_id_receiver_unknown after handshakes
    Unknown is not wrong: the receiver's handshake was not seen.
    10 Y Extensions {11:lt_donthavei7e} => negotiated 7
    11 Y Extended 7 00000005       => extended unknown

story: not_advertised after handshakes
    not_advertised: its receiver's handshake was seen and does not offer lt_donthave; the id is the one that its
    sender itself advertised.
    10 X Extensions {6:ut_pexi1e}
    11 Y Extensions {11:lt_donthavei7e} => negotiated 7
    12 Y Extended 7 00000005       => id 7 requests 0 warn:not_advertised
    13 Y Extended 8 00000005       => extended unknown
    14 Y Extended 1 00000005       => extended ut_pex
    15 Y Extended 7 000005         => extended unknown

story: disabled after without_fast
    disabled: sent after the receiver switched the extension off with id 0.
    10 X Extensions {11:lt_donthavei0e} => negotiated 0
    11 Y Extended 3 00000005       => id 3 assigned_in 3 requests 0 warn:disabled

story: disabled_crossing after without_fast
    disabled: Note while the switch-off is not acknowledged.
    10 X Extensions {11:lt_donthavei0e} => negotiated 0
    11 Y acks 9 Extended 3 00000005 => id 3 assigned_in 3 requests 0 note:disabled
    12 Y acks 10-1 Extended 3 00000006 => id 3 assigned_in 3 requests 0 note:disabled
    13 Y acks 10 Extended 3 00000007 => id 3 assigned_in 3 requests 0 warn:disabled

story: disabled_and_given_to_another after without_fast
    10 X Extensions {11:lt_donthavei0e6:ut_pexi3e} => negotiated 0
    11 Y Extended 3 00000005       => extended ut_pex

story: switched_on_again after without_fast
    10 X Extensions {11:lt_donthavei0e} => negotiated 0
    11 X Extensions {11:lt_donthavei3e} => negotiated 3
    12 Y Extended 3 00000005       => id 3 assigned_in 11 requests 0

story: disabled_one_way_only after without_fast
    10 X Extensions {11:lt_donthavei0e} => negotiated 0
    11 X Extended 7 00000010       => id 7 assigned_in 4 requests 0

story: base_message after without_fast
    base_message: a five-byte base message of id 18 with a piece index, where lt_donthave was negotiated.
    10 X Request 5 0 16384
    11 Y Base 18 00000005          => warn:base_message
    12 Y Base 18 0000000500
    13 Y Base 18
    14 Y Base 19 00000005

story: base_message_not_negotiated after handshakes
    base_message
    10 X Extensions {6:ut_pexi1e}
    11 Y Base 18 00000005

story: another_extension_is_renumbered after handshakes
    An id that its sender may still take for the valid one names the extension, whoever's it is.
    10 X Extensions {6:ut_pexi1e}
    11 X Extensions {6:ut_pexi2e}
    12 Y acks 10 Extended 1 00000005 => extended ut_pex
    13 Y Extended 1 00000005       => extended unknown
