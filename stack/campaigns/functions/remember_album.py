"""AlbumCreated, AlbumChanged, AlbumDeleted: the albums of the last week, for the digest. Events may come in any order."""

import os
from datetime import datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.domain_events import DomainEvent

KEPT = timedelta(days=8)

logger = Logger()
albums = boto3.resource("dynamodb").Table(os.environ["ALBUMS_TABLE"])


def changes(event: DomainEvent) -> dict[str, Any]:
    """What is remembered of an album after this event, unless a later one came before."""
    until = datetime.fromisoformat(event.occurred_at) + KEPT
    remembered = {"revision": event.data["revision"], "expires_at": int(until.timestamp())}
    if event.type == "AlbumDeleted":
        # Kept until it expires, so that an older event that comes later does not bring the album back.
        return remembered | {"deleted": True}
    return remembered | {"title": event.data["title"]}


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 - AWS's signature
    told = DomainEvent.from_json(event["detail"])
    logger.append_keys(correlation_id=told.correlation_id, event_id=told.event_id)
    key = {"album_id": told.data["album_id"]}
    remembered = changes(told)
    try:
        albums.update_item(
            Key=key,
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in remembered),
            ConditionExpression="attribute_not_exists(revision) OR revision < :revision",
            ExpressionAttributeNames={f"#{name}": name for name in remembered},
            ExpressionAttributeValues={f":{name}": value for name, value in remembered.items()},
        )
    except albums.meta.client.exceptions.ConditionalCheckFailedException:
        logger.info("a later event came before")
    if told.type == "AlbumCreated":
        # The creation time holds, whatever event came before. Write it last: the digest reads albums that have it.
        albums.update_item(
            Key=key,
            UpdateExpression="SET created_at = :at",
            ExpressionAttributeValues={":at": told.occurred_at},
        )
