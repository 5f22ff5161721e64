"""Messages of ReportsQueue: a report of the album's counters for each burst."""

import json
import os
from typing import Any
from urllib.parse import quote

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from click_burst import Burst

logger = Logger()
processor = BatchProcessor(event_type=EventType.SQS)
# The queue repeats what fails. More repetitions here would use up the time of the batch's other messages.
config = Config(retries={"mode": "standard", "total_max_attempts": 2})
database = boto3.client("dynamodb", config=config)
bucket = boto3.client("s3", config=config)


def counters(album_id: str) -> dict[str, dict[str, int]]:
    """What was counted for an album, by day and by kind."""
    pages = database.get_paginator("query").paginate(
        TableName=os.environ["COUNTERS_TABLE"],
        KeyConditionExpression="album_id = :album_id AND begins_with(period, :day)",
        ExpressionAttributeValues={":album_id": {"S": album_id}, ":day": {"S": "day#"}},
        ConsistentRead=True,
    )
    return {
        item["period"]["S"].removeprefix("day#"): {
            name: int(value["N"]) for name, value in sorted(item.items()) if name.startswith("clicks")
        }
        for page in pages
        for item in page["Items"]
    }


def take(record: SQSRecord) -> None:
    """One report. Raises when it must come again; one that comes twice overwrites itself."""
    burst = Burst.from_json(record.body)
    report = {"album_id": burst.album_id, "burst": {"minute": burst.minute, "clicks": burst.clicks}}
    bucket.put_object(
        Bucket=os.environ["BUCKET_NAME"],
        Key=f"reports/{quote(burst.album_id, safe='')}/{burst.minute}.json",
        Body=json.dumps({**report, "days": counters(burst.album_id)}, ensure_ascii=False).encode(),
        ContentType="application/json",
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
