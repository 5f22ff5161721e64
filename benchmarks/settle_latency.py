"""Latency of `settle()` after the last real work: from the last record of a flow to the return.

    .venv/bin/python benchmarks/settle_latency.py [samples]

Starts an engine. The last real work is the newest record that belongs to the flow, by the machine's clock; aim: under
20 ms in the median. The first sample of each flow is skipped: it also requests the consumers of a queue.
"""

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from measure import Figure, show
from resources import Resources, running_engine

from harness import Flow, Target
from harness.flow import Flows

WARM_UP = 2
QUIET = "def handler(event, context): return event\n"
WRITES = """
import boto3
table = boto3.client("dynamodb")
def handler(event, context):
    table.put_item(TableName="benchmark-written", Item={"id": {"S": context.aws_request_id}})
"""


def stimuli(target: Target) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What begins a flow, by the name of the flow."""
    made = Resources(target)
    client = made.client
    made.table("benchmark-written")
    writes, quiet = made.function(WRITES), made.function(QUIET)

    parked, _ = made.queue()
    yield "a message that nobody consumes", lambda: client("sqs").send_message(QueueUrl=parked, MessageBody="x")

    invoke = {"FunctionName": writes, "Payload": b"{}"}
    yield "Lambda → DynamoDB", lambda: client("lambda").invoke(**invoke)
    yield "Lambda, asynchronous → DynamoDB", lambda: client("lambda").invoke(**invoke, InvocationType="Event")

    url, arn = made.queue()
    made.consume(arn, writes)
    yield "SQS → Lambda → DynamoDB", lambda: client("sqs").send_message(QueueUrl=url, MessageBody="x")

    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    table = made.table("benchmark-streamed", StreamSpecification=stream)
    made.consume(table["LatestStreamArn"], quiet, StartingPosition="LATEST")
    item = {"id": {"S": "x"}}
    yield (
        "DynamoDB → stream → Lambda",
        lambda: client("dynamodb").put_item(
            TableName="benchmark-streamed", Item=item | {"at": {"S": uuid.uuid4().hex}}
        ),
    )

    events = client("events")
    events.put_rule(Name="benchmark", EventPattern='{"source": ["benchmark"]}')
    events.put_targets(Rule="benchmark", Targets=[{"Id": "function", "Arn": writes}])
    made.permit(writes, "events.amazonaws.com")
    entries = [{"Source": "benchmark", "DetailType": "made", "Detail": "{}"}]
    yield "EventBridge → Lambda → DynamoDB", lambda: client("events").put_events(Entries=entries)
    yield "ten events → Lambda → DynamoDB", lambda: client("events").put_events(Entries=entries * 10)


def last_record(flow: Flow) -> float:
    return max(record.at for activity in flow.activities for record in (activity.begin, activity.ended) if record)


def sample(flows: Flows, stimulate: Callable[[], Any]) -> float:
    """Milliseconds from the last record to the return."""
    with flows.flow() as flow:
        stimulate()
    flow.settle()
    returned = time.time()
    try:
        return (returned - last_record(flow)) * 1000
    finally:
        flows.release(flow)


def main(samples: int) -> None:
    with running_engine() as target:
        flows = Flows(target)
        flows.open()
        figures = []
        for name, stimulate in stimuli(target):
            taken = [sample(flows, stimulate) for _ in range(samples + WARM_UP)][WARM_UP:]
            figures.append(Figure(name, taken, "ms", "aim < 20 (median)"))
        flows.close()
    show(figures)
    print(f"median of all: {Figure('', [t for f in figures for t in f.samples], '').median:.1f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
