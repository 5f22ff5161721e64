"""How IAM sees SQS: what a call asks for, and the policies of resources."""

import re
from typing import Any
from urllib.parse import urlsplit

from harness.emulator.access.engine_state import split_arn
from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.services import asks, keeps_policies


def install() -> None:
    asks("sqs", _asked)
    keeps_policies("sqs", _policy)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    url = operation.parameters.get("QueueUrl")
    if url:
        # .../<account>/<name>, whatever is before it.
        *before, queue = urlsplit(str(url)).path.strip("/").split("/")
        account = before[-1] if before else ""
        known = account if re.fullmatch(r"\d{12}", account) else None
        return [RequestedAction(action, operation.arn("sqs", queue, _queue_region(str(url)), known))]
    if name := operation.parameters.get("QueueName"):
        owner = operation.parameters.get("QueueOwnerAWSAccountId")
        return [RequestedAction(action, operation.arn("sqs", str(name), account_id=owner))]
    return None


def _queue_region(url: str) -> str | None:
    """LocalStack's URLs say the region as AWS's do (`sqs.eu-west-1.…`) or in their path (`/queue/eu-west-1/…`)."""
    found = re.search(r"(?://(?:sqs\.)?|/queue/)([a-z]{2}(?:-[a-z]+)+-\d)[./]", url)
    return found[1] if found else None


def _policy(arn: str, _action: str) -> Any:
    from localstack.services.sqs.models import sqs_stores

    region, account_id, name = split_arn(arn)
    queue = sqs_stores[account_id][region].queues.get(name)
    return (queue.attributes.get("Policy") or None) if queue is not None else None
