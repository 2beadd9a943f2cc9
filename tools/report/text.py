"""The report for people: each DontHave with what it did, and a summary of each connection."""

from itertools import groupby

RED, YELLOW, BOLD, PLAIN = "\033[31m", "\033[33m", "\033[1m", "\033[0m"


def plural(count, what):
    return f"{count} {what}{'' if count == 1 else 's'}"


def paint(text, color, use_color):
    return f"{color}{text}{PLAIN}" if use_color else text


def effect(donthave):
    """What became of the requests that a DontHave invalidated."""
    count = donthave["Requests"]
    if count == 0:
        return "no request outstanding"
    said = f"{plural(count, 'request')} invalidated ({donthave['Bytes']} bytes)"
    if donthave["Fast"] == "no" and donthave["Rejected"] == 0:
        return f"{said}, dropped without Fast"
    return f"{said}, {donthave['Rejected']} rejected, {donthave['Never rejected']} never"


def blocks(requests):
    return ", ".join(f"{request['Begin']}+{request['Length']}" for request in requests)


def marked(donthave):
    """The lines below a DontHave: mark, text, color."""
    for outcome, of_outcome in groupby(donthave["invalidated"], lambda request: request["Outcome"]):
        requests = list(of_outcome)
        frames = " ".join(dict.fromkeys(str(request["Requested in"]) for request in requests))
        if outcome == "never rejected":
            yield "!", f"never rejected: requested in {frames}, {blocks(requests)}", RED
        else:
            answers = " ".join(dict.fromkeys(str(request["Rejected in"]) for request in requests))
            in_frames = f" in {answers}" if outcome == "rejected" else ""
            yield " ", f"requested in {frames}: {blocks(requests)}; {outcome}{in_frames}", None
    for frame, of_frame in groupby(donthave["again"], lambda request: request["Requested in"]):
        requests = list(of_frame)
        crossed = requests[0]["Crossed"] == "yes"
        yield ("~" if crossed else "!", f"asked again in {frame}: {blocks(requests)}"
               + (" (crossed the DontHave)" if crossed else ""), YELLOW if crossed else RED)
    if donthave["Findings"]:
        yield " ", donthave["Findings"].replace(",", ", "), YELLOW


def lines(donthaves, summary, use_color):
    """The report. Requests are byte offset+length in the piece; numbers without a word are frames."""
    for donthave in donthaves:
        piece = "(no piece index)" if donthave["Piece"] is None else f"piece {donthave['Piece']}"
        head = f"frame {donthave['Frame']}  {donthave['Time']} s  {donthave['Sender']} -> {donthave['Receiver']}"
        yield f"{paint(f'{head}  DontHave {piece}', BOLD, use_color)}: {effect(donthave)}"
        for mark, text, color in marked(donthave):
            line = f"  {mark} {text}"
            yield paint(line, color, use_color) if color else line
    if summary:
        yield ""
    for row in summary:
        yield f"{paint(row['Sender'] + ' -> ' + row['Receiver'], BOLD, use_color)}: {row['In words']}"
