"""Makes a function's invocation the cause of what its log triggers (log subscriptions).

One thread of Lambda's writes the logs of all functions, an item after the other; each item brings its cause along.
"""

from queue import Queue
from typing import Any

from localstack.services.lambda_.invocation.logs import LogHandler

from harness.emulator.journal.causes import CAUSE
from harness.emulator.patches import patched


class _Items(Queue[Any]):
    """Lines to write, each with the cause that was in force when they were put here."""

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put((CAUSE.get(), item), block, timeout)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        cause, item = super().get(block, timeout)
        CAUSE.set(cause)
        return item


def install() -> None:
    @patched(LogHandler.__init__, because="what logs of functions trigger has its invocation as cause")
    def init(original: Any, self: Any, *args: Any, **options: Any) -> None:
        original(self, *args, **options)
        self.log_queue = _Items()
