"""The cost of running a service's operations one at a time: calls a second with and without, one client and eight.

    .venv/bin/python benchmarks/store_locks.py [rounds]

Starts two engines that take turns (`HARNESS_MONITORS=off` removes the locks of the stores in one of them). Prints calls
a second of both, the ratio of their medians (aim: at least 0.95), and the engines' processor time for a call.
"""

import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import psutil
from measure import Figure, show
from resources import Resources, running_engine

from harness import Target

CALLS = 80
CLIENTS = (1, 8)


def calls(target: Target) -> dict[str, Callable[[], object]]:
    made = Resources(target)
    made.table("benchmark")
    db, sqs = target.client("dynamodb"), target.client("sqs")
    url, _ = made.queue()
    item = {"id": {"S": "one"}, "text": {"S": "x" * 200}}
    return {
        "PutItem": lambda: db.put_item(TableName="benchmark", Item=item),
        "GetItem": lambda: db.get_item(TableName="benchmark", Key={"id": {"S": "one"}}),
        "SendMessage": lambda: sqs.send_message(QueueUrl=url, MessageBody="x" * 200),
    }


def a_second(call: Callable[[], object], clients: int) -> float:
    def one(_number: int) -> None:
        for _ in range(CALLS // clients):
            call()

    with ThreadPoolExecutor(clients) as pool:
        begin = perf_counter()
        list(pool.map(one, range(clients)))
        return CALLS / (perf_counter() - begin)


def worked_ms(target: Target) -> float:
    times = psutil.Process(target.harness.ready()["pid"]).cpu_times()
    return (times.user + times.system) * 1000


def main(rounds: int) -> None:
    with running_engine(HARNESS_MONITORS="on") as alone, running_engine(HARNESS_MONITORS="off") as together:
        sides = [(alone, calls(alone)), (together, calls(together))]
        figures: dict[tuple[str, int], tuple[list[float], list[float]]] = {
            (name, clients): ([], []) for name in sides[0][1] for clients in CLIENTS
        }
        worked = {key: [0.0, 0.0] for key in figures}
        for number in range(rounds + 1):
            for name, clients in figures:
                for side in (0, 1) if number % 2 else (1, 0):
                    target, ours = sides[side]
                    before = worked_ms(target)
                    rate = a_second(ours[name], clients)
                    if number:  # the first warms up
                        figures[name, clients][side].append(rate)
                        worked[name, clients][side] += worked_ms(target) - before
    shown = []
    for (name, clients), (one, many) in figures.items():
        shown += [
            Figure(f"{name}, {clients} at a time: one by one", one, "/s"),
            Figure(f"{name}, {clients} at a time: as they come", many, "/s"),
        ]
    show(shown)
    for (name, clients), (one, many) in figures.items():
        ratio = statistics.median(one) / statistics.median(many)
        work = worked[name, clients]
        print(f"{name}, {clients} at a time: ratio {ratio:.3f} (aim >= 0.95); processor time {work[0] / work[1]:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
