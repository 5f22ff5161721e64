"""How long `settle()` takes beyond the last real work: from the last record of a flow to the return.

    .venv/bin/python benchmarks/settle_latency.py [samples]

Starts an engine itself. The last real work is the newest record that belongs to the flow, by the machine's one clock; aim:
under 20 ms in the median. The first sample of each flow is left out: it is the one that asks who consumes a queue.
"""

import json
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from measure import Figure, show

from harness.engine import EmbeddedEngine, Target
from harness.engine.ports import any_free_port
from harness.flow import Flow, Flows

WARM_UP = 2
QUIET = "def handler(event, context): return event\n"
WRITES = """
import boto3
table = boto3.client("dynamodb")
def handler(event, context):
    table.put_item(TableName="benchmark-written", Item={"id": {"S": context.aws_request_id}})
"""
TRUST = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}], "Version": "2012-10-17"}
RIGHTS = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}], "Version": "2012-10-17"}


class Stacks:
    """What the flows go through."""

    def __init__(self, target: Target) -> None:
        self.client: Callable[[str], Any] = target.client
        iam = self.client("iam")
        self.role = iam.create_role(RoleName="benchmark", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.put_role_policy(RoleName="benchmark", PolicyName="all", PolicyDocument=json.dumps(RIGHTS))

    def function(self, source: str) -> str:
        name = f"benchmark-{uuid.uuid4().hex[:8]}"
        code = BytesIO()
        with ZipFile(code, "w") as archive:
            archive.writestr("index.py", source)
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            Handler="index.handler",
            Role=self.role,
            Code={"ZipFile": code.getvalue()},
        )
        self.client("lambda").get_waiter("function_active_v2").wait(FunctionName=name)
        return str(made["FunctionArn"])

    def queue(self) -> tuple[str, str]:
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=f"benchmark-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def consume(self, source: str, function: str, **options: Any) -> None:
        made = self.client("lambda").create_event_source_mapping(
            EventSourceArn=source, FunctionName=function, **options
        )
        while self.client("lambda").get_event_source_mapping(UUID=made["UUID"])["State"] != "Enabled":
            time.sleep(0.05)

    def table(self, name: str, **options: Any) -> dict[str, Any]:
        described: dict[str, Any] = self.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            **options,
        )["TableDescription"]
        return described


def stimuli(target: Target) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What begins a flow, by the name of the flow."""
    stacks = Stacks(target)
    client = stacks.client
    stacks.table("benchmark-written")
    writes, quiet = stacks.function(WRITES), stacks.function(QUIET)

    parked, _ = stacks.queue()
    yield "a message that nobody consumes", lambda: client("sqs").send_message(QueueUrl=parked, MessageBody="x")

    invoke = {"FunctionName": writes, "Payload": b"{}"}
    yield "Lambda → DynamoDB", lambda: client("lambda").invoke(**invoke)
    yield "Lambda, asynchronous → DynamoDB", lambda: client("lambda").invoke(**invoke, InvocationType="Event")

    url, arn = stacks.queue()
    stacks.consume(arn, writes)
    yield "SQS → Lambda → DynamoDB", lambda: client("sqs").send_message(QueueUrl=url, MessageBody="x")

    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    table = stacks.table("benchmark-streamed", StreamSpecification=stream)
    stacks.consume(table["LatestStreamArn"], quiet, StartingPosition="LATEST")
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
    client("lambda").add_permission(
        FunctionName=writes, StatementId="rule", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
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


@contextmanager
def engine() -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as folder:
        own = EmbeddedEngine(Path(folder), port=any_free_port())
        try:
            yield own.start()
        finally:
            own.stop()


def main(samples: int) -> None:
    with engine() as target:
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
