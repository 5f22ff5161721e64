"""Records what event source mappings read: records, decisions of filters, failures, dropped records.

A batch is one attempt to invoke a function with records; each redelivery is another batch.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from harness.emulator.host.attachments import MAPPING
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal import marks
from harness.emulator.journal.activity import activity
from harness.emulator.journal.causes import last_error
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.journal.waiting import waiting
from harness.emulator.patches import patched, replaced
from harness.emulator.sqs import journal as queues
from harness.journal.records import Kind

_RETRY_WAITS: defaultdict[Any, set[threading.Event]] = defaultdict(set)
"""Of pollers that wait for their next attempt: what ends that, by the poller."""


@dataclass
class _Reading:
    """What a poller does with the records that it has read; in the poller's own thread."""

    poller: Any
    shard_id: str = ""
    attempts: int = 0
    splits: bool = False
    """Whether a batch that fails is tried again in two halves."""
    waiting: list[str] = field(default_factory=list)
    """What the next attempt is waited for with: it, and what of its batch comes after it."""
    failed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    filtered: list[str] = field(default_factory=list)
    error: Any = None


_READING: ContextVar[_Reading | None] = ContextVar("harness_reading", default=None)


def install() -> None:
    when_loaded("lambda", _patch)


@contextmanager
def attempt_at(made: int, *, splits: bool) -> Iterator[None]:
    """In the block another attempt is made at records, after `made` others; `splits` where they are split if it fails."""
    if (reading := _READING.get()) is not None:
        reading.attempts, reading.splits = made, splits
    yield


def waits(events: Iterable[Mapping[str, Any]]) -> None:
    """These wait for the next attempt that is made."""
    if (reading := _READING.get()) is not None:
        reading.waiting = [_identifier(event) for event in events]


def counted(made: int) -> None:
    """How many attempts were made at what is given up now."""
    if (reading := _READING.get()) is not None:
        reading.attempts = made


def end_retry_waits(poller: Any) -> None:
    """The mapping is deleted, disabled or changed: its poller waits for no attempt any more."""
    for due in list(_RETRY_WAITS.get(poller, ())):
        due.set()


def _patch() -> None:
    from localstack.services.lambda_.event_source_mapping.esm_event_processor import EsmEventProcessor
    from localstack.services.lambda_.event_source_mapping.esm_worker import EsmWorker
    from localstack.services.lambda_.event_source_mapping.pollers import stream_poller
    from localstack.services.lambda_.event_source_mapping.pollers.kinesis_poller import KinesisPoller
    from localstack.services.lambda_.event_source_mapping.pollers.poller import Poller
    from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller
    from localstack.services.lambda_.event_source_mapping.pollers.stream_poller import StreamPoller
    from localstack.utils.backoff import ExponentialBackoff

    patched(EsmWorker.__init__, because="batches of event source mappings are recorded")(_init)

    # ---- queues --------------------------------------------------------------------------------------------------

    patched(SqsPoller.handle_messages, because="batches of event source mappings are recorded")(_handle_messages)

    patched(SqsPoller.delete_messages, because="batches of event source mappings are recorded")(_delete_messages)

    # ---- filters -------------------------------------------------------------------------------------------------

    patched(Poller.filter_events, because="batches of event source mappings are recorded")(_filter_events)

    patched(KinesisPoller.pre_filter, because="batches of event source mappings are recorded")(_pre_filter)

    # ---- attempts ------------------------------------------------------------------------------------------------

    patched(EsmEventProcessor.process_events_batch, because="batches of event source mappings are recorded")(_process)

    # ---- streams -------------------------------------------------------------------------------------------------

    class Backoff(ExponentialBackoff):
        """Waits here before the next attempt, so that the wait is recorded and can be ended."""

        def next_backoff(self) -> float:
            seconds = float(super().next_backoff())
            if (reading := _READING.get()) is None:
                return seconds
            _wait_to_retry(reading, seconds)
            return 0.0

    replaced(stream_poller, "ExponentialBackoff", Backoff, because="batches of event source mappings are recorded")

    patched(StreamPoller.forward_events_to_target, because="batches of event source mappings are recorded", layer=1)(
        _forward
    )

    patched(StreamPoller.send_events_to_dlq, because="batches of event source mappings are recorded", layer=1)(_give_up)


def _init(original: Any, self: Any, esm_config: Any, poller: Any, *args: Any, **options: Any) -> None:
    original(self, esm_config, poller, *args, **options)
    MAPPING[poller] = esm_config


