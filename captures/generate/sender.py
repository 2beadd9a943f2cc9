"""What a peer does with its send(), over whatever transport."""


class Sender:
    def send_cut(self, *messages, at=(), size=None):
        """Send the messages as a stream that is cut at the given offsets, or every `size` bytes, a send() for each part; return
        the last frame."""
        stream = b"".join(messages)
        cuts = [0, *(range(size, len(stream), size) if size else at), len(stream)]
        for begin, end in zip(cuts, cuts[1:]):
            frame = self.send(stream[begin:end])
        return frame
