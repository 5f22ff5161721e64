"""The metrics of queues and functions, written into CloudWatch's store where they are measured.

LocalStack 4.14.0 sends each of them to itself as a PutMetricData request, four for a message and one for an empty poll, and
CloudWatch's store commits each by itself: a third of what a busy engine does. Here they wait in memory until a client reads
metrics, and are written in one transaction.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

import sqlite3
import threading
import time
from collections.abc import Iterable
from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched, replaced

MAX_WAITING = 10_000
"""When so many wait, all are written, even without a reader: about 3 MB."""

Row = tuple[str, str, str, str, int, str, str | None, None, float]
"""A row of CloudWatch's store: account, region, name, namespace, time in seconds, dimensions, unit, resolution, value."""


class ServiceMetrics:
    """What was measured and is not in CloudWatch's store yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Row] = []

    def add(
        self,
        account_id: str,
        region: str,
        namespace: str,
        dimension: tuple[str, str],
        measured: Iterable[tuple[str, float, str | None]],
    ) -> None:
        """Note name, value and unit of what was measured just now."""
        now = int(time.time())
        # As CloudWatch's store writes dimensions.
        dimensions = "{}={}\t".format(*dimension)
        with self._lock:
            self._waiting += [
                (account_id, region, name, namespace, now, dimensions, unit, None, value)
                for name, value, unit in measured
            ]
            many = len(self._waiting) >= MAX_WAITING
        if many:
            self.write()

    def write(self) -> None:
        """Put what waits into CloudWatch's store."""
        from localstack.services.cloudwatch.cloudwatch_database_helper import CloudwatchDatabase

        with self._lock:
            rows, self._waiting = self._waiting, []
            if not rows:
                return
            # It makes the store where CloudWatch was not called yet.
            with sqlite3.connect(CloudwatchDatabase().METRICS_DB) as connection:
                connection.executemany(
                    f"INSERT INTO {CloudwatchDatabase.TABLE_SINGLE_METRICS} (account_id, region, metric_name, namespace, "
                    "timestamp, dimensions, unit, storage_resolution, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    rows,
                )
            connection.close()

    def forget(self) -> None:
        with self._lock:
            self._waiting = []


METRICS = ServiceMetrics()


def install() -> None:
    when_loaded("sqs", _of_queues)
    when_loaded("lambda", _of_functions)
    when_loaded("cloudwatch", _written_before_they_are_read)


def _of_queues() -> None:
    from localstack.services.sqs import provider

    @patched(
        provider.CloudwatchDispatcher.dispatch_sqs_metric,
        because="LocalStack sends each metric of a service to itself as a request",
    )
    def dispatch(
        original: Any,  # noqa: ARG001
        self: Any,
        account_id: str,
        region: str,
        queue_name: str,
        metric: str,
        value: float = 1,
        unit: str = "Count",
    ) -> None:
        if self.running:
            METRICS.add(account_id, region, "AWS/SQS", ("QueueName", queue_name), [(metric, value, unit)])

    def publish(account_id: str, region: str, sqs_metric_batch_data: list[dict[str, Any]]) -> None:
        for data in sqs_metric_batch_data:
            measured = (data["MetricName"], data.get("Value", 1), data.get("Unit", "Count"))
            METRICS.add(account_id, region, "AWS/SQS", ("QueueName", data["QueueName"]), [measured])

    replaced(
        provider,
        "publish_sqs_metric_batch",
        publish,
        because="LocalStack sends each metric of a service to itself as a request",
    )


def _of_functions() -> None:
    from localstack.services.lambda_.invocation import version_manager

    def invoked(function_name: str, account_id: str, region_name: str) -> None:
        _invoked(function_name, account_id, region_name, errors=0)

    def failed(function_name: str, account_id: str, region_name: str) -> None:
        _invoked(function_name, account_id, region_name, errors=1)

    replaced(
        version_manager,
        "record_cw_metric_invocation",
        invoked,
        because="LocalStack sends each metric of a service to itself as a request",
    )
    replaced(
        version_manager,
        "record_cw_metric_error",
        failed,
        because="LocalStack sends each metric of a service to itself as a request",
    )
    start_thread = version_manager.start_thread

    def start(function: Any, *args: Any, name: str | None = None, **keywords: Any) -> Any:
        if name is not None and name.startswith("record-cloudwatch-metric"):
            # One each time, to wait for the answer of the request.
            return function()
        return start_thread(function, *args, name=name, **keywords)

    replaced(
        version_manager,
        "start_thread",
        start,
        because="LocalStack sends each metric of a service to itself as a request",
    )


def _invoked(function_name: str, account_id: str, region: str, *, errors: int) -> None:
    # AWS counts both for every invocation; an error rate divides one by the other.
    measured = [("Invocations", 1.0, "Count"), ("Errors", float(errors), "Count")]
    METRICS.add(account_id, region, "AWS/Lambda", ("FunctionName", function_name), measured)


def _written_before_they_are_read() -> None:
    from localstack.services.cloudwatch.cloudwatch_database_helper import CloudwatchDatabase

    for read in (
        CloudwatchDatabase.get_units_for_metric_data_stat,
        CloudwatchDatabase.get_metric_data_stat,
        CloudwatchDatabase.list_metrics,
        CloudwatchDatabase.get_all_metric_data,
    ):
        patched(read, because="metrics that wait in memory are written before they are read")(_after_writing)

    @patched(CloudwatchDatabase.clear_tables, because="a reset forgets the metrics that wait in memory, too")
    def clear(original: Any, self: Any) -> None:
        METRICS.forget()
        original(self)


def _after_writing(original: Any, *arguments: Any, **keywords: Any) -> Any:
    METRICS.write()
    return original(*arguments, **keywords)