def _handle_messages(original: Any, self: Any, messages: list[dict[str, Any]]) -> None:
    mapping = MAPPING[self]
    if not JOURNAL.enabled:
        original(self, messages)
        return
    reading = _Reading(self)
    token = _READING.set(reading)
    try:
        with activity(
            Kind.BATCH,
            **_what(mapping),
            takes=tuple(marks.message(self.source_arn, m["MessageId"]) for m in messages),
            data={
                **_about(mapping),
                "records": [_message(m) for m in messages],
                **queues.visibility_timeout(self.source_arn),
            },
        ) as batch:
            try:
                original(self, messages)
            finally:
                batch.ended.update(_outcome(reading))
                batch.ended["deleted"] = reading.deleted
                batch.ended["visible_at"] = queues.note_hidden(self.source_arn, reading.failed)
    finally:
        _READING.reset(token)


def _delete_messages(original: Any, self: Any, messages: list[dict[str, Any]], ids: set[str]) -> None:
    original(self, messages, ids)
    if (reading := _READING.get()) is not None:
        reading.deleted.extend(sorted(ids))


def _filter_events(original: Any, self: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    passed = original(self, events)
    reading = _READING.get()
    if reading is not None and self.filter_patterns:
        kept = {id(event) for event in passed}
        for event in events:
            _note_decision(reading, event, id(event) in kept, "Pattern")
    return list(passed)


def _pre_filter(original: Any, self: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    parsed = original(self, events)
    if (reading := _READING.get()) is not None and len(parsed) < len(events):
        kept = {_identifier(event) for event in parsed}
        for event in events:
            if _identifier(event) not in kept:
                # A filter on the data drops what is no JSON.
                _note_decision(reading, event, False, "NotJson")
    return list(parsed)


def _process(original: Any, self: Any, input_events: Any) -> None:
    reading = _READING.get()
    if reading is None:
        original(self, input_events)
    elif reading.shard_id:
        _attempt(reading, lambda: _handle(original, self, input_events), list(input_events))
    else:
        _handle(original, self, input_events)


def _handle(original: Any, processor: Any, events: list[dict[str, Any]]) -> None:
    from localstack.services.lambda_.event_source_mapping import event_processor
    from localstack.services.lambda_.event_source_mapping.pollers.poller import get_batch_item_failures

    reading = _READING.get()
    assert reading is not None
    ids = [_identifier(event) for event in events]
    reading.attempts += 1
    try:
        original(processor, events)
    except event_processor.PartialBatchFailureError as error:
        named = get_batch_item_failures(error.partial_failure_payload, set(ids))
        reading.failed = ids if named is None else list(named)
        reading.error = error.error
        raise
    except event_processor.BatchFailureError as error:
        reading.failed, reading.error = ids, error.error
        raise
    except Exception as error:
        reading.failed, reading.error = ids, {"message": str(error)}
        raise


def _forward(original: Any, self: Any, shard_id: str, *args: Any) -> Any:
    if not JOURNAL.enabled:
        return original(self, shard_id, *args)
    token = _READING.set(_Reading(self, shard_id))
    try:
        return original(self, shard_id, *args)
    finally:
        _READING.reset(token)


def _give_up(original: Any, self: Any, shard_id: str, events: list[dict[str, Any]], context: Any) -> None:
    reading = _READING.get()
    if reading is None:
        original(self, shard_id, events, context)
        return
    # It lasts until the queue has it: between the decision and the delivery nothing else of the flow is in progress.
    with _dead_letter(reading, events, context), last_error() as error:
        try:
            original(self, shard_id, events, context)
        finally:
            if error:
                _note_lost(reading, dict(error))


def _what(mapping: Mapping[str, Any]) -> dict[str, Any]:
    function = mapping["FunctionArn"].split(":")
    return {
        "service": "lambda",
        "name": function[6],
        "resource": mapping["FunctionArn"],
        "account_id": function[4],
        "region": function[3],
    }


def _about(mapping: Mapping[str, Any]) -> dict[str, Any]:
    return {"mapping": mapping["UUID"], "source": mapping["EventSourceArn"], "target": mapping["FunctionArn"]}


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    attributes = message.get("Attributes") or {}
    return {
        "id": message["MessageId"],
        "receive_count": int(attributes.get("ApproximateReceiveCount", 1)),
        **({"group": attributes["MessageGroupId"]} if "MessageGroupId" in attributes else {}),
    }


def _identifier(event: Mapping[str, Any]) -> str:
    """What a function names a record by that failed: the id of a message, the sequence number of a stream's record."""
    if "messageId" in event:
        return str(event["messageId"])
    if "dynamodb" in event:
        return str(event["dynamodb"]["SequenceNumber"])
    return str(event["kinesis"]["sequenceNumber"])


def _mark(reading: _Reading, event: Mapping[str, Any]) -> str:
    one = _identifier(event)
    source = reading.poller.source_arn
    return _stream_mark(source, one) if reading.shard_id else marks.message(source, one)


def _stream_mark(source: str, sequence_number: str) -> str:
    """Of a record, which is in the stream also where the mapping reads it as an enhanced fan-out consumer."""
    return marks.stream_record(source.partition("/consumer/")[0], sequence_number)


def _outcome(reading: _Reading) -> dict[str, Any]:
    ended: dict[str, Any] = {"failed": reading.failed, "filtered": reading.filtered}
    if reading.error:
        ended["error"] = reading.error
    return ended


def _attempt(reading: _Reading, process: Any, events: list[dict[str, Any]]) -> None:
    """One attempt at the records of a shard that a filter lets pass."""
    mapping, poller = MAPPING[reading.poller], reading.poller
    reading.failed, reading.error = [], None
    with activity(
        Kind.BATCH,
        **_what(mapping),
        takes=tuple(_mark(reading, event) for event in events),
        data={
            **_about(mapping),
            "shard": reading.shard_id,
            "attempt": reading.attempts + 1,
            "records": [{"id": _identifier(event), **_stream_event(event)} for event in events],
        },
    ) as batch:
        try:
            process()
        finally:
            batch.ended.update(_outcome(reading))
            # From the first that failed on the records are read again.
            batch.ended["committed"] = list(takewhile(lambda i: i not in reading.failed, map(_identifier, events)))
            # The shard waits for the next attempt, or for the records to be given up.
            again = reading.splits or not poller.max_retries_exceeded(reading.attempts)
            batch.ended["retries"] = bool(reading.failed) and again


def _wait_to_retry(reading: _Reading, seconds: float) -> None:
    poller, due = reading.poller, threading.Event()
    with waiting(
        "retry",
        seconds,
        due.set,
        **_what(MAPPING[poller]),
        takes=tuple(_stream_mark(poller.source_arn, one) for one in reading.waiting),
        data={"mapping": MAPPING[poller]["UUID"], "attempt": reading.attempts + 1},
    ):
        _RETRY_WAITS[poller].add(due)
        try:
            if not poller._is_shutdown.is_set():
                due.wait(seconds)
        finally:
            _RETRY_WAITS[poller].discard(due)
            if not _RETRY_WAITS[poller]:
                _RETRY_WAITS.pop(poller, None)


def _stream_event(event: Mapping[str, Any]) -> dict[str, Any]:
    return {"event": event["eventName"], "keys": event["dynamodb"].get("Keys")} if "dynamodb" in event else {}


def _note_decision(reading: _Reading, event: Mapping[str, Any], passed: bool, reason: str) -> None:
    mapping = MAPPING[reading.poller]
    if not passed:
        reading.filtered.append(_identifier(event))
    JOURNAL.note(
        Kind.DECISION,
        **_what(mapping),
        takes=(_mark(reading, event),),
        data={
            "rule": mapping["UUID"],
            "passed": passed,
            **({} if passed else {"reason": reason}),
            "pattern": reading.poller.filter_patterns,
            "source": mapping["EventSourceArn"],
            "event": dict(event),
        },
    )


def _dead_letter(
    reading: _Reading, events: Iterable[dict[str, Any]], context: Mapping[str, Any]
) -> AbstractContextManager[Any]:
    mapping = MAPPING[reading.poller]
    target = (reading.poller.stream_parameters.get("DeadLetterConfig") or {}).get("Arn")
    # Without an error there is no context: the records grew too old before an attempt.
    reason = (context.get("requestContext") or {}).get("condition") or "RecordAgeExceeded"
    return activity(
        Kind.DEAD_LETTER,
        **_what(mapping),
        takes=tuple(_mark(reading, event) for event in events),
        data={
            **_about(mapping),
            **({"target": target} if target else {"target": ""}),
            "reason": "RetriesExhausted" if reason == "RetryAttemptsExhausted" else reason,
            "attempts": reading.attempts,
            "records": [_identifier(event) for event in events],
            **({"error": reading.error} if reading.error else {}),
        },
    )


def _note_lost(reading: _Reading, error: dict[str, Any]) -> None:
    mapping = MAPPING[reading.poller]
    JOURNAL.note(
        Kind.DEAD_LETTER,
        **_what(mapping),
        data={
            "mapping": mapping["UUID"],
            "source": mapping["EventSourceArn"],
            "reason": "TargetRefused",
            "error": error,
        },
    )
