"""Records of ClicksStream: every batch becomes one object of JSON lines.

An object is named by its shard and the first of its records, so a batch that comes again overwrites itself; and when Lambda
halves a batch, the first half overwrites the whole.
"""

import os
from datetime import UTC, datetime

import boto3
from album_click import Click
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import KinesisStreamEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

logger = Logger()
bucket = boto3.client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))


@logger.inject_lambda_context
@event_source(data_class=KinesisStreamEvent)
def handler(event: KinesisStreamEvent, _context: LambdaContext) -> None:
    records = list(event.records)
    # An unreadable click is not archived. It fails the batch until the batch holds only this record.
    lines = [Click.from_json(record.kinesis.data_as_bytes()).to_json() for record in records]
    first = records[0]
    day = datetime.fromtimestamp(first.kinesis.approximate_arrival_timestamp, UTC).date()
    shard = first.event_id.partition(":")[0]
    key = f"clicks/date={day}/{shard}-{first.kinesis.sequence_number}.jsonl"
    bucket.put_object(
        Bucket=os.environ["BUCKET_NAME"],
        Key=key,
        Body="".join(f"{line}\n" for line in lines).encode(),
        ContentType="application/x-ndjson",
    )
    logger.info("archived", extra={"key": key, "clicks": len(lines)})
