"""Runs a mapping, from when it is created or enabled until it is disabled, changed or deleted.

A change makes another worker (LocalStack's provider does), which begins when the one before has passed on its last batch
and continues where that ended; LocalStack reads a stream from its beginning again and runs both at once.

A mapping whose source is deleted or cannot be read stays, and reports it in its `LastProcessingResult`
(https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html). It retries when something
arrives there, and after growing pauses.
"""

import logging
import threading
from collections import defaultdict
from typing import Any

from harness.emulator.event_sources.queue_reader import QueueReader
from harness.emulator.event_sources.stream_reader import CHECKPOINTS, StreamReader, complete_pollers
from harness.emulator.host.attachments import READER
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal.activity import error_of
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import patched
from harness.journal.records import Kind

LOG = logging.getLogger(__name__)

_ONE_AT_A_TIME: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""By the id of the mapping."""


def install() -> None:
    when_loaded("lambda", _patch)


def _patch() -> None:
    from localstack.services.lambda_.event_source_mapping.esm_worker import EsmWorker

    complete_pollers()

    @patched(
        EsmWorker.poller_loop,
        because="a changed mapping reads its stream from the beginning, beside the one before",
        source="https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html",
    )
    def poller_loop(_original: Any, self: Any, *_args: Any, **_options: Any) -> None:
        with _ONE_AT_A_TIME[self.uuid]:
            if not self._shutdown_event.is_set():
                _run(self)
            self.poller.close()
            _finish(self)

    for end in (EsmWorker.stop, EsmWorker.delete, EsmWorker.stop_for_shutdown):

        @patched(
            end,
            because="a changed mapping reads its stream from the beginning, beside the one before",
            source="https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html",
        )
        def stop(original: Any, self: Any) -> None:
            was_running = self._poller_thread is not None
            original(self)
            if (reader := READER.get(self)) is not None:
                reader.stop()
            if not was_running and self.current_state == "Deleting":
                # One that is disabled has no thread that would do it.
                _finish(self)


def _run(worker: Any) -> None:
    from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller

    kind = QueueReader if isinstance(worker.poller, SqsPoller) else StreamReader
    READER[worker] = reader = kind(worker.poller, worker.esm_config, Progress(worker), worker._shutdown_event)
    _set_state(worker, "Creating", "Enabling", to="Enabled")
    if worker._shutdown_event.is_set():
        # It was stopped before it started to listen.
        reader.stop()
    try:
        reader.run()
    except Exception:
        LOG.exception("the mapping %s of %s stopped", worker.uuid, worker.esm_config.get("EventSourceArn"))
        raise


def _set_state(worker: Any, *before: str, to: str) -> None:
    with worker._state_lock:
        if worker.current_state in before:
            worker.current_state = type(worker.current_state)(to)
            worker.state_transition_reason = worker.user_state_reason
            _store(worker, State=worker.current_state)


def _finish(worker: Any) -> None:
    if worker.current_state == "Deleting":
        worker._state.event_source_mappings.pop(worker.uuid, None)
        CHECKPOINTS.pop(worker.uuid, None)
    else:
        _set_state(worker, "Disabling", to="Disabled")


def _store(worker: Any, **changes: Any) -> None:
    # After a reset of the engine it is not there any more.
    if (mapping := worker._state.event_source_mappings.get(worker.uuid)) is not None:
        mapping.update(changes)


class Progress:
    """The result that a mapping's reader reports."""

    def __init__(self, worker: Any) -> None:
        self._worker = worker
        self._problem = ""

    def succeeded(self) -> None:
        self._problem = ""
        _store(self._worker, LastProcessingResult="OK")

    def function_failed(self) -> None:
        _store(self._worker, LastProcessingResult="PROBLEM: Function call failed")

    def source_failed(self, error: Exception) -> None:
        """Reported once for as long as the problem is the same."""
        said = error_of(error)
        problem = f"PROBLEM: {said['code']}: {said['message']}"
        _store(self._worker, LastProcessingResult=problem)
        if problem != self._problem:
            self._problem = problem
            source = self._worker.esm_config.get("EventSourceArn")
            LOG.warning("the mapping %s cannot read %s: %s", self._worker.uuid, source, problem)
            function = self._worker.esm_config["FunctionArn"]
            JOURNAL.note(
                Kind.DECISION,
                service="lambda",
                name=function.split(":")[6],
                resource=function,
                data={
                    "rule": self._worker.uuid,
                    "passed": False,
                    "reason": "SourceFailed",
                    "source": source,
                    "error": said,
                },
            )
