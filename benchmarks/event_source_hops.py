"""Latency of an event source mapping: from the response of the call that puts the event to the start of the invocation.
Also the processor time of an idle engine with such mappings.

    .venv/bin/python benchmarks/event_source_hops.py [samples]

Starts an engine. Both times come from the engine's journal. Functions are warm. Aim: under 100 ms (median).
"""

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psutil
from measure import Figure, show
from resources import Resources, running_engine

from harness import Flow, Kind, Target
from harness.flow import Flows

WARM_UP = 3
IDLE_SECONDS = 20
AIM = "aim < 100 (median)"
QUIET = "def handler(event, context): return None\n"


def hops(target: Target) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Name, operation that puts, and the call."""
    made = Resources(target)
    quiet = made.function(QUIET)

    url, arn = made.queue()
    made.consume(arn, quiet)
    yield "SQS → Lambda", "SendMessage", lambda: made.client("sqs").send_message(QueueUrl=url, MessageBody="x")

    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    table = made.table("benchmark-hops", StreamSpecification=stream)
    made.consume(table["LatestStreamArn"], quiet, StartingPosition="LATEST")
    yield (
        "DynamoDB stream → Lambda",
        "PutItem",
        lambda: made.client("dynamodb").put_item(
            TableName="benchmark-hops", Item={"id": {"S": "x"}, "at": {"S": uuid.uuid4().hex}}
        ),
    )

    kinesis = made.client("kinesis")
    kinesis.create_stream(StreamName="benchmark-hops", ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName="benchmark-hops")
    described = kinesis.describe_stream_summary(StreamName="benchmark-hops")["StreamDescriptionSummary"]
    made.consume(described["StreamARN"], quiet, StartingPosition="LATEST")
    yield (
        "Kinesis → Lambda",
        "PutRecord",
        lambda: kinesis.put_record(StreamName="benchmark-hops", PartitionKey=uuid.uuid4().hex, Data=b"{}"),
    )


def sample(flows: Flows, operation: str, put: Callable[[], Any]) -> float:
    """Milliseconds from the event to the invocation."""
    with flows.flow() as flow:
        put()
    flow.settle()
    try:
        return (_invoked(flow) - _answered(flow, operation)) * 1000
    finally:
        flows.release(flow)


def _answered(flow: Flow, operation: str) -> float:
    [call] = flow.find(Kind.CALL, name=operation)
    assert call.ended is not None
    return call.ended.at


def _invoked(flow: Flow) -> float:
    [invocation] = flow.find(Kind.INVOCATION)
    return invocation.begin.at


def idle_cpu(target: Target) -> float:
    """Percent of one core, of the engine and what it started."""
    engine = psutil.Process(int(target.harness.ready()["pid"]))
    processes = [engine, *engine.children(recursive=True)]
    before = sum(sum(process.cpu_times()[:2]) for process in processes)
    time.sleep(IDLE_SECONDS)
    return (sum(sum(process.cpu_times()[:2]) for process in processes) - before) / IDLE_SECONDS * 100


def main(samples: int) -> None:
    with running_engine() as target:
        flows = Flows(target)
        flows.open()
        figures = []
        for name, operation, put in hops(target):
            taken = [sample(flows, operation, put) for _ in range(samples + WARM_UP)][WARM_UP:]
            figures.append(Figure(name, taken, "ms", AIM))
        flows.close()
        figures.append(Figure("idle engine, three mappings", [idle_cpu(target)], "%"))
    show(figures)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
