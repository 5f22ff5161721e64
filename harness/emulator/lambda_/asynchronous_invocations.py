"""Records asynchronous invocations: retries, destinations, dropped events.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import json
import time
from typing import Any

from localstack.services.lambda_.invocation import event_manager
from localstack.services.lambda_.invocation.internal_sqs_queue import FakeSqsClient
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager

from harness.emulator.controls.timers import TIMERS
from harness.emulator.host.attachments import GIVEN_UP
from harness.emulator.journal import marks, payloads
from harness.emulator.journal.activity import activity
from harness.emulator.journal.causes import Cause, doing, last_error
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.journal.waiting import announce
from harness.emulator.lambda_.invocations import LAST
from harness.emulator.patches import patched
from harness.journal.records import Kind


def install() -> None:
    patched(
        FakeSqsClient.send_message, because="retries and destinations of asynchronous events are recorded", layer=1
    )(_send_message)

    patched(
        event_manager.Poller.handle_message, because="retries and destinations of asynchronous events are recorded"
    )(_handle)

    patched(
        event_manager.Poller.process_success_destination,
        because="retries and destinations of asynchronous events are recorded",
    )(_succeed)

    patched(
        event_manager.Poller.process_failure_destination,
        because="retries and destinations of asynchronous events are recorded",
    )(_fail)

    patched(
        event_manager.Poller.process_dead_letter_queue,
        because="retries and destinations of asynchronous events are recorded",
        layer=1,
    )(_dead_letter)

    patched(LambdaVersionManager.store_logs, because="retries and destinations of asynchronous events are recorded")(
        _store_logs
    )


def _send_message(original: Any, self: Any, *args: Any, **options: Any) -> Any:
    # Before it is sent: the next attempt comes after its announcement.
    if options.get("DelaySeconds") is None:
        return original(self, *args, **options)
    retry = _note_retry(json.loads(options["MessageBody"]), float(options["DelaySeconds"]))
    sent = original(self, *args, **options)
    queue = self.queue_manager.get_queue(options["QueueUrl"])
    TIMERS.set(retry.activity, lambda: _end_delay(queue, sent["MessageId"]))
    return sent


def _handle(original: Any, self: Any, message: dict[str, Any]) -> None:
    # After the function's answer the event goes to a destination, is tried again or is given up.
    taken = marks.invocation(json.loads(message["Body"])["request_id"])
    with activity(Kind.WORK, service="lambda", name="asynchronous event", takes=(taken,)) as work:
        del work
        # The cause of the invocation is the activity that left the event, not this one.
        with doing(None):
            original(self, message)


def _succeed(original: Any, self: Any, event: Any, result: Any, settings: Any) -> None:
    target = _destination(settings, "OnSuccess")
    if target is None:
        original(self, event, result, settings)
        return
    function = self.version_manager.function_version.qualified_arn
    with (
        doing(LAST.get(event.invocation.request_id)),
        activity(
            Kind.DELIVERY,
            service="lambda",
            name="OnSuccess",
            resource=function,
            data={"source": function, "target": target, "request_id": event.invocation.request_id},
        ) as delivery,
        last_error() as error,
    ):
        original(self, event, result, settings)
        if error:
            delivery.ended["error"] = error


def _fail(original: Any, self: Any, event: Any, result: Any, settings: Any, cause: str) -> None:
    function = self.version_manager.function_version
    targets = [t for t in (_destination(settings, "OnFailure"), function.config.dead_letter_arn) if t]
    GIVEN_UP[event] = note = JOURNAL.note(
        Kind.DEAD_LETTER,
        service="lambda",
        name=function.id.function_name,
        resource=function.qualified_arn,
        cause=LAST.get(event.invocation.request_id),
        # Where no attempt took it.
        takes=(marks.invocation(event.invocation.request_id),),
        data={
            "source": function.qualified_arn,
            **({"target": targets[0], "targets": targets} if targets else {}),
            "reason": cause,
            "attempts": event.retries + (cause != "ZeroReservedConcurrency"),
            "request_id": event.invocation.request_id,
            "event": payloads.text(event.invocation.payload),
        },
    )
    with doing(note), last_error() as error:
        original(self, event, result, settings, cause)
    _note_lost(function, targets[:1], error)


def _dead_letter(original: Any, self: Any, event: Any, result: Any) -> None:
    function = self.version_manager.function_version
    with doing(GIVEN_UP.get(event)), last_error() as error:
        original(self, event, result)
        _note_lost(function, [function.config.dead_letter_arn], error)


def _store_logs(original: Any, self: Any, invocation_result: Any, execution_env: Any) -> None:
    with doing(LAST.get(invocation_result.request_id)):
        original(self, invocation_result, execution_env)


def _destination(settings: Any, condition: str) -> str | None:
    if settings is None:
        return None
    return (settings.destination_config or {}).get(condition, {}).get("Destination")


def _end_delay(queue: Any, message_id: str) -> None:
    with queue.mutex:
        for message in queue.delayed:
            if message.message_id == message_id:
                message.delay_seconds = None
        queue.enqueue_delayed_messages()


def _note_retry(event: dict[str, Any], delay_seconds: float) -> Cause:
    function = event["invoked_arn"]
    throttled = event["exception_retries"] > 0 or event["retries"] == 0
    return announce(
        "retry",
        time.time() + delay_seconds,
        service="lambda",
        name=function.split(":")[6],
        resource=function,
        cause=LAST.get(event["request_id"]),
        leaves=(marks.invocation(event["request_id"]),),
        data={"attempt": event["retries"] + 1, "throttled": throttled, "request_id": event["request_id"]},
    )


def _note_lost(function: Any, targets: list[Any], error: dict[str, Any]) -> None:
    if not error:
        return
    JOURNAL.note(
        Kind.DEAD_LETTER,
        service="lambda",
        name=function.id.function_name,
        resource=function.qualified_arn,
        data={"source": targets[0] if targets else "", "reason": "TargetRefused", "error": dict(error)},
    )
