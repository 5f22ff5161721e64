"""The cost of the journal: a warm flow with and without it, on two engines that take turns.

    .venv/bin/python benchmarks/journal_cost.py [samples]

Starts both engines. A sample is what the stacks do after one sign-up: PutEvents on a bus, a rule, a function that
writes an item and sends a mail. Prints both times and their ratio; aim: at most 1.05. It also prints the engines'
processor time, a measure that holds on a machine with other load too.
"""

import json
import statistics
import sys
import uuid
from collections.abc import Callable
from time import perf_counter

import psutil
from measure import Figure, show
from resources import Resources, running_engine

from harness import Target

WARM_UP = 20
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


def flow(target: Target) -> Callable[[], float]:
    """Deploys the flow. Returns a function that runs it once and returns its milliseconds."""
    made = Resources(target)
    client = made.client
    client("ses").verify_email_identity(EmailAddress="us@people.example")
    made.table("benchmark")
    function = made.function(FUNCTION)
    events = client("events")
    events.create_event_bus(Name="benchmark")
    events.put_rule(Name="benchmark", EventBusName="benchmark", EventPattern='{"source": ["benchmark"]}')
    events.put_targets(Rule="benchmark", EventBusName="benchmark", Targets=[{"Id": "function", "Arn": function}])
    made.permit(function, "events.amazonaws.com")
    outbox = target.outbox

    def once() -> float:
        address = f"{uuid.uuid4().hex}@people.example"
        entry = {"EventBusName": "benchmark", "Source": "benchmark", "DetailType": "UserRegistered"}
        begin = perf_counter()
        events.put_events(Entries=[entry | {"Detail": json.dumps({"address": address})}])
        outbox.wait_for(recipient=address)
        return (perf_counter() - begin) * 1000

    return once


def worked_ms(target: Target) -> float:
    """Processor time of the engine and its functions until now."""
    engine = psutil.Process(target.harness.ready()["pid"])
    times = [process.cpu_times() for process in (engine, *engine.children(recursive=True))]
    return sum(t.user + t.system for t in times) * 1000


def main(samples: int) -> None:
    with running_engine(HARNESS_JOURNAL="on") as recording, running_engine(HARNESS_JOURNAL="off") as silent:
        with_journal, without = flow(recording), flow(silent)
        figures: tuple[list[float], list[float]] = ([], [])
        work: tuple[list[float], list[float]] = ([], [])
        for sample in range(samples + WARM_UP):
            # The order changes, because the first one meets the load that the other left behind.
            order = [(with_journal, recording, 0), (without, silent, 1)]
            for run, target, index in order if sample % 2 else reversed(order):
                before = worked_ms(target)
                milliseconds = run()
                if sample >= WARM_UP:
                    figures[index].append(milliseconds)
                    work[index].append(worked_ms(target) - before)
    show(
        [
            Figure("PutEvents to mail, with the journal", figures[0], "ms"),
            Figure("PutEvents to mail, without", figures[1], "ms"),
            Figure("processor time of it, with the journal", work[0], "ms"),
            Figure("processor time of it, without", work[1], "ms"),
        ]
    )
    ratio = statistics.median(figures[0]) / statistics.median(figures[1])
    print(
        f"ratio of the medians: {ratio:.3f} (aim <= 1.05); of processor time in all: {sum(work[0]) / sum(work[1]):.3f}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
