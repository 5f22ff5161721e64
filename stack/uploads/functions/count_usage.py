"""Messages of UsageQueue: S3's notifications of kept and deleted pictures; counted for their user.

Some come through the topic (raw, so that they look like the others), some from the bucket. S3 delivers at least once
and in any order: only an object's notification with the newest sequencer so far counts
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
"""

import json
import os
from dataclasses import dataclass
from typing import Any, Self
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


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one object: it has `size_bytes` now, or is deleted (None)."""

    key: PictureKey
    sequencer: str
    size_bytes: int | None

    @classmethod
    def of(cls, record: dict[str, Any]) -> Self:
        """A record of S3's notification."""
        told = record["s3"]["object"]
        created = record["eventName"].startswith("ObjectCreated:")
        return cls(PictureKey.of(unquote_plus(told["key"])), told["sequencer"], int(told["size"]) if created else None)


def is_newer(sequencer: str, than: str) -> bool:
    """Of two sequencers of one object: the shorter is padded on the right, then their letters are compared."""
    length = max(len(sequencer), len(than))
    return sequencer.ljust(length, "0") > than.ljust(length, "0")


def count(change: Change) -> None:
    """Count one change, once. Raises if another invocation counted the same object meanwhile; SQS delivers it again."""
    of_object = {"user_id": change.key.user_id, "item": f"counted#{change.key.picture_id}"}
    known: dict[str, Any] = pictures.get_item(Key=of_object, ConsistentRead=True).get("Item") or {}
    if known and not is_newer(change.sequencer, known["sequencer"]):
        logger.info("counted before", extra={"picture_id": change.key.picture_id})
        return
    before = known.get("size_bytes")
    marked: dict[str, Any] = {**of_object, "sequencer": change.sequencer}
    if change.size_bytes is not None:
        marked["size_bytes"] = change.size_bytes
    unchanged = "attribute_not_exists(sequencer)" if not known else "sequencer = :seen"
    pictures.meta.client.transact_write_items(
        TransactItems=[
            {
                "Put": {
                    "TableName": pictures.name,
                    "Item": marked,
                    "ConditionExpression": unchanged,
                    **({"ExpressionAttributeValues": {":seen": known["sequencer"]}} if known else {}),
                }
            },
            {
                "Update": {
                    "TableName": pictures.name,
                    "Key": {"user_id": change.key.user_id, "item": "usage"},
                    "UpdateExpression": "ADD pictures :pictures, size_bytes :bytes",
                    "ExpressionAttributeValues": {
                        ":pictures": (change.size_bytes is not None) - (before is not None),
                        ":bytes": (change.size_bytes or 0) - (before or 0),
                    },
                }
            },
        ]
    )


def take(record: SQSRecord) -> None:
    """One message. Raises when it must come again."""
    # S3 says `s3:TestEvent` when the notification is configured, which has no records.
    for told in json.loads(record.body).get("Records", []):
        count(Change.of(told))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
