"""Ends the visibility timeout of messages that a test names: a message that a consumer failed is visible at once.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

from collections.abc import Mapping
from typing import Any

from harness.emulator.controls.timers import on_fire

KIND = "sqs-visibility-timeout"


def install() -> None:
    on_fire(KIND)(end_visibility_timeout)


def end_visibility_timeout(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Show the messages in flight again whose body contains a text. A message that its consumer still works on is shown
    too, as it is when the timeout is over in the middle of that work.

    `queue_url` and `body_contains` are required. Returns `{"shown": count}`.
    """
    if unknown := set(parameters) - {"queue_url", "body_contains"}:
        raise ValueError(f"{KIND} takes queue_url and body_contains, not {', '.join(sorted(unknown))}")
    url, text = parameters.get("queue_url"), parameters.get("body_contains")
    if not isinstance(url, str):
        raise ValueError(f'{KIND} needs "queue_url", the URL of the queue whose messages to show again')
    if not isinstance(text, str) or not text:
        raise ValueError(f'{KIND} needs "body_contains", a text that only the messages to show again hold')
    queue = _queue(url)
    with queue.mutex:
        held = [message for message in queue.inflight if text in message.message["Body"]]
        for message in held:
            message.update_visibility_timeout(0)
        queue.requeue_inflight_messages()
    return {"shown": len(held)}


def _queue(url: str) -> Any:
    from localstack.services.sqs.models import sqs_stores  # loads with SQS itself, not at boot
    from localstack.services.sqs.utils import parse_queue_url

    try:
        account, region, name = parse_queue_url(url)
    except ValueError:
        raise LookupError(f"{url} is not the URL of a queue") from None
    queue = sqs_stores[account][region or "us-east-1"].queues.get(name)
    if queue is None:
        raise LookupError(f"there is no queue {url}")
    return queue
