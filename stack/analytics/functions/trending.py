"""Bursts from BurstsTopic, directly: the album is trending for an hour."""

import os
from datetime import UTC, datetime, timedelta

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import SNSEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext
from click_burst import Burst

TRENDING = timedelta(hours=1)

logger = Logger()
database = boto3.client("dynamodb")


@logger.inject_lambda_context
@event_source(data_class=SNSEvent)
def handler(event: SNSEvent, _context: LambdaContext) -> None:
    # SNS gives a function one message at a time (https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html).
    burst = Burst.from_json(event.sns_message)
    until = datetime.fromisoformat(burst.minute).replace(tzinfo=UTC) + TRENDING
    # A set: a burst that is announced twice counts once.
    database.update_item(
        TableName=os.environ["TRENDING_TABLE"],
        Key={"album_id": {"S": burst.album_id}},
        UpdateExpression="SET expires_at = :until ADD minutes :minute",
        ExpressionAttributeValues={
            ":until": {"N": str(int(until.timestamp()))},
            ":minute": {"SS": [burst.minute]},
        },
    )
    logger.info("trending", extra={"album_id": burst.album_id, "minute": burst.minute})
