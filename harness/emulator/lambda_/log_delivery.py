"""Writes the log lines of functions straight into CloudWatch Logs' store.

LocalStack 4.14.0 sends it to itself as a PutLogEvents request with the role's keys, one for each invocation: a tenth of what
a busy engine does. And where the stream is new it asks for CreateLogGroup first, so that a role that may not create groups
never logs, even if its group exists; Lambda creates only what is not there. And each function has a thread for it; here
a few deliver what there is, the lines of a function in their order.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
"""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation.logs import LogHandler, LogItem
from localstack.services.plugins import SERVICE_PLUGINS

from harness.emulator.access.enforcement import role_may
from harness.emulator.access.operation import Operation
from harness.emulator.concurrency import monitor
from harness.emulator.controls.faults import FAULTS
from harness.emulator.journal.causes import doing
from harness.emulator.patches import patched

LOG = logging.getLogger(__name__)
MAX_THREADS = 16


class NotDeliveredError(Exception):
    """Why lines are lost. Lambda does not report it; here it is in the engine's log, and a denial in the journal."""


def install() -> None:
    deliveries = _Deliveries()

    @patched(
        LogHandler.start_subscriber,
        because="logs of functions go out as requests, and need permission to create groups that exist",
        source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
    )
    def start_subscriber(_original: Any, _self: Any) -> None:
        """Its thread comes with the first lines."""

    @patched(
        LogHandler.add_logs,
        because="logs of functions go out as requests, and need permission to create groups that exist",
        source="https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",
    )
    def add_logs(original: Any, self: Any, item: LogItem) -> None:
        original(self, item)
        deliveries.are_due(self)


class _Deliveries:
    """The handlers, one for each function, whose lines are being delivered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._served: set[int] = set()
        self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="log_handler")

    def are_due(self, handler: Any) -> None:
        with self._lock:
            if id(handler) in self._served or handler.log_queue.empty():
                return
            self._served.add(id(handler))
        # Each item brings its own cause.
        with doing(None):
            self._pool.submit(self._serve, handler)

    def _serve(self, handler: Any) -> None:
        with doing(None):
            while (item := self._next(handler)) is not None:
                try:
                    deliver(handler.role_arn, handler.region, item)
                except NotDeliveredError as error:
                    LOG.warning("Nothing is logged to %s in %s: %s", item.log_group, handler.region, error)
                except Exception:
                    # A subscription that cannot be invoked, say; the next lines may go well.
                    LOG.exception(
                        "The lines for %s in %s came to nothing, or not to all", item.log_group, handler.region
                    )

    def _next(self, handler: Any) -> LogItem | None:
        with self._lock:
            with suppress(Empty):
                if not handler._shutdown_event.is_set():
                    return handler.log_queue.get_nowait()
            self._served.discard(id(handler))
            return None


def deliver(role_arn: str, region: str, item: LogItem) -> None:
    """Write an invocation's lines, as the role may; what subscriptions do with them is done when it returns."""
    # Its own parts complete it when it loads.
    SERVICE_PLUGINS.require("logs")
    from localstack.services.logs.models import get_moto_logs_backend
    from moto.logs.exceptions import ResourceAlreadyExistsException

    account_id = role_arn.split(":")[4]
    group, stream = {"logGroupName": item.log_group}, {"logStreamName": item.log_stream}
    now = int(time.time() * 1000)
    # CloudWatch Logs takes no empty lines.
    events = [{"timestamp": now, "message": f"{line}\n"} for line in item.logs.split("\n") if line]
    backend = get_moto_logs_backend(account_id, region)

    def ask(name: str, parameters: dict[str, Any]) -> None:
        if not role_may(role_arn, Operation("logs", name, parameters, account_id, region)):
            raise NotDeliveredError(f"{role_arn} does not allow logs:{name}")
        if (fault := FAULTS.strike("logs", name, parameters)) is not None:
            raise NotDeliveredError(f"{name} met a fault of a test ({fault.code})")

    with monitor("logs"):
        # Of two environments that begin together, one comes second: a fault may hold up the other.
        with suppress(ResourceAlreadyExistsException):
            if item.log_group not in backend.groups:
                ask("CreateLogGroup", group)
                backend.create_log_group(item.log_group, {})
        with suppress(ResourceAlreadyExistsException):
            if item.log_stream not in backend.groups[item.log_group].streams:
                ask("CreateLogStream", group | stream)
                backend.create_log_stream(item.log_group, item.log_stream)
        ask("PutLogEvents", {**group, **stream, "logEvents": events})
        if backend.filters.metric_filters:
            # LocalStack applies them where the request comes in.
            logs = connect_to(aws_access_key_id=account_id, region_name=region).logs
            logs.put_log_events(**group, **stream, logEvents=events)
        else:
            backend.put_log_events(item.log_group, item.log_stream, events)
