rule: What an extension handshake says of lt_donthave (BEP 10).

story: bad_id after handshakes
    bad_id: m.lt_donthave is not an integer, negative, or above 255.
    10 X Extensions {11:lt_donthavei-1e} => warn:bad_id
    11 X Extensions {11:lt_donthavei256e} => warn:bad_id
    12 X Extensions {11:lt_donthave1:3} => warn:bad_id
    13 X Extensions {11:lt_donthavei1234567890123456789012345678901234567890e} => warn:bad_id
    14 Y Extended 1 00000005       => extended unknown

story: bad_handshake after handshakes
    bad_handshake: the extension handshake is not a bencoded dictionary.
    10 X Extensions hello          => error:bad_handshake
    11 X Extensions le             => error:bad_handshake
    12 X Extensions d1:md          => error:bad_handshake
    13 X Extensions {11:lt_donthavei3e}x => negotiated 3 error:bad_handshake
    14 Y Extended 3 00000005       => requests 0

story: cut_by_the_capture after handshakes
    Unknown is not wrong: the rest of it was on the wire.
    10 X Extensions {11:lt_donthavei3e6:ut_pexi1e} cut 30 => negotiated 3
    11 Y Extensions {11:lt_donthavei3e6:ut_pexi1e} cut 13
    12 Y Extended 3 00000005       => requests 0

story: shared_id after handshakes
    shared_id: a handshake gives lt_donthave the id of another extension.
    10 X Extensions {6:ut_pexi3e11:lt_donthavei3e} => negotiated 3 warn:shared_id
    11 Y Extended 3 00000005       => requests 0

story: look_alike after handshakes
    look_alike: m has a key that is lt_donthave but for case, _ or -.
    10 X Extensions {11:LT-DontHavei3e} => note:look_alike
    11 Y Extended 3 00000005       => extended LT-DontHave

story: nothing_to_say after handshakes
    A clean capture raises none.
    10 X Extensions de
    11 Y Extensions d1:v4:teste
    12 X Extensions {6:ut_pexi1e}

story: twice_in_a_handshake after handshakes
    Of a key that comes twice, the last one counts.
    10 X Extensions {11:lt_donthavei-1e11:lt_donthavei3e} => negotiated 3
    11 X Extensions {11:lt_donthavei4e11:lt_donthavei-1e} => warn:bad_id
