"""Fixes asynchronous invocation in LocalStack 4.14.0.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html

- Each function has a thread that asks its internal queue with a long poll of two seconds. When the function is updated,
  the poller of the old version may be in such a call: it takes the next event, sees that it is shut down and drops it, and
  the event comes back only when its visibility timeout is over, the function's timeout plus 60 seconds. Here the queue reports
  an event, and one thread passes on the events of all functions.
- A retry that is due waits for a worker that looks at all queues once a second. Here a deadline makes it due.
- The dead-letter message carries a random RequestID, and an event that is not a JSON object is rewritten. Here it
  is as on AWS: the id of the invocation, the error's message, the event as it was sent
  (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq).
"""

import json
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

from localstack.aws.connect import connect_to
from localstack.services.lambda_.invocation import event_manager, internal_sqs_queue
from localstack.services.lambda_.invocation.internal_sqs_queue import FakeSqsClient
from localstack.services.sqs.models import StandardQueue
from localstack.utils.aws.arns import parse_arn, sqs_queue_url_for_arn

from harness.emulator.host.deadlines import Deadline
from harness.emulator.patches import overrides, patched, replaced

DELAY_MARGIN_SECONDS = 0.01
"""A message is due when its delay is over, not when it is just about to be."""
MAX_ERROR_MESSAGE_BYTES = 1024


def install() -> None:
    replaced(
        internal_sqs_queue,
        "StandardQueue",
        _EventQueue,
        because="each function has a thread that polls, and an event is lost for a minute when it is updated",
        source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html",
    )
    patched(
        event_manager.Poller.run,
        because="each function has a thread that polls, and an event is lost for a minute when it is updated",
        source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html",
    )(_poll)
    patched(
        event_manager.Poller.stop,
        because="each function has a thread that polls, and an event is lost for a minute when it is updated",
        source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html",
    )(_stop_polling)
    patched(
        event_manager.Poller.process_dead_letter_queue,
        because="the dead-letter message has a random RequestID and the event written anew",
        source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq",
    )(_send_to_dead_letter_queue)
    patched(
        FakeSqsClient.send_message,
        because="each function has a thread that polls, and an event is lost for a minute when it is updated",
        source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html",
    )(_send_message)
    _write_event_bus_records()


def _write_event_bus_records() -> None:
    """A destination that is an event bus: the record names the bus and the function's version as its resources."""
    original = event_manager.send_event_to_target

    def send_event_to_target(target_arn: str, event: dict[str, Any], **options: Any) -> None:
        arn = parse_arn(target_arn)
        if arn["service"] != "events":
            return original(target_arn=target_arn, event=event, **options)
        clients = connect_to.with_assumed_role(
            role_arn=options["role"], service_principal="lambda", region_name=arn["region"]
        )
        entry = {
            "EventBusName": target_arn,
            "Source": "lambda",
            "DetailType": options["events_detail_type"],
            "Detail": json.dumps(event),
            "Resources": [target_arn, event["requestContext"]["functionArn"]],
        }
        events = clients.events.request_metadata(source_arn=options["source_arn"], service_principal="lambda")
        events.put_events(Entries=[entry])
        return None

    replaced(
        event_manager,
        "send_event_to_target",
        send_event_to_target,
        because="the dead-letter message has a random RequestID and the event written anew",
        source="https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq",
    )


@overrides(because="an event is handed over when it arrives instead of when a poll finds it")
class _EventQueue(StandardQueue):
    """The internal queue of a function's asynchronous events: it says when one is there."""

    def _put_message(self, message: Any) -> None:
        super()._put_message(message)
        POLLERS.arrived(self.name)


class _Pollers:
    """One thread takes the events of all functions from their queues, and gives each to the pool of its function."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_queue: dict[str, Any] = {}
        self._asked: set[str] = set()
        self._arrivals: SimpleQueue[str] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, poller: Any) -> None:
        """The poller of a function's new version takes the place of that of the old one."""
        with self._lock:
            self._by_queue[poller.event_queue_url] = poller
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="lambda-poller", daemon=True)
                self._thread.start()
        self.arrived(poller.event_queue_url)

    def remove(self, poller: Any) -> None:
        with self._lock:
            queue = str(poller.event_queue_url)
            if self._by_queue.get(queue) is poller:
                del self._by_queue[queue]

    def arrived(self, queue: str) -> None:
        """Called by the thread that puts an event there, with the lock of the queue."""
        with self._lock:
            if queue in self._asked or queue not in self._by_queue:
                return
            self._asked.add(queue)
        self._arrivals.put(queue)

    def _run(self) -> None:
        while True:
            name = self._arrivals.get()
            with self._lock:
                self._asked.discard(name)
                poller = self._by_queue.get(name)
            if poller is not None and not poller._shutdown_event.is_set():
                try:
                    _take(poller)
                except Exception:  # noqa: BLE001 - the events of others are still to be handed over
                    function = poller.version_manager.function_version.qualified_arn
                    event_manager.LOG.exception("asynchronous events of %s could not be read", function)


