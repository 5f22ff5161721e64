"""How long an invocation takes: `python benchmarks/lambda_invoke.py [N]` (N samples of each figure, default 30).

Starts a separate engine. The times are what the caller sees, in milliseconds: the HTTP request, LocalStack's part and
the function. A cold start is the first event of a new function. The asynchronous figure ends when the handler begins;
both times are from the machine's clock. The work is the engine's processor time, over a run of warm invocations.
"""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent))

from measure import Figure, show, timed_ms
from resources import Resources, running_engine

from harness import Target

PLAIN = "def handler(event, context): return event\n"
WITH_BOTO3 = 'import boto3\nsqs = boto3.client("sqs")\ndef handler(event, context): return event\n'
PRINTING = "def handler(event, context): print(event)\n"
SEND_TIME = """
import boto3, time
sqs = boto3.client("sqs")
def handler(event, context):
    began = time.time()
    sqs.send_message(QueueUrl=event["queue"], MessageBody=str((began - event["sent"]) * 1000))
"""


@dataclass(frozen=True)
class Functions:
    resources: Resources
    client: Any

    def make(self, source: str) -> str:
        return self.resources.function(source)

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
    queue, _ = functions.resources.queue()
    name = functions.make(SEND_TIME)

    def send() -> float:
        payload = json.dumps({"queue": queue, "sent": time.time()})
        functions.client.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
        [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
        return float(message["Body"])

    send()
    return [send() for _ in range(samples)]


def work(functions: Functions, target: Target, samples: int) -> list[float]:
    """Processor time of the engine for a warm invocation, the mean of ten for each sample."""
    engine = psutil.Process(int(target.harness.ready()["pid"]))
    name = functions.make(PRINTING)

    def ten() -> float:
        before = sum(engine.cpu_times()[:2])
        for _ in range(10):
            functions.invoke(name)
        return (sum(engine.cpu_times()[:2]) - before) * 100

    ten()
    return [ten() for _ in range(samples)]


def main(samples: int) -> None:
    with running_engine() as target:
        functions = Functions(Resources(target), target.client("lambda"))
        functions.invoke(functions.make(WITH_BOTO3))  # starts the zygote
        show(
            [
                Figure("create a function until it is active", created(functions, samples), "ms"),
                Figure("cold, without boto3", cold(functions, PLAIN, samples), "ms", "aim: under 250"),
                Figure("cold, with a boto3 client", cold(functions, WITH_BOTO3, samples), "ms", "aim: under 250"),
                Figure("warm", warm(functions, samples), "ms", "aim: under 15"),
                Figure("asynchronous, call to handler", asynchronous(functions, target.client("sqs"), samples), "ms"),
                Figure("engine's work for one, warm", work(functions, target, samples), "ms"),
            ]
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
