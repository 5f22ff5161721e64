"""Messages of ModerationQueue: public pictures. Each waits for a moderator from now on.

The topic's filter policy lets only public pictures through. The messages are SNS's envelopes around S3's notification.
"""

import json
import os
from typing import Any
from urllib.parse import unquote_plus

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.pictures import PictureKey

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)
pictures = boto3.resource("dynamodb").Table(os.environ["PICTURES_TABLE"])


def take(record: SQSRecord) -> None:
    """One message. Raises when it must come again."""
    for told in json.loads(json.loads(record.body)["Message"])["Records"]:
        key = PictureKey.of(unquote_plus(told["s3"]["object"]["key"]))
        review = {"user_id": key.user_id, "item": f"review#{key.picture_id}"}
        try:
            # What a moderator said stays when the message comes again.
            pictures.put_item(
                Item={**review, "status": "waiting", "key": key.picture, "asked_at": told["eventTime"]},
                ConditionExpression="attribute_not_exists(user_id)",
            )
        except pictures.meta.client.exceptions.ConditionalCheckFailedException:
            logger.info("asked before", extra={"picture_id": key.picture_id})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
