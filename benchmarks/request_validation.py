"""The cost of validating requests against their models: GetItem with and without it, on two engines that take turns.

    .venv/bin/python benchmarks/request_validation.py [rounds]

Starts both engines; in one of them the table of unchecked services holds every service. A round is a second of GetItem
on each engine, in alternating order. Prints calls a second and the engine's processor time for one call, with their
ratios (aim: 3 % at most), and the time of one check.
"""

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import psutil
from resources import Resources, running_engine

from harness import Target

SECONDS = 1.0
WITHOUT_CHECKS = """
import harness.emulator.validation.model_corrections as corrections

class EveryService(dict):
    def __contains__(self, _service):
        return True

corrections.NOT_FROM_THE_MODEL = EveryService()
"""
KEY = {"id": {"S": "1"}}


@contextmanager
def engine_without_checks() -> Iterator[Target]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sitecustomize.py").write_text(WITHOUT_CHECKS)
        path = os.pathsep.join(part for part in (folder, os.environ.get("PYTHONPATH"), str(Path.cwd())) if part)
        with running_engine(PYTHONPATH=path) as target:
            yield target


def is_checked(target: Target) -> bool:
    from botocore.config import Config
    from botocore.exceptions import ClientError

    client = target.client("logs", config=Config(parameter_validation=False))
    try:
        client.create_log_group(logGroupName="no name")
    except ClientError:
        return True
    return False


def calls_in_a_second(client: Any, engine: psutil.Process) -> tuple[float, float]:
    """Calls in a second, and the milliseconds that the engine worked for each."""
    calls, begin, worked = 0, perf_counter(), worked_ms(engine)
    while perf_counter() - begin < SECONDS:
        client.get_item(TableName="benchmark", Key=KEY)
        calls += 1
    return calls / (perf_counter() - begin), (worked_ms(engine) - worked) / calls


def worked_ms(engine: psutil.Process) -> float:
    times = engine.cpu_times()
    return float(times.user + times.system) * 1000


def check_us() -> float:
    from localstack.aws.spec import load_service

    from harness.emulator.validation.constraints import checker_of

    check = checker_of(load_service("dynamodb").operation_model("GetItem"))
    request = {"TableName": "benchmark", "Key": KEY}
    begin = perf_counter()
    for _ in range(10_000):
        check(request)
    return (perf_counter() - begin) / 10_000 * 1e6


def main(rounds: int) -> None:
    with running_engine() as checking, engine_without_checks() as trusting:
        if not is_checked(checking) or is_checked(trusting):
            raise SystemExit("one engine should check requests, and the other should not")
        clients = []
        for target in (checking, trusting):
            made = Resources(target)
            made.table("benchmark")
            client = made.client("dynamodb")
            client.put_item(TableName="benchmark", Item=KEY)
            engine = psutil.Process(target.harness.ready()["pid"])
            calls_in_a_second(client, engine)
            clients.append((client, engine))
        samples: tuple[list[tuple[float, float]], list[tuple[float, float]]] = ([], [])
        for number in range(rounds):
            for index in (0, 1) if number % 2 else (1, 0):
                samples[index].append(calls_in_a_second(*clients[index]))
    print(f"{'':<24} {'with checks':>12} {'without':>12} {'ratio':>8}")
    for name, figure in (("GetItem in a second", 0), ("the engine's work, ms", 1)):
        pairs = [(a[figure], b[figure]) for a, b in zip(*samples, strict=True)]
        checked, trusted = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"{name:<24} {checked:12.2f} {trusted:12.2f} {ratio:8.3f}")
    print(f"one check: {check_us():.1f} us")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
