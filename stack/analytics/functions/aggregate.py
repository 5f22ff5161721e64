"""Records of ClicksStream: counts every click once, sends it to its visitor's journey, and announces bursts.

Any failure fails the whole batch. Lambda splits it until only the failing record is in it, and gives that one up.
A click is never counted twice, so a batch may be retried any number of times.
"""

import os
import time
from collections.abc import Iterable
from typing import Any

import boto3
from album_click import Click
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import KinesisStreamEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from click_burst import Burst

DAY = 86400
REMEMBERED_SECONDS = 7 * DAY
"""Longer than the stream keeps a record, so that no redelivery outlives the memory of it."""
MINUTES_KEPT_SECONDS = 2 * DAY
CONFLICTS = 5
"""Two shards may count clicks on one album at once; DynamoDB refuses one of the two, and it comes again at once."""

logger = Logger()
# The mapping repeats what fails; more repetitions here would only hold up the shard.
config = Config(retries={"mode": "standard", "total_max_attempts": 2})
database = boto3.client("dynamodb", config=config)
queue = boto3.client("sqs", config=config)
topic = boto3.client("sns", config=config)


@logger.inject_lambda_context
@event_source(data_class=KinesisStreamEvent)
def handler(event: KinesisStreamEvent, _context: LambdaContext) -> None:
    clicks = []
    for record in event.records:
        click = Click.from_json(record.kinesis.data_as_bytes())
        if not count(click):
            logger.info("counted before", extra={"click_id": click.click_id})
        # Also if it was counted before: the attempt that counted it may have failed here. The queue drops duplicates.
        hand_on(click)
        clicks.append(click)
    announce_bursts(clicks)


def count(click: Click) -> bool:
    """Count a click; False where it was counted before. Either all of it is written, or nothing."""
    forget = int(time.time()) + REMEMBERED_SECONDS
    remember = {
        "Put": {
            "TableName": os.environ["COUNTED_TABLE"],
            "Item": {"click_id": {"S": click.click_id}, "expires_at": {"N": str(forget)}},
            "ConditionExpression": "attribute_not_exists(click_id)",
        }
    }
    of_the_day = _add(click, f"day#{click.day}")
    of_the_minute = _add(click, f"minute#{click.minute}", expires_at=int(time.time()) + MINUTES_KEPT_SECONDS)
    for attempt in range(CONFLICTS):
        try:
            database.transact_write_items(TransactItems=[remember, of_the_day, of_the_minute])
            return True
        except database.exceptions.TransactionCanceledException as error:
            reasons = [reason.get("Code") for reason in error.response.get("CancellationReasons", [])]
            if reasons[:1] == ["ConditionalCheckFailed"]:
                return False
            if "TransactionConflict" not in reasons or attempt == CONFLICTS - 1:
                raise
    raise AssertionError("unreachable")


def _add(click: Click, period: str, *, expires_at: int | None = None) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": os.environ["COUNTERS_TABLE"],
            "Key": {"album_id": {"S": click.album_id}, "period": {"S": period}},
            "UpdateExpression": "ADD clicks :one, #kind :one" + (" SET expires_at = :expires_at" if expires_at else ""),
            "ExpressionAttributeNames": {"#kind": f"clicks_{click.kind}"},
            "ExpressionAttributeValues": {
                ":one": {"N": "1"},
                **({":expires_at": {"N": str(expires_at)}} if expires_at else {}),
            },
        }
    }


def hand_on(click: Click) -> None:
    """Journeys in the order of each visitor's clicks: a group is a visitor."""
    queue.send_message(
        QueueUrl=os.environ["JOURNEYS_QUEUE_URL"],
        MessageBody=click.to_json(),
        MessageGroupId=click.visitor,
        MessageDeduplicationId=click.click_id,
    )


def announce_bursts(clicks: Iterable[Click]) -> None:
    """Announce the albums that got many clicks within a minute. After a crash a burst may be announced twice; all
    subscribers tolerate that."""
    for album_id, minute in dict.fromkeys((click.album_id, click.minute) for click in clicks):
        key = {"album_id": {"S": album_id}, "period": {"S": f"minute#{minute}"}}
        found = database.get_item(TableName=os.environ["COUNTERS_TABLE"], Key=key, ConsistentRead=True).get("Item", {})
        total = int(found.get("clicks", {"N": "0"})["N"])
        if total < int(os.environ["BURST_CLICKS"]) or "announced" in found:
            continue
        burst = Burst(album_id, minute, total)
        topic.publish(TopicArn=os.environ["BURSTS_TOPIC_ARN"], Message=burst.to_json())
        database.update_item(
            TableName=os.environ["COUNTERS_TABLE"],
            Key=key,
            UpdateExpression="SET announced = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )
        logger.info("burst", extra={"album_id": album_id, "clicks": total})
