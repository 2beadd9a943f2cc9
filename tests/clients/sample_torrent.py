"""The torrent that all clients of the recorders and of the live tests share.

Eight files of two pieces each. Every piece repeats one line of text, which keeps gzipped captures small, and which no
resynchronising parser can mistake for messages. Only the standard library is used, so the torrent is the same, byte
for byte, whatever client or version takes part. Run as a script, it writes the torrent and its files into a folder.

What is encrypted cannot be compressed: for such captures there is the same torrent with smaller pieces.
"""

import hashlib
import pathlib
import sys

NAME = "sample"
FILES = 8
PIECES_PER_FILE = 2
PIECES = FILES * PIECES_PER_FILE
PIECE_LENGTH = 0x10000
SMALL_PIECE_LENGTH = 0x1000
BLOCK_LENGTH = 0x4000
LINE_LENGTH = 64


def block_length(piece_length=PIECE_LENGTH):
    return min(BLOCK_LENGTH, piece_length)


def piece(index, piece_length=PIECE_LENGTH):
    """The bytes of one piece."""
    line = (b"piece %02d of a torrent made for captures of BEP 54" % index).ljust(LINE_LENGTH - 1, b".") + b"\n"
    return line * (piece_length // LINE_LENGTH)


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


def torrent(piece_length=PIECE_LENGTH, tracker=None):
    """The bytes of the .torrent file (BEP 3): private, so that no client looks for peers but at the tracker, if any."""
    return bencode({**({"announce": tracker} if tracker else {}), "info": {
        "name": NAME,
        "piece length": piece_length,
        "pieces": b"".join(hashlib.sha1(piece(index, piece_length)).digest() for index in range(PIECES)),
        "files": [{"length": PIECES_PER_FILE * piece_length, "path": [file_name(number)]} for number in range(FILES)],
        "private": 1,
    }})


def file_content(number, piece_length=PIECE_LENGTH):
    return b"".join(piece(index, piece_length) for index in pieces_of_file(number))


def write_files(folder, piece_length=PIECE_LENGTH):
    """Put the complete files of the torrent below the folder, as a client expects them there."""
    top = pathlib.Path(folder, NAME)
    top.mkdir(parents=True)
    for number in range(FILES):
        top.joinpath(file_name(number)).write_bytes(file_content(number, piece_length))


def has_files(folder, piece_length=PIECE_LENGTH):
    """Whether the complete files are there."""
    files = [pathlib.Path(folder, NAME, file_name(number)) for number in range(FILES)]
    return all(file.exists() and file.read_bytes() == file_content(number, piece_length)
               for number, file in enumerate(files))


def delete_file(folder, number):
    pathlib.Path(folder, NAME, file_name(number)).unlink()


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    write_files(target)
    target.joinpath(NAME + ".torrent").write_bytes(torrent())
