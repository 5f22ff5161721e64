"""How long an invocation takes: `python benchmarks/lambda_invoke.py [N]` (N samples of each figure, default 30).

Runs against the engine that `harness up` started, else against one of its own. All figures are what the caller sees, in
milliseconds: the HTTP request, LocalStack's part and the function. A cold start is the first event of a new function.
The asynchronous figure ends when the handler begins, by the machine's one clock.
"""

import io
import json
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent))

from measure import Figure, show, timed_ms

from harness.project import Project

PLAIN = "def handler(event, context): return event\n"
WITH_BOTO3 = 'import boto3\nsqs = boto3.client("sqs")\ndef handler(event, context): return event\n'
SEND_TIME = """
import boto3, time
sqs = boto3.client("sqs")
def handler(event, context):
    began = time.time()
    sqs.send_message(QueueUrl=event["queue"], MessageBody=str((began - event["sent"]) * 1000))
"""


@dataclass(frozen=True)
class Functions:
    client: Any
    made: list[str]

    def make(self, source: str) -> str:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as into:
            into.writestr("index.py", source)
        name = f"benchmark-{uuid4().hex[:12]}"
        self.client.create_function(
            FunctionName=name,
            Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            Handler="index.handler",
            Role="arn:aws:iam::000000000000:role/benchmark",
            Code={"ZipFile": packed.getvalue()},
            MemorySize=512,
        )
        self.made.append(name)
        self.client.get_waiter("function_active_v2").wait(FunctionName=name)
        return name

    def invoke(self, name: str) -> None:
        answer = self.client.invoke(FunctionName=name, Payload=b"{}")
        if "FunctionError" in answer:
            raise SystemExit(f"{name} failed: {answer['Payload'].read().decode()}")
        answer["Payload"].read()


def cold(functions: Functions, source: str, samples: int) -> list[float]:
    # Made first, so that no figure holds the work of making one.
    names = [functions.make(source) for _ in range(samples)]
    return [timed_ms(lambda name=name: functions.invoke(name)) for name in names]


def warm(functions: Functions, samples: int) -> list[float]:
    name = functions.make(WITH_BOTO3)
    functions.invoke(name)
    return [timed_ms(lambda: functions.invoke(name)) for _ in range(samples)]


def created(functions: Functions, samples: int) -> list[float]:
    return [timed_ms(lambda: functions.make(PLAIN)) for _ in range(samples)]


def asynchronous(functions: Functions, sqs: Any, samples: int) -> list[float]:
    """From the call to the handler's first line, warm."""
    queue = sqs.create_queue(QueueName=f"benchmark-{uuid4().hex[:12]}")["QueueUrl"]
    name = functions.make(SEND_TIME)

    def send() -> float:
        payload = json.dumps({"queue": queue, "sent": time.time()})
        functions.client.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
        [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
        return float(message["Body"])

    try:
        send()
        return [send() for _ in range(samples)]
    finally:
        sqs.delete_queue(QueueUrl=queue)


def main(samples: int) -> None:
    project = Project.load(Path.cwd())
    started = not project.engine.is_alive()
    target = project.engine.start()
    functions = Functions(target.client("lambda"), [])
    try:
        functions.invoke(functions.make(WITH_BOTO3))  # starts the zygote
        show(
            [
                Figure("create a function until it is active", created(functions, samples), "ms"),
                Figure("cold, without boto3", cold(functions, PLAIN, samples), "ms", "aim: under 250"),
                Figure("cold, with a boto3 client", cold(functions, WITH_BOTO3, samples), "ms", "aim: under 250"),
                Figure("warm", warm(functions, samples), "ms", "aim: under 15"),
                Figure("asynchronous, call to handler", asynchronous(functions, target.client("sqs"), samples), "ms"),
            ]
        )
    finally:
        for name in functions.made:
            functions.client.delete_function(FunctionName=name)
        if started:
            project.engine.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
