"""The routes `subscribe` and `unsubscribe`: the topics that a connection receives.

{"action": "subscribe", "topics": ["albums", "pictures"]}    without "topics": all of them
{"type": "subscribed", "topics": ["albums", "pictures"]}     the response: all current subscriptions
"""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

TOPICS = ("albums", "campaigns", "pictures")
"""What deliver.py files domain events under."""

logger = Logger()
connections = boto3.resource("dynamodb").Table(os.environ["CONNECTIONS_TABLE"])


class InvalidRequestError(ValueError):
    """A message that cannot be followed; what is wrong is for the sender."""


def topics_of(body: str) -> set[str]:
    """The topics that a message names. Raises InvalidRequestError."""
    # It is a JSON object: API Gateway has read the action from it.
    topics = json.loads(body).get("topics", list(TOPICS))
    if not isinstance(topics, list) or not topics or any(topic not in TOPICS for topic in topics):
        raise InvalidRequestError(f"topics must be a list of some of {', '.join(TOPICS)}.")
    return set(topics)


def changed(request: dict[str, Any], verb: str, topics: set[str]) -> list[str]:
    """Change the subscriptions of a connection; returns all that it has then."""
    answer = connections.update_item(
        Key={"user_id": request["authorizer"]["user_id"], "connection_id": request["connectionId"]},
        UpdateExpression=f"{verb} topics :topics",
        # A connection that has ended meanwhile must not come back.
        ConditionExpression="attribute_exists(connection_id)",
        ExpressionAttributeValues={":topics": topics},
        ReturnValues="ALL_NEW",
    )
    return sorted(answer["Attributes"].get("topics", ()))


def answer(message: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": 200, "body": json.dumps(message)}


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    request = event["requestContext"]
    verb = {"subscribe": "ADD", "unsubscribe": "DELETE"}[request["routeKey"]]
    try:
        topics = changed(request, verb, topics_of(event["body"]))
    except InvalidRequestError as error:
        return answer({"type": "error", "message": str(error)})
    except connections.meta.client.exceptions.ConditionalCheckFailedException:
        return answer({"type": "error", "message": "This connection is not known any more; connect again."})
    logger.info("subscriptions changed", extra={"connection_id": request["connectionId"], "topics": topics})
    return answer({"type": "subscribed", "topics": topics})
