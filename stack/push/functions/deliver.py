"""Domain events: sends each to the connections of the user it is about, and to no others.

    {"type": "AlbumCreated", "event_id": "...", "occurred_at": "...", "data": {...}}

An event may come again, and after a failure it does. A browser that has received it then gets it again, with the same
`event_id`: showing an event twice is harmless, and storing every push would cost more than it saves.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from lumen.domain_events import DomainEvent

TOPICS = {
    "AlbumChanged": "albums",
    "AlbumCreated": "albums",
    "AlbumDeleted": "albums",
    "CampaignCompleted": "campaigns",
    "CampaignFailed": "campaigns",
    "PictureProcessed": "pictures",
    "PictureRejected": "pictures",
}
"""What a browser subscribes to, by the type of the domain event."""

logger = Logger()
connections = boto3.resource("dynamodb").Table(os.environ["CONNECTIONS_TABLE"])
gateway = boto3.client(
    "apigatewaymanagementapi",
    endpoint_url=os.environ["CONNECTIONS_URL"],
    config=Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}),
)


class NotDeliveredError(Exception):
    """Connections that are there did not get the event."""


def subscribed(user_id: str, topic: str) -> Iterator[str]:
    """The ids of a user's connections that are subscribed to a topic."""
    query: dict[str, Any] = {
        "KeyConditionExpression": Key("user_id").eq(user_id),
        "FilterExpression": Attr("topics").contains(topic),
        # A subscription counts from its confirmation on.
        "ConsistentRead": True,
    }
    while True:
        page = connections.query(**query)
        yield from (item["connection_id"] for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def post(user_id: str, connection_id: str, message: bytes) -> None:
    """Send it to a connection; delete the item of a closed connection."""
    try:
        gateway.post_to_connection(ConnectionId=connection_id, Data=message)
    except gateway.exceptions.GoneException:
        connections.delete_item(Key={"user_id": user_id, "connection_id": connection_id})
        logger.info("gone", extra={"connection_id": connection_id})


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    told = DomainEvent.from_json(event["detail"])
    logger.append_keys(correlation_id=told.correlation_id, event_id=told.event_id)
    shown = {"type": told.type, "event_id": told.event_id, "occurred_at": told.occurred_at, "data": told.data}
    message = json.dumps(shown, ensure_ascii=False).encode()
    user_id, failed = told.data["user_id"], []
    for connection_id in subscribed(user_id, TOPICS[told.type]):
        try:
            post(user_id, connection_id, message)
        except (ClientError, BotoCoreError):
            # The others are not to wait for this one.
            logger.exception("not delivered", extra={"connection_id": connection_id})
            failed.append(connection_id)
    if failed:
        raise NotDeliveredError(f"{told.type} {told.event_id} did not reach {', '.join(failed)}")
