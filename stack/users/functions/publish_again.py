"""Messages of UnpublishedEventsQueue: domain events that the bus did not take when they happened."""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.domain_events import DomainEvent, publish

SOURCE = "lumen.users"

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)
events = boto3.client("events")


def take(record: SQSRecord) -> None:
    """One event. Raises when it must come again."""
    event = DomainEvent.from_json(json.loads(record.body))
    publish(events, bus_name=os.environ["EVENT_BUS_NAME"], source=SOURCE, event=event)
    logger.info("published", extra={"event_id": event.event_id, "correlation_id": event.correlation_id})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
