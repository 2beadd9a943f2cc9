"""The torrent that all clients of the recorders and of the live tests share.

Eight files of two pieces each. Every piece repeats one line of text, which keeps gzipped captures small, and which no
resynchronising parser can mistake for messages. Only the standard library is used, so the torrent is the same, byte
for byte, whatever client or version takes part. Run as a script, it writes the torrent and its files into a folder.
"""

import hashlib
import pathlib
import sys

NAME = "sample"
FILES = 8
PIECES_PER_FILE = 2
PIECES = FILES * PIECES_PER_FILE
PIECE_LENGTH = 0x10000
BLOCK_LENGTH = 0x4000
LINE_LENGTH = 64


def piece(index):
    """The bytes of one piece."""
    line = (b"piece %02d of a torrent made for captures of BEP 54" % index).ljust(LINE_LENGTH - 1, b".") + b"\n"
    return line * (PIECE_LENGTH // LINE_LENGTH)


def pieces_of_file(number):
    first = number * PIECES_PER_FILE
    return range(first, first + PIECES_PER_FILE)


def file_name(number):
    return f"{number}.txt"


def bencode(value):
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, str):
        return bencode(value.encode())
    if isinstance(value, list):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"


def torrent():
    """The bytes of the .torrent file (BEP 3): no trackers, and private, so that no client looks for other peers."""
    return bencode({"info": {
        "name": NAME,
        "piece length": PIECE_LENGTH,
        "pieces": b"".join(hashlib.sha1(piece(index)).digest() for index in range(PIECES)),
        "files": [{"length": PIECES_PER_FILE * PIECE_LENGTH, "path": [file_name(number)]} for number in range(FILES)],
        "private": 1,
    }})


def write_files(folder):
    """Put the complete files of the torrent below the folder, as a client expects them there."""
    top = pathlib.Path(folder, NAME)
    top.mkdir(parents=True)
    for number in range(FILES):
        top.joinpath(file_name(number)).write_bytes(b"".join(map(piece, pieces_of_file(number))))


def delete_file(folder, number):
    pathlib.Path(folder, NAME, file_name(number)).unlink()


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    write_files(target)
    target.joinpath(NAME + ".torrent").write_bytes(torrent())
