"""Bounds how many execution environments wait for their next event.

AWS ends an environment that has been idle for a while, without saying for how long
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html). LocalStack 4.14.0 does so after
LAMBDA_KEEPALIVE_MS, ten minutes; a burst leaves the processes of its busiest moment until then. Here the one that has been
idle for the longest ends when there are more than MAX_IDLE, or fewer where file handles are scarce.
"""

import resource
import threading
from collections import OrderedDict
from typing import Any

from localstack.services.lambda_.invocation import execution_environment
from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
from localstack.services.lambda_.invocation.lambda_models import InitializationType

from harness.emulator.host.deadlines import Deadline
from harness.emulator.patches import patched, replaced

MAX_IDLE = 64
HANDLES_EACH = 6
"""Two pipes, its connection to the Runtime API, and those of its SDK clients to the engine."""


def install() -> None:
    # One for each environment, for ten minutes.
    replaced(
        execution_environment,
        "Timer",
        Deadline,
        because="idle execution environments are kept for ten minutes without a bound",
        source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html",
    )
    idle = _Idle()

    @patched(
        ExecutionEnvironment.release,
        because="idle execution environments are kept for ten minutes without a bound",
        source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html",
    )
    def release(original: Any, self: Any) -> None:
        original(self)
        if self.initialization_type == InitializationType.on_demand:
            idle.add(self)

    @patched(
        ExecutionEnvironment.reserve,
        because="idle execution environments are kept for ten minutes without a bound",
        source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html",
    )
    def reserve(original: Any, self: Any) -> None:
        original(self)
        idle.discard(self)

    @patched(
        ExecutionEnvironment.stop,
        because="idle execution environments are kept for ten minutes without a bound",
        source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html",
    )
    def stop(original: Any, self: Any) -> None:
        idle.discard(self)
        original(self)


class _Idle:
    """The one that has been idle for the longest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._environments: OrderedDict[str, Any] = OrderedDict()

    def add(self, environment: Any) -> None:
        with self._lock:
            self._environments[environment.id] = environment
            surplus = [self._environments.popitem(last=False)[1] for _ in range(len(self._environments) - limit())]
        for each in surplus:
            # As when its time is over; in a thread, because the caller's event is handled.
            Deadline(0, each.keepalive_passed).start()

    def discard(self, environment: Any) -> None:
        with self._lock:
            self._environments.pop(environment.id, None)


def limit() -> int:
    handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if handles == resource.RLIM_INFINITY:
        return MAX_IDLE
    # A quarter of the handles at most.
    return max(1, min(MAX_IDLE, handles // 4 // HANDLES_EACH))
