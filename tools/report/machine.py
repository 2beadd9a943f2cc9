"""The report for programs: JSON and CSV."""

import csv
import io
import json

CSV_COLUMNS = ["connection", "piece", "begin", "length", "requested_in", "invalidated_in", "rejected_in", "asked_again"]


def request_object(request):
    return {"begin": request["Begin"], "length": request["Length"], "requested_in": request["Requested in"],
            "invalidated_in": request["Invalidated in"], "rejected_in": request["Rejected in"],
            "asked_again": request["Asked again in"]}


def donthave_object(donthave):
    """One DontHave as JSON; None where there is nothing."""
    return {
        "frame": donthave["Frame"], "time": float(donthave["Time"]), "sender": donthave["Sender"],
        "receiver": donthave["Receiver"], "piece": donthave["Piece"], "id": donthave["ID"],
        "fast": donthave["Fast"] == "yes", "requests": donthave["Requests"], "bytes": donthave["Bytes"],
        "rejected": donthave["Rejected"], "never_rejected": donthave["Never rejected"],
        "invalidated": [{**request_object(request), "outcome": request["Outcome"]}
                        for request in donthave["invalidated"]],
        "asked_again": [{**request_object(request), "crossed": request["Crossed"] == "yes"}
                        for request in donthave["again"]],
        "findings": donthave["Findings"].split(",") if donthave["Findings"] else [],
    }


def write_json(out, capture, donthaves):
    for donthave in donthaves:
        out.write(json.dumps({"capture": capture, **donthave_object(donthave)}) + "\n")


class CsvWriter:
    """Rows of all captures under one heading; with several captures, a first column says of which."""

    def __init__(self, out, several):
        self.several = several
        self.writer = csv.writer(out, lineterminator="\n")
        self.writer.writerow([*(["capture"] if several else []), *CSV_COLUMNS])

    def write(self, capture, requests):
        for request in requests:
            row = request_object(request)
            connection = f"{request['Asked by']} -> {request['Disowned by']}"
            values = [connection, request["Piece"], *(row[column] for column in CSV_COLUMNS[2:])]
            self.writer.writerow([*([capture] if self.several else []), *values])


def csv_text(requests):
    """The table of one capture."""
    text = io.StringIO()
    CsvWriter(text, several=False).write(None, requests)
    return text.getvalue()
