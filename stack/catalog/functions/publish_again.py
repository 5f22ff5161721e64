"""Messages of UnpublishedChangesQueue: records of the table's stream whose first publication failed.

Later changes of the album may have been published already: the revision shows which of two events is newer.
"""

import json
from typing import Any

import boto3
from album_events import tell
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)
events = boto3.client("events")


def take(record: SQSRecord) -> None:
    """One change. Raises when it must come again."""
    if told := tell(events, json.loads(record.body)):
        logger.info("published", extra={"event_id": told.event_id, "correlation_id": told.correlation_id})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
