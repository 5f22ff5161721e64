"""The cost of searching a record for secrets, by kind of record.

    .venv/bin/python benchmarks/redaction.py [another checkout]

The records are those of one sign-up and of requests at an API, as the engine passes them to `Redactor.json`. With a
second checkout of this repository it also measures that one's package, in turns in the same run, and prints the ratio.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from time import process_time

HERE = Path(__file__).resolve().parent.parent
ROUNDS, REPEATS = 15, 200
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:users-register"
EVENT = {
    "version": "0", "id": "6b8a62eb-9c5e-414f-884b-b1f548f9ed73", "detail-type": "UserRegistered", "source": "users",
    "account": "000000000000", "time": "2026-11-30T16:21:35Z", "region": "us-east-1", "resources": [],
    "detail": {"address": "e1678fdc61c14771984026b58930ddc5@people.example"},
}  # fmt: skip
JWT = "eyJ" + "hbGciOiJSUzI1NiJ9" + ".eyJ" + "a" * 400 + "." + "b" * 342
ACCESS = {
    "action": "dynamodb:PutItem", "resource": "arn:aws:dynamodb:us-east-1:000000000000:table/people", "allowed": True,
    "by": {"kind": "identity", "policy": "all", "statement": "Statement[0]"},
}  # fmt: skip
HEADERS = {
    "host": "127.0.0.1:4566", "accept": "*/*", "accept-encoding": "gzip, deflate", "user-agent": "python-httpx/0.28.1",
    "content-type": "application/json", "x-amzn-trace-id": "Root=1-6b0da283-cb9bb5151409c59f805c8d1f",
}  # fmt: skip
RECORDS = {
    "call begins": {
        "request": {"TableName": "people", "Item": {"id": {"S": EVENT["detail"]["address"]}, "name": {"S": "Ada"}}},
        "caller": {"kind": "function"}, "request_id": "4e9c28c9-d332-4f78-88bd-b67c13e7b822",
    },
    "call ends": {"status": 200, "access": [ACCESS], "response": {}},
    "call with a stream": {
        "request": {"FunctionName": FUNCTION, "InvocationType": "Event", "Payload": {"$stream": "BytesIO"}},
        "caller": {"kind": "service", "principal": "events"}, "request_id": "8a36c6d5-bc06-4987-a369-588af6d4ac40",
    },
    "decision of a rule": {"rule": "arn:aws:events:us-east-1:000000000000:rule/bus/r", "passed": True, "event": EVENT},
    "delivery": {"source": "arn:aws:events:us-east-1:000000000000:rule/bus/r", "target": FUNCTION, "event": EVENT},
    "invocation begins": {"event": EVENT, "request_id": EVENT["id"], "environment": "b6059ddfff645e37cac83654c3b403b8"},
    "invocation ends": {
        "result": None, "cold": False,
        "log": f"START RequestId: {EVENT['id']} Version: $LATEST\nEND RequestId: {EVENT['id']}\nREPORT Duration: 13.00 ms\n",
    },
    "mail": {
        "channel": "mail", "source": "ses", "sender": "us@people.example", "recipients": ["ada@people.example"],
        "subject": "Welcome", "text": "Hello Ada, see https://people.example/you", "html": None, "code": None,
    },
    "batch of ten": {"event": {"Records": [{"body": json.dumps(EVENT), "messageId": str(n)} for n in range(10)]}},
    "request": {"method": "GET", "path": "/albums", "query": {"page": "2"}, "headers": HEADERS, "body": None},
    "request with a token": {
        "method": "GET", "path": "/albums", "headers": HEADERS | {"authorization": f"Bearer {JWT}"}, "body": None,
    },
    "mail with a code": {
        "channel": "mail", "source": "cognito", "recipients": ["ada@people.example"], "code": "493021",
        "text": "Your confirmation code is 493021.",
    },
}  # fmt: skip


def serve() -> None:
    """In the other process: reads the name of a record from each line and prints the microseconds of one search."""
    from harness.journal.redaction import Redactor

    redactor = Redactor()
    written = {name: json.dumps(data, separators=(",", ":"), ensure_ascii=False) for name, data in RECORDS.items()}
    for line in sys.stdin:
        text = written[line.strip()]
        begin = process_time()
        for _ in range(REPEATS):
            redactor.json(text)
        print((process_time() - begin) / REPEATS * 1e6, flush=True)


def main(checkouts: list[Path]) -> None:
    servers = [
        subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            env={"PYTHONPATH": str(checkout)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        for checkout in checkouts
    ]
    medians = []
    print(f"{'µs a record':<24}" + "".join(f"{checkout.name[-12:]:>14}" for checkout in checkouts))
    for name in RECORDS:
        samples: list[list[float]] = [[] for _ in servers]
        for _ in range(ROUNDS):
            for server, found in zip(servers, samples, strict=True):
                server.stdin.write(f"{name}\n")
                found.append(float(server.stdout.readline()))
        medians.append([statistics.median(found) for found in samples])
        print(f"{name:<24}" + "".join(f"{median:14.1f}" for median in medians[-1]))
    for server in servers:
        server.stdin.close()
        server.wait()
    totals = [sum(column) for column in zip(*medians, strict=True)]
    print(f"{'all of them':<24}" + "".join(f"{total:14.1f}" for total in totals))
    if len(totals) == 2:
        print(f"ratio: {totals[0] / totals[1]:.3f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        main([HERE, *map(Path, sys.argv[1:])])
