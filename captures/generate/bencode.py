"""Bencoding (BEP 3), written as given: keys keep their order, so that a capture can hold what a careless client writes."""


class Raw(bytes):
    """Bytes that go into the encoding untouched, such as a number of forty digits."""


def encode(value):
    """Return the bencoding of an int, a str, bytes, a list or a dict."""
    if isinstance(value, Raw):
        return bytes(value)
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        return encode(value.encode())
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    if isinstance(value, dict):
        return b"d" + b"".join(encode(key) + encode(item) for key, item in value.items()) + b"e"
    raise TypeError(f"cannot bencode {value!r}")
