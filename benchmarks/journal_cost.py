"""What the journal costs: a warm flow with and without it, on two engines that take turns.

    .venv/bin/python benchmarks/journal_cost.py [samples]

Starts both engines itself. A sample is what one sign-up does that the stacks hear of: PutEvents on a bus, a rule, a function
that writes an item and sends a mail. Prints both times and their ratio; aim: at most 1.05.
"""

import json
import os
import socket
import statistics
import sys
import tempfile
import uuid
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any
from zipfile import ZipFile

from measure import Figure, show

from harness.engine import EmbeddedEngine, Target

WARM_UP = 20
ROLE = "arn:aws:iam::000000000000:role/benchmark"
FUNCTION = """
import boto3
table, mails = boto3.client("dynamodb"), boto3.client("ses")
def handler(event, context):
    address = event["detail"]["address"]
    table.put_item(TableName="benchmark", Item={"id": {"S": address}})
    mails.send_email(
        Source="us@people.example", Destination={"ToAddresses": [address]},
        Message={"Subject": {"Data": "Welcome"}, "Body": {"Text": {"Data": "Hello " + address}}},
    )
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(journal: str, folder: Path, port: int) -> tuple[EmbeddedEngine, Target]:
    os.environ["HARNESS_JOURNAL"] = journal
    engine = EmbeddedEngine(folder / journal, port=port)
    return engine, engine.start()


def flow(target: Target) -> Callable[[], float]:
    """Deploys the flow; what is given back runs it once and says how many milliseconds it took."""
    client: Callable[[str], Any] = target.client
    code = BytesIO()
    with ZipFile(code, "w") as archive:
        archive.writestr("index.py", FUNCTION)
    client("ses").verify_email_identity(EmailAddress="us@people.example")
    client("dynamodb").create_table(
        TableName="benchmark",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    arn = client("lambda").create_function(
        FunctionName="benchmark",
        Runtime="python3.11",
        Handler="index.handler",
        Role=ROLE,
        Code={"ZipFile": code.getvalue()},
        Timeout=20,
    )["FunctionArn"]
    client("lambda").get_waiter("function_active_v2").wait(FunctionName="benchmark")
    events = client("events")
    events.create_event_bus(Name="benchmark")
    events.put_rule(Name="benchmark", EventBusName="benchmark", EventPattern='{"source": ["benchmark"]}')
    events.put_targets(Rule="benchmark", EventBusName="benchmark", Targets=[{"Id": "function", "Arn": arn}])
    outbox = target.outbox

    def once() -> float:
        address = f"{uuid.uuid4().hex}@people.example"
        entry = {"EventBusName": "benchmark", "Source": "benchmark", "DetailType": "UserRegistered"}
        begin = perf_counter()
        events.put_events(Entries=[entry | {"Detail": json.dumps({"address": address})}])
        outbox.wait_for(recipient=address)
        return (perf_counter() - begin) * 1000

    return once


def main(samples: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engines = [start(journal, Path(folder), _free_port()) for journal in ("on", "off")]
        try:
            with_journal, without = (flow(target) for _, target in engines)
            figures: tuple[list[float], list[float]] = ([], [])
            for sample in range(samples + WARM_UP):
                # Whoever goes first finds the machine as the other left it.
                order = [(with_journal, figures[0]), (without, figures[1])]
                for run, into in order if sample % 2 else reversed(order):
                    milliseconds = run()
                    if sample >= WARM_UP:
                        into.append(milliseconds)
        finally:
            for engine, _ in engines:
                engine.stop()
    show(
        [
            Figure("PutEvents to mail, with the journal", figures[0], "ms"),
            Figure("PutEvents to mail, without", figures[1], "ms"),
        ]
    )
    ratio = statistics.median(figures[0]) / statistics.median(figures[1])
    print(f"ratio of the medians: {ratio:.3f} (aim <= 1.05)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
