"""Task AskTheSaas: submits a campaign to the mail SaaS.

The campaign's id is the SaaS's idempotency key: a repeated request, after a timeout for example, sends no second mail.
"""

import os
from collections.abc import Iterator
from typing import Any

import boto3
import mail_saas
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

AT_ONCE = 100
"""Items of one BatchGetItem (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html)."""
DEFAULT_RETRY_AFTER_SECONDS = 30
MAX_RETRY_AFTER_SECONDS = 3600

logger = Logger()
database = boto3.resource("dynamodb")


class NobodyToMailError(ValueError):
    """No recipient of the campaign wants news at an address that accepts mail."""


def recipients(user_ids: list[str]) -> Iterator[dict[str, Any]]:
    """The recipients who want news at an address that accepts mail."""
    table = os.environ["RECIPIENTS_TABLE"]
    for start in range(0, len(user_ids), AT_ONCE):
        asked: Any = {table: {"Keys": [{"user_id": user_id} for user_id in user_ids[start : start + AT_ONCE]]}}
        while asked:
            found = database.batch_get_item(RequestItems=asked)
            for person in found["Responses"].get(table, ()):
                if person["wants_news"] and person.get("reachable", True):
                    yield {"id": person["user_id"], "email": person["email"], "name": person["name"]}
            asked = found.get("UnprocessedKeys")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - AWS's signature
    campaign = event["campaign"]
    logger.append_keys(correlation_id=campaign["correlation_id"], campaign_id=campaign["campaign_id"])
    mailed = sorted(recipients(campaign["recipients"]), key=lambda person: str(person["id"]))
    if not mailed:
        raise NobodyToMailError("none of the campaign's recipients wants news at an address that takes mail")
    answer = mail_saas.call(
        "POST",
        "/v1/campaigns",
        {
            "external_id": campaign["campaign_id"],
            "subject": campaign["title"],
            "text": campaign["text"],
            "recipients": mailed,
        },
        idempotency_key=campaign["campaign_id"],
    )
    if answer.status == 429:
        seconds = answer.retry_after_seconds or DEFAULT_RETRY_AFTER_SECONDS
        logger.info("the mail SaaS is busy", extra={"retry_after_seconds": seconds})
        return {"outcome": "later", "seconds": min(seconds, MAX_RETRY_AFTER_SECONDS), "reference": ""}
    logger.info("accepted", extra={"reference": answer.body["id"], "recipients": len(mailed)})
    return {"outcome": "accepted", "seconds": 0, "reference": answer.body["id"]}
