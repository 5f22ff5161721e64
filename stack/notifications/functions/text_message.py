"""Messages of SmsQueue: a text message to users who requested it, once for every domain event."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from lumen.domain_events import DomainEvent

TEXT = "Welcome to Lumen! Your first album is waiting for you."

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)
# The queue repeats what fails. More repetitions here would use up the time of the batch's other messages.
messages = boto3.client("sns", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))
sent = DynamoDBPersistenceLayer(table_name=os.environ["SENT_TABLE"])
once = IdempotencyConfig(
    event_key_jmespath="event_id", raise_on_no_idempotency_key=True, expires_after_seconds=30 * 86400
)


@idempotent_function(data_keyword_argument="event", persistence_store=sent, config=once)
def send(*, event: dict[str, Any]) -> str:
    answer = messages.publish(PhoneNumber=event["data"]["phone_number"], Message=TEXT)
    return str(answer["MessageId"])


def take(record: SQSRecord) -> None:
    """One message: the EventBridge event, as SNS delivers it raw. Raises when it must come again."""
    event = DomainEvent.from_json(json.loads(record.body)["detail"])
    if not event.data.get("phone_number"):
        logger.info("no phone number", extra={"event_id": event.event_id})
        return
    logger.info("text message sent", extra={"event_id": event.event_id, "message_id": send(event=event.to_json())})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    once.register_lambda_context(context)
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
