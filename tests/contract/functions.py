"""Makes functions of a few lines, and removes them with what they wrote."""

import base64
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import dedent
from typing import Any
from uuid import uuid4

import pytest

ROLE = "arn:aws:iam::000000000000:role/contract"
LOG_SECONDS = 15.0


def archive(files: dict[str, str]) -> bytes:
    """A zip of these files by path; each may be run, as a bootstrap must."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        for path, source in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = 0o755 << 16
            into.writestr(entry, dedent(source).lstrip())
    return packed.getvalue()


@dataclass(frozen=True)
class Result:
    """What an invocation answered: the result or error, whether it is one, and the end of its log."""

    payload: Any
    error: str | None
    log: str

    @property
    def report(self) -> str:
        return next(line for line in self.log.splitlines() if line.startswith("REPORT"))


@dataclass(frozen=True)
class Function:
    name: str
    client: Any

    def invoke(self, event: Any = None, **options: Any) -> Result:
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event), LogType="Tail", **options)
        return Result(
            payload=json.loads(answer["Payload"].read()),
            error=answer.get("FunctionError"),
            log=base64.b64decode(answer["LogResult"]).decode(),
        )

    def send(self, event: Any) -> str:
        """Invoke it asynchronously; the id of the request."""
        answer = self.client.invoke(FunctionName=self.name, InvocationType="Event", Payload=json.dumps(event))
        assert answer["StatusCode"] == 202
        return str(answer["ResponseMetadata"]["RequestId"])

    def update(self, source: str, path: str = "index.py") -> None:
        self.client.update_function_code(FunctionName=self.name, ZipFile=archive({path: source}))
        self.client.get_waiter("function_updated_v2").wait(FunctionName=self.name)


MakeFunction = Callable[..., Function]


@pytest.fixture
def function(aws: Callable[[str], Any]) -> Iterator[MakeFunction]:
    """`function(source)`: a Python function; `path` and the options of CreateFunction say otherwise."""
    client = aws("lambda")
    made: list[str] = []

    def make(source: str | dict[str, str], path: str = "index.py", **options: Any) -> Function:
        name = f"contract-{uuid4().hex[:12]}"
        client.create_function(
            **{
                "FunctionName": name,
                "Runtime": "python3.11",
                "Handler": "index.handler",
                "Role": ROLE,
                "Code": {"ZipFile": archive(source if isinstance(source, dict) else {path: source})},
                "Timeout": 20,
            }
            | options
        )
        made.append(name)
        client.get_waiter("function_active_v2").wait(FunctionName=name)
        return Function(name, client)

    yield make
    for name in made:
        client.delete_function(FunctionName=name)


@pytest.fixture
def queue(aws: Callable[[str], Any]) -> Iterator[Any]:
    """A queue with its `url`, `arn` and `receive()`, which waits for one message."""
    made = Queue(aws("sqs"))
    yield made
    made.client.delete_queue(QueueUrl=made.url)


class Queue:
    def __init__(self, client: Any) -> None:
        self.client = client
        self.url = client.create_queue(QueueName=f"contract-{uuid4().hex[:12]}")["QueueUrl"]
        attributes = client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        self.arn = attributes["Attributes"]["QueueArn"]
        everyone = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": self.arn}
        policy = {"Version": "2012-10-17", "Statement": [everyone]}
        client.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": json.dumps(policy)})

    def receive(self, seconds: int = 20) -> dict[str, Any]:
        """The next message, taken out of the queue."""
        answer = self.client.receive_message(QueueUrl=self.url, WaitTimeSeconds=seconds, MessageAttributeNames=["All"])
        assert answer.get("Messages"), f"no message came to {self.url} within {seconds} seconds"
        message: dict[str, Any] = answer["Messages"][0]
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return message


def log_lines(aws: Callable[[str], Any], log_group: str, until: Callable[[list[str]], bool]) -> list[str]:
    """The lines of a log group as soon as `until(lines)` holds; they are written after the response."""
    logs = aws("logs")
    deadline = time.monotonic() + LOG_SECONDS
    lines: list[str] = []
    while time.monotonic() < deadline:
        try:
            lines = [event["message"] for event in logs.filter_log_events(logGroupName=log_group)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            continue
        if until(lines):
            return lines
    raise AssertionError(f"the log {log_group} did not come to what was expected; it holds {lines}")
