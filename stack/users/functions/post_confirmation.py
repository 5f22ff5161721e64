"""PostConfirmation: stores the profile and announces the registration to the other micro-services.

Cognito retries it after a timeout: the profile is written once, and the event has the same id every time.
Cognito does not retry a failure: the user is confirmed nevertheless. So an event that the bus does not accept goes to
the queue of events to publish again (publish_again.py).
https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-post-confirmation.html
"""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from lumen.domain_events import DomainEvent, NotPublishedError, publish

SOURCE = "lumen.users"

logger = Logger()
profiles = boto3.resource("dynamodb").Table(os.environ["PROFILES_TABLE"])
events = boto3.client("events")
queues = boto3.client("sqs")


def user_registered(attributes: dict[str, str], correlation_id: str) -> DomainEvent:
    """The domain event of these attributes of a user."""
    data: dict[str, Any] = {
        "user_id": attributes["sub"],
        "email": attributes["email"],
        "name": attributes.get("name") or attributes["email"],
        "wants_text_messages": attributes.get("custom:sms_welcome") == "true",
        "wants_news": attributes.get("custom:news") == "true",
    }
    if attributes.get("phone_number"):
        data["phone_number"] = attributes["phone_number"]
    return DomainEvent.of("UserRegistered", data, fact=attributes["sub"], correlation_id=correlation_id)


def store(event: DomainEvent) -> None:
    """Write the profile unless it is there: a repeated run must not undo what its owner changed since."""
    try:
        profiles.put_item(
            Item={**event.data, "registered_at": event.occurred_at}, ConditionExpression="attribute_not_exists(user_id)"
        )
    except profiles.meta.client.exceptions.ConditionalCheckFailedException:
        logger.info("the profile is already there")


def announce(event: DomainEvent) -> None:
    """Publish the event now, or as soon as the bus accepts events again."""
    try:
        publish(events, bus_name=os.environ["EVENT_BUS_NAME"], source=SOURCE, event=event)
    except (NotPublishedError, ClientError, BotoCoreError):
        logger.exception("the bus did not take the event; it goes to the queue")
        queues.send_message(QueueUrl=os.environ["UNPUBLISHED_QUEUE_URL"], MessageBody=json.dumps(event.to_json()))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    # The trigger also runs when a forgotten password was reset.
    if event["triggerSource"] != "PostConfirmation_ConfirmSignUp":
        return event
    registered = user_registered(event["request"]["userAttributes"], context.aws_request_id)
    logger.append_keys(correlation_id=registered.correlation_id, user_id=registered.data["user_id"])
    store(registered)
    announce(registered)
    logger.info("registered")
    return event
