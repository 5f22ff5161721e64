"""Processes a batch of a shard's records: attempts, splits in half, expiry, and the destination for failures.

LocalStack 4.14.0 does not split batches, gives a table's records no age, and sends to a destination without a principal.
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

import logging
import time
from contextvars import ContextVar
from typing import Any

from harness.emulator.controls.delays import DELAYS
from harness.emulator.controls.record_age import arrival
from harness.emulator.event_sources import journal as batches
from harness.emulator.host.attachments import MAPPING
from harness.emulator.patches import patched, replaced

LOG = logging.getLogger(__name__)

_ROLE: ContextVar[dict[str, Any] | None] = ContextVar("harness_destination_role", default=None)
"""With what a batch of this thread is sent to its destination."""


def complete_pollers() -> None:
    from localstack.services.lambda_.event_source_mapping.pollers import stream_poller
    from localstack.services.lambda_.event_source_mapping.pollers.dynamodb_poller import DynamoDBPoller
    from localstack.services.lambda_.event_source_mapping.pollers.kinesis_poller import KinesisPoller
    from localstack.services.lambda_.event_source_mapping.pollers.stream_poller import StreamPoller

    as_nobody = stream_poller.get_internal_client

    def client_of_the_role(arn: str, **options: Any) -> Any:
        return as_nobody(arn, **{**options, **(_ROLE.get() or {})})

    replaced(
        stream_poller,
        "get_internal_client",
        client_of_the_role,
        because="a failure destination is called with the role of the function",
        source="https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html",
    )

    patched(
        StreamPoller.send_events_to_dlq,
        because="a failure destination is called with the role of the function",
        source="https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html",
    )(_send)

    patched(
        DynamoDBPoller.get_approximate_arrival_time,
        because="a test can make records of a stream older",
        source="https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html",
    )(_arrival_in_table)

    patched(
        KinesisPoller.get_approximate_arrival_time,
        because="a test can make records of a stream older",
        source="https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html",
    )(_arrival_in_stream)

    patched(
        StreamPoller.forward_events_to_target,
        because="shards are read side by side, and a failed batch is split, as Lambda does",
        source="https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html",
    )(_forward_records)


def _send(original: Any, self: Any, *args: Any, **options: Any) -> None:
    mapping = MAPPING[self]
    token = _ROLE.set(
        {
            "role_arn": _role_of(mapping["FunctionArn"]),
            "service_principal": "lambda",
            "source_arn": mapping["FunctionArn"],
        }
    )
    try:
        original(self, *args, **options)
    finally:
        _ROLE.reset(token)


def _arrival_in_table(_original: Any, self: Any, record: dict[str, Any]) -> float:
    return arrival(self.source_arn, float(record["dynamodb"].get("ApproximateCreationDateTime") or time.time()))


def _arrival_in_stream(original: Any, self: Any, record: dict[str, Any]) -> float:
    return arrival(self.source_arn.partition("/consumer/")[0], original(self, record))


def _forward_records(_original: Any, self: Any, shard_id: str, records: list[dict[str, Any]]) -> bool:
    return _forward(self, shard_id, records)


def _role_of(function_arn: str) -> str:
    from localstack.services.lambda_.provider_utils import get_function_version_from_arn

    return str(get_function_version_from_arn(function_arn).config.role)


def stop_waiting(poller: Any) -> None:
    """End the wait for the next attempt, wherever a batch of this poller waits: the mapping is to stop."""
    poller._is_shutdown.set()
    batches.end_retry_waits(poller)


def hand_over(poller: Any, shard_id: str, records: list[dict[str, Any]]) -> bool:
    """Have a batch handled, however many attempts that takes; whether the function handled all of it.

    Returns False as well where the mapping is stopped before that.
    """
    return bool(poller.forward_events_to_target(shard_id, records))


def _forward(poller: Any, shard_id: str, records: list[dict[str, Any]]) -> bool:
    events = poller.post_filter(
        poller.filter_events(poller.pre_filter(poller.transform_into_events(records, shard_id)))
    )
    if not events:
        return True
    return _Attempts(poller, shard_id).handle(poller.add_source_metadata(events), 0)


class _Attempts:
    """At one batch, and at the parts that it is split into."""

    def __init__(self, poller: Any, shard_id: str) -> None:
        from localstack.services.lambda_.event_source_mapping.pollers import stream_poller

        self._poller, self._shard_id = poller, shard_id
        self._parameters = poller.stream_parameters
        self._bisects = bool(MAPPING[poller].get("BisectBatchOnFunctionError"))
        self._behind: list[dict[str, Any]] = []
        """Of the batch, what comes after the part that is tried."""
        self._age = max(self._parameters.get("MaximumRecordAgeInSeconds") or -1, 0)
        # Looked up now: the journal has one whose wait it records.
        self._pauses = stream_poller.ExponentialBackoff(
            initial_interval=DELAYS.stream_retry_seconds,
            max_retries=self._parameters.get("MaximumRetryAttempts", -1),
        )

    def handle(self, events: list[dict[str, Any]], made: int) -> bool:
        """`made` attempts were made at them before. Whether all were handled."""
        from localstack.services.lambda_.event_source_mapping.event_processor import (
            BatchFailureError,
            PartialBatchFailureError,
        )

        complete, error = True, dict[str, Any]()
        while events and not self._poller._is_shutdown.is_set():
            events, complete = self._without_expired(events, made, error, complete)
            if not events:
                break
            if self._poller.max_retries_exceeded(made):
                self._give_up(events, "RetryAttemptsExhausted", made, error)
                return False
            if made and not self._wait(events):
                break
            try:
                with batches.attempt_at(made, splits=self._bisects and len(events) > 1):
                    self._poller.processor.process_events_batch(events)
                self._pauses.reset()
                return complete
            except PartialBatchFailureError as failure:
                error, made = failure.error, made + 1
                events = self._from_the_first_that_failed(failure.partial_failure_payload, events)
            except BatchFailureError as failure:
                error = failure.error
                if self._bisects and len(events) > 1:
                    # Does not count as a retry.
                    middle = (len(events) + 1) // 2
                    first = self._handle_before(events[middle:], events[:middle], made)
                    return self.handle(events[middle:], made) and first and complete
                made += 1
            except Exception as unexpected:
                LOG.exception("a batch of shard %s of %s failed", self._shard_id, self._poller.source_arn)
                error, made = {"message": str(unexpected)}, made + 1
        return complete and not events

    def _handle_before(self, later: list[dict[str, Any]], events: list[dict[str, Any]], made: int) -> bool:
        """The same of the first half of a batch; the later one waits as long as it does."""
        behind, self._behind = self._behind, [*later, *self._behind]
        try:
            return self.handle(events, made)
        finally:
            self._behind = behind

    def _without_expired(
        self, events: list[dict[str, Any]], made: int, error: dict[str, Any], complete: bool
    ) -> tuple[list[dict[str, Any]], bool]:
        if not self._age:
            return events, complete
        events, expired = self._poller.bisect_events_by_record_age(self._age, events)
        if expired:
            self._give_up(expired, "RecordAgeExceeded", made, error)
        return events, complete and not expired

    def _wait(self, events: list[dict[str, Any]]) -> bool:
        """Whether to make the next attempt at these, after the pause."""
        batches.waits([*events, *self._behind])
        self._poller._is_shutdown.wait(self._pauses.next_backoff())
        return not self._poller._is_shutdown.is_set()

    def _from_the_first_that_failed(self, payload: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html"""
        from localstack.services.lambda_.event_source_mapping.pollers.poller import get_batch_item_failures

        numbers = [self._poller.get_sequence_number(event) for event in events]
        failed = get_batch_item_failures(payload, set(numbers))
        if not failed:
            # Nothing that is known was named: all of it failed.
            return events
        return events[min(map(numbers.index, failed)) :]

    def _give_up(self, events: list[dict[str, Any]], condition: str, made: int, error: dict[str, Any]) -> None:
        context = self._poller.processor.generate_event_failure_context(
            abort_condition=condition,
            error=error or {"requestId": None},
            attempts_count=made,
            partner_resource_arn=None,
        )
        if not error:
            # They were too old before the function was ever invoked.
            context = {"requestContext": {**context["requestContext"], "approximateInvokeCount": made}}
        batches.counted(made)
        try:
            self._poller.send_events_to_dlq(self._shard_id, events, context=context)
        except Exception as refused:  # noqa: BLE001 - AWS, too, continues with the shard
            LOG.warning(
                "records of %s that %s failed on are lost: their destination does not take them: %s",
                self._poller.source_arn,
                MAPPING[self._poller]["FunctionArn"],
                refused,
            )
