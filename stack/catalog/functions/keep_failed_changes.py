"""Messages of FailedChangesQueue: positions in the table's stream whose changes could not be published.

The stream deletes its records after a day, and then a position is useless. So this function copies the whole records to
UnpublishedChangesQueue.
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
streams = boto3.client("dynamodbstreams")
queues = boto3.client("sqs")


class ChangesGoneError(RuntimeError):
    """The stream no longer has the records of the message."""


def records_at(place: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The records between the two sequence numbers, both included. Raises ChangesGoneError when the last is not found."""
    iterator = streams.get_shard_iterator(
        StreamArn=place["streamArn"],
        ShardId=place["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=place["startSequenceNumber"],
    ).get("ShardIterator")
    last = int(place["endSequenceNumber"])
    while iterator:
        page = streams.get_records(ShardIterator=iterator)
        for record in page["Records"]:
            number = int(record["dynamodb"]["SequenceNumber"])
            if number <= last:
                yield record
            if number >= last:
                return
        if not page["Records"]:
            break
        iterator = page.get("NextShardIterator")
    raise ChangesGoneError(f"{place['streamArn']}: {place['shardId']} has no record {last}")


def as_lambda_has_it(value: object) -> float:
    """Times in seconds since the epoch, as in the events that Lambda makes of records."""
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value)} is nothing that a record of the table holds")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 - Lambda's own signature
    for message in event["Records"]:
        place = json.loads(message["body"])["DDBStreamBatchInfo"]
        for record in records_at(place):
            if record["dynamodb"]["Keys"]["sk"]["S"].startswith("ALBUM#"):
                body = json.dumps(record, default=as_lambda_has_it, ensure_ascii=False)
                queues.send_message(QueueUrl=os.environ["UNPUBLISHED_QUEUE_URL"], MessageBody=body)
                logger.info("kept", extra={"event_id": record["eventID"]})
