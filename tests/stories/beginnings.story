# How most stories begin.

beginning: without_fast
    1 X Handshake
    2 Y Handshake
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    4 Y Extensions {11:lt_donthavei7e} => negotiated 7
    5 Y Bitfield ffffffff
    6 X Bitfield 0000ffff

beginning: with_fast
    1 X Handshake fast
    2 Y Handshake fast
    3 X Extensions {11:lt_donthavei3e} => negotiated 3
    4 Y Extensions {11:lt_donthavei7e} => negotiated 7
    5 Y Bitfield ffffffff
    6 X Bitfield 0000ffff

beginning: handshakes
    1 X Handshake
    2 Y Handshake
    5 Y Bitfield ffffffff
    6 X Bitfield 0000ffff
