"""What a rule of EventBridge cannot hand to a target goes to the target's dead-letter queue.

LocalStack 4.14.0 keeps `DeadLetterConfig` and logs the failure only.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

import json
import logging
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to
from localstack.services.events.target import TargetSender
from localstack.utils.aws.arns import parse_arn, sqs_queue_url_for_arn
from localstack.utils.patch import patch

LOG = logging.getLogger(__name__)

_NO_PERMISSIONS = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "NotAuthorized")
_NO_RESOURCE = ("ResourceNotFoundException", "NotFound", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")


def error_code(error: Exception) -> str:
    """What the dead letter's ERROR_CODE says of a failed delivery. Neither of the first two is tried again."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    if code in _NO_PERMISSIONS:
        return "NO_PERMISSIONS"
    return "NO_RESOURCE" if code in _NO_RESOURCE else "SDK_CLIENT_ERROR"


def _process_event(original: Any, self: Any, event: Any, trace_header: Any) -> None:
    # The dead letter is the event, not what the target's Input makes of it.
    whole = {k: v for k, v in event.items() if k != "event-bus-name"} if isinstance(event, dict) else event
    try:
        original(self, event, trace_header)
    except Exception as error:
        queue = (self.target.get("DeadLetterConfig") or {}).get("Arn")
        if queue:
            _send(queue, self.rule_arn, self.target, whole, error)
        raise


def _send(queue: str, rule_arn: str, target: Any, event: Any, error: Exception) -> None:
    attributes = {
        "RULE_ARN": rule_arn,
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": error_code(error),
        "ERROR_MESSAGE": str(error),
    }
    arn = parse_arn(queue)
    client = connect_to(aws_access_key_id=arn["account"], region_name=arn["region"]).sqs.request_metadata(
        source_arn=rule_arn, service_principal="events"
    )
    try:
        client.send_message(
            QueueUrl=sqs_queue_url_for_arn(queue),
            MessageBody=json.dumps(event, default=str),
            MessageAttributes={k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()},
        )
    except ClientError:
        LOG.exception("an event of the rule %s is lost: neither %s nor %s takes it", rule_arn, target["Arn"], queue)


def install() -> None:
    patch(TargetSender.process_event)(_process_event)
