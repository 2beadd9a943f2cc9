"""The rules of the ledger once more, as plainly as possible: a second opinion for test_model.py.

Nothing here is fast or clever. A connection is a list of events, in the order in which messages complete in the capture;
`replay` returns what each frame has to show. The rules are numbered as in tests/stories.

    Event(frame, time, sender, end, ack, message)

`sender` is 0 or 1. `end` is how many bytes the sender had sent when the message was complete, `ack` how many bytes of
the other side the packet which completes the message acknowledges. `message` is a tuple, its kind first:

    ("request", piece, begin, length)   ("piece", piece, begin, length)   ("cancel" and "reject" likewise)
    ("choke",)   ("have", piece)   ("have_all",)   ("bitfield", set of pieces)
    ("extension_handshake", id or None)   ("dont_have", id, piece)   ("bad_dont_have", id)   ("other",)
"""

from collections import defaultdict, namedtuple

Event = namedtuple("Event", "frame time sender end ack message")


class Request:
    def __init__(self, event, length):
        self.frame, self.time, self.length = event.frame, event.time, length
        self.invalidated_by = None
        self.rejected_in = None


class DontHave:
    def __init__(self, event):
        self.frame, self.time, self.end = event.frame, event.time, event.end
        self.requests = []


class Side:
    """What is known of one peer: of the requests that it sent, and of the pieces that it disowned."""

    def __init__(self):
        self.outstanding = {}   # (piece, begin) -> Request
        self.awaiting = {}      # (piece, begin) -> Request, invalidated, its Reject not yet here
        self.disowned = {}      # piece -> the first DontHave since the piece was last announced
        self.dont_have_id = 0   # what this peer wants the other to write
        self.assigned_in = None


class Connection:
    def __init__(self, fast):
        self.fast = fast
        self.sides = Side(), Side()
        self.shown = []         # (frame, function that returns the columns), in the order of messages

    def show(self, event, columns):
        self.shown.append((event.frame, columns))

    def take(self, event):
        sender, other = self.sides[event.sender], self.sides[1 - event.sender]
        kind, *arguments = event.message
        getattr(self, kind)(event, sender, other, *arguments)

    def other(self, event, sender, other):
        pass

    # 1, 6
    def request(self, event, asker, owner, piece, begin, length):
        request = Request(event, length)
        block = block_columns("request", piece, begin, length)
        self.show(event, lambda two_passes: invalidated_columns(request, block) if two_passes else {})
        if piece in owner.disowned:
            first = owner.disowned[piece]
            late = {**block_columns("late_request", piece, begin, length), "late_request": 1,
                    "late_request.crossed": int(event.ack < first.end), "disowned_in": first.frame}
            self.show(event, lambda two_passes: late)
        asker.outstanding.pop((piece, begin), None)     # the newer one comes last
        asker.outstanding[piece, begin] = request
        asker.awaiting.pop((piece, begin), None)

    # 2, 4, 7
    def piece(self, event, owner, asker, piece, begin, length):
        asker.outstanding.pop((piece, begin), None)
        asker.awaiting.pop((piece, begin), None)
        if piece in owner.disowned:
            late = {**block_columns("late_block", piece, begin, length), "late_block": 1,
                    "disowned_in": owner.disowned[piece].frame}
            self.show(event, lambda two_passes: late)

    # 2
    def cancel(self, event, asker, owner, piece, begin, length):
        asker.outstanding.pop((piece, begin), None)

    # 2, 4
    def reject(self, event, owner, asker, piece, begin, length):
        assert self.fast
        if (piece, begin) in asker.outstanding:
            del asker.outstanding[piece, begin]
        elif (piece, begin) in asker.awaiting:
            request = asker.awaiting.pop((piece, begin))
            request.rejected_in = event.frame
            answer = {**block_columns("reject", piece, begin, length), "reject": 1, "reject.request_in": request.frame}
            self.show(event, lambda two_passes: answer)

    # 3
    def choke(self, event, owner, asker):
        if not self.fast:
            asker.outstanding.clear()

    # 4
    def dont_have(self, event, owner, asker, used_id, piece):
        dont_have = DontHave(event)
        for block in [block for block in asker.outstanding if block[0] == piece]:
            request = asker.outstanding.pop(block)
            request.invalidated_by = dont_have
            dont_have.requests.append(request)
            if self.fast:
                asker.awaiting[block] = request
        owner.disowned.setdefault(piece, dont_have)
        columns = {
            **self.negotiation(used_id, asker),
            "piece_index": piece,
            "requests": len(dont_have.requests),
            "bytes": sum(request.length for request in dont_have.requests),
            "request_in": [request.frame for request in dont_have.requests],
        }

        def later(two_passes):
            if not (two_passes and self.fast):
                return columns
            waiting = [request for request in asker.awaiting.values() if request.invalidated_by is dont_have]
            return {**columns, "unrejected": len(waiting)}

        self.show(event, later)

    # 9
    def bad_dont_have(self, event, owner, asker, used_id):
        columns = self.negotiation(used_id, asker)
        self.show(event, lambda two_passes: columns)

    # 8
    def negotiation(self, used_id, receiver):
        assert used_id == receiver.dont_have_id
        return {"id": used_id, "id_assigned_in": receiver.assigned_in, "id_assumed": 0, "fast": int(self.fast)}

    # 8
    def extension_handshake(self, event, sender, other, new_id):
        if new_id is not None:
            sender.dont_have_id, sender.assigned_in = new_id, event.frame
            self.show(event, lambda two_passes: {"negotiated": new_id})

    # 5
    def have(self, event, owner, asker, piece):
        self.take_back(event, owner, {piece})

    def have_all(self, event, owner, asker):
        self.take_back(event, owner, set(owner.disowned))

    def bitfield(self, event, owner, asker, pieces):
        self.take_back(event, owner, pieces)

    def take_back(self, event, owner, pieces):
        for piece in sorted(pieces & set(owner.disowned)):
            first = owner.disowned.pop(piece)
            item = {"reannounced.piece_index": piece, "reannounced": 1, "disowned_in": first.frame}
            self.show(event, lambda two_passes, item=item: item)


def block_columns(kind, piece, begin, length):
    return {f"{kind}.piece_index": piece, f"{kind}.begin": begin, f"{kind}.length": length}


def invalidated_columns(request, block):
    if request.invalidated_by is None:
        return {}
    columns = {
        **block,
        "request": 1,
        "request.invalidated_in": request.invalidated_by.frame,
        "request.time": f"{(request.invalidated_by.time - request.time) / 1_000_000:.9f}",
    }
    return columns if request.rejected_in is None else {**columns, "request.rejected_in": request.rejected_in}


def replay(events, fast, two_passes):
    """Return {frame: {column: its values, joined by commas}} for the frames that have something to show."""
    connection = Connection(fast)
    for event in events:
        connection.take(event)
    frames = defaultdict(lambda: defaultdict(list))
    for frame, columns in connection.shown:
        for column, shown in columns(two_passes).items():
            frames[frame][column] += shown if isinstance(shown, list) else [shown]
    return {frame: {column: ",".join(map(str, shown)) for column, shown in columns.items() if shown}
            for frame, columns in frames.items()}