POLLERS = _Pollers()
"""Those of this LocalStack process."""


def _poll(_original: Any, self: Any, *_args: Any, **_options: Any) -> None:
    POLLERS.add(self)


def _stop_polling(original: Any, self: Any) -> None:
    original(self)
    POLLERS.remove(self)


def _take(poller: Any) -> None:
    function = poller.version_manager.function_version
    queue = event_manager.get_sqs_client(function, client_config=event_manager.CLIENT_CONFIG)
    if poller.event_queue_url not in queue.queue_manager.queues:
        # The function is deleted.
        return
    while messages := queue.receive_message(
        QueueUrl=poller.event_queue_url,
        WaitTimeSeconds=0,
        MaxNumberOfMessages=10,
        VisibilityTimeout=function.config.timeout + 60,
    ).get("Messages"):
        for message in messages:
            _hand_over(poller, queue, message)


def _hand_over(poller: Any, queue: Any, message: dict[str, Any]) -> None:
    """Have the event handled, or put it back for the poller of the new version where this one stops before it is."""

    def put_back() -> None:
        queue.send_message(QueueUrl=poller.event_queue_url, MessageBody=message["Body"])
        queue.delete_message(QueueUrl=poller.event_queue_url, ReceiptHandle=message["ReceiptHandle"])

    if poller._shutdown_event.is_set():
        return put_back()
    try:
        handled: Future[None] = poller.invoker_pool.submit(poller.handle_message, message)
    except RuntimeError:
        # The pool was shut down since.
        return put_back()
    # A pool that is shut down cancels what it has not begun.
    return handled.add_done_callback(lambda done: put_back() if done.cancelled() else None)


def _send_message(original: Any, self: Any, QueueUrl: str, **options: Any) -> Any:  # noqa: N803 - boto3's name
    sent = original(self, QueueUrl=QueueUrl, **options)
    if delay := options.get("DelaySeconds"):
        queue = self.queue_manager.get_queue(queue_name=QueueUrl)
        Deadline(delay + DELAY_MARGIN_SECONDS, queue.enqueue_delayed_messages).start()
    return sent


def _send_to_dead_letter_queue(_original: Any, self: Any, sqs_invocation: Any, invocation_result: Any) -> None:
    function = self.version_manager.function_version
    target = function.config.dead_letter_arn
    if not target:
        return
    attributes = dead_letter_attributes(sqs_invocation.invocation.request_id, invocation_result.payload)
    body = sqs_invocation.invocation.payload.decode()
    arn = parse_arn(target)
    clients = connect_to.with_assumed_role(
        role_arn=function.config.role, service_principal="lambda", region_name=arn["region"]
    )
    try:
        if arn["service"] == "sqs":
            queue = clients.sqs.request_metadata(source_arn=function.id.unqualified_arn(), service_principal="lambda")
            queue.send_message(QueueUrl=sqs_queue_url_for_arn(target), MessageBody=body, MessageAttributes=attributes)
        else:
            # CreateFunction takes no other target than these two.
            topic = clients.sns.request_metadata(source_arn=function.id.unqualified_arn(), service_principal="lambda")
            topic.publish(TopicArn=target, Message=body, MessageAttributes=attributes)
    except Exception:  # noqa: BLE001 - AWS, too, drops the event when the target refuses it
        event_manager.LOG.exception(
            "the event %s of %s is lost: its dead-letter target %s does not take it",
            sqs_invocation.invocation.request_id,
            function.qualified_arn,
            target,
        )


def dead_letter_attributes(request_id: str, payload: bytes | None) -> dict[str, dict[str, str]]:
    """What AWS says of a failed event: whose invocation it was, and the error's first kilobyte."""
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
    }
    if message := _error_message(payload):
        shortened = message.encode()[:MAX_ERROR_MESSAGE_BYTES].decode("utf-8", "ignore")
        attributes["ErrorMessage"] = {"DataType": "String", "StringValue": shortened}
    return attributes


def _error_message(payload: bytes | None) -> str:
    """Empty where the function never ran: without concurrency, or when the event was too old."""
    try:
        error = json.loads(payload or b"null")
    except ValueError:
        return ""
    return str(error.get("errorMessage") or "") if isinstance(error, dict) else ""
