"""UserRegistered: sends the welcome mail, once for every domain event."""

import html
import os
import unicodedata
from dataclasses import dataclass
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.domain_events import DomainEvent

MAX_NAME_IN_SUBJECT = 60

logger = Logger()
mail_service = boto3.client("ses")
sent = DynamoDBPersistenceLayer(table_name=os.environ["SENT_TABLE"])
# The id of the domain event: EventBridge gives a repeated publication another one.
once = IdempotencyConfig(
    event_key_jmespath="event_id", raise_on_no_idempotency_key=True, expires_after_seconds=30 * 86400
)


@dataclass(frozen=True, slots=True)
class Mail:
    """The welcome mail's three parts."""

    subject: str
    text: str
    html: str


def compose(name: str) -> Mail:
    """The mail to a user with this name; special characters in the name are safe."""
    return Mail(
        subject=f"Welcome to Lumen, {one_line(name)}",
        text=f"Hello {name},\n\nwelcome to Lumen. Your first album is waiting for you.\n\nThe people of Lumen\n",
        html=(
            '<!doctype html><html><head><meta charset="utf-8"></head><body>'
            f"<p>Hello {html.escape(name)},</p><p>welcome to Lumen. Your first album is waiting for you.</p>"
            "<p>The people of Lumen</p></body></html>"
        ),
    )


def one_line(name: str) -> str:
    """A name as a header may hold it: no control character or line separator, so that it cannot begin another header."""
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in name)
    return " ".join(kept.split())[:MAX_NAME_IN_SUBJECT]


@idempotent_function(data_keyword_argument="event", persistence_store=sent, config=once)
def send(*, event: dict[str, Any]) -> str:
    """Send the mail of a domain event; returns the mail's id. An attempt that raises does not count as sent."""
    mail = compose(event["data"]["name"])
    answer = mail_service.send_email(
        Source=os.environ["MAIL_SENDER"],
        Destination={"ToAddresses": [event["data"]["email"]]},
        Message={
            "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
            "Body": {
                "Text": {"Data": mail.text, "Charset": "UTF-8"},
                "Html": {"Data": mail.html, "Charset": "UTF-8"},
            },
        },
    )
    return str(answer["MessageId"])


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    once.register_lambda_context(context)
    registered = DomainEvent.from_json(event["detail"])
    logger.append_keys(correlation_id=registered.correlation_id, event_id=registered.event_id)
    logger.info("welcomed", extra={"mail_id": send(event=registered.to_json())})
