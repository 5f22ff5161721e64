"""Work for another thread or a pool: it keeps the cause that it has here, and is in progress until it ends.

So a flow with nothing in progress has nothing to come, whatever a service does after its response.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from localstack.services.sns import executor as sns_executor
from localstack.services.sns.executor import TopicPartitionedThreadPoolExecutor

from harness.emulator.host.idle_threads import serve_pool
from harness.emulator.journal.causes import CAUSE, Cause, doing
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import patched
from harness.journal.records import Kind

P = ParamSpec("P")
R = TypeVar("R")

LONG_LIVED = (
    "cloudwatch-scheduler",
    "ddb-remove-expired-items",
    "event-source-mapping-poller",
    "harness-deadlines",
    "harness-garbage",
    "harness-schedule",
    "lambda-poller",
    "lambda-watch",
    "log_handler",
    "sqs-",
)
"""Names of threads that work for all requests, whichever request started them."""
BOOKKEEPING = ("record-cloudwatch-metric", "sqs-metrics-cloudwatch-dispatcher")
"""Names of threads and pools that count what happens; nothing comes of it at once."""
WITHIN: ContextVar[int | None] = ContextVar("harness_within", default=None)
"""The work that this thread does. What waits in it is known to hold it up."""
POOL_THREADS = (serve_pool, sns_executor._worker)
"""What the threads of a pool run: they stay, and their tasks are known by themselves."""


class Work:
    """A function that was handed over."""

    def __init__(self, function: Callable[P, R], name: str, cause: Cause) -> None:
        self._function: Callable[P, R] | None = function
        self._name = name
        self._cause = cause
        within = WITHIN.get()
        data = {} if within is None else {"within": within}
        self._begun = JOURNAL.begin(Kind.WORK, service="engine", name=name, data=data)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # It runs once. A thread that has ended may be kept, and would keep what it worked on.
        function, self._function = self._function, None
        assert function is not None, f"{self._name} runs a second time"
        token = WITHIN.set(self._begun.activity)
        try:
            with doing(self._cause):
                return function(*args, **kwargs)
        finally:
            WITHIN.reset(token)
            self.end()

    def end(self) -> None:
        JOURNAL.end(Kind.WORK, self._begun, service="engine", name=self._name)


def handed_over(function: Callable[P, R], name: str) -> Callable[P, R]:
    """The function as it will run elsewhere; itself where nothing recorded has caused it."""
    cause = CAUSE.get()
    if cause is None or not JOURNAL.enabled or name.startswith(BOOKKEEPING):
        return function
    return Work(function, name, cause)


def install() -> None:
    @patched(ThreadPoolExecutor.submit, because="causes travel with work that is handed to threads and pools")
    def submit(original: Any, self: Any, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        work = handed_over(function, self._thread_name_prefix)
        submitted: Future[Any] = original(self, work, *args, **kwargs)
        if isinstance(work, Work):
            # A pool that is shut down cancels what it has not begun.
            submitted.add_done_callback(lambda done: work.end() if done.cancelled() else None)
        return submitted

    @patched(
        TopicPartitionedThreadPoolExecutor.submit, because="causes travel with work that is handed to threads and pools"
    )
    def submit_in_order(original: Any, self: Any, function: Any, topic: Any, /, *args: Any, **kwargs: Any) -> None:
        original(self, handed_over(function, "sns-fifo"), topic, *args, **kwargs)

    @patched(threading.Thread.start, because="causes travel with work that is handed to threads and pools")
    def start(original: Any, self: Any) -> None:
        # A timer is no work yet; the code that sets it records what it will do.
        stays = isinstance(self, threading.Timer) or getattr(self, "_target", None) in POOL_THREADS
        if not stays and not self.name.startswith(LONG_LIVED):
            self.run = handed_over(self.run, self.name)
        original(self)
