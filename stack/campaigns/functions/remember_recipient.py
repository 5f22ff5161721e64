"""UserRegistered: stores whether the user wants news, and the address."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.domain_events import DomainEvent

REMEMBERED = ("user_id", "email", "name", "wants_news")

logger = Logger()
recipients = boto3.resource("dynamodb").Table(os.environ["RECIPIENTS_TABLE"])


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 - AWS's signature
    registered = DomainEvent.from_json(event["detail"])
    logger.append_keys(correlation_id=registered.correlation_id, event_id=registered.event_id)
    try:
        recipients.put_item(
            Item={name: registered.data[name] for name in REMEMBERED},
            # An event that comes again must not undo that the address turned out not to take mail.
            ConditionExpression="attribute_not_exists(user_id)",
        )
    except recipients.meta.client.exceptions.ConditionalCheckFailedException:
        logger.info("remembered before")
