"""Tasks AnnounceCompleted and AnnounceFailed: writes down how a campaign ended and publishes it.

Both may be repeated: the record is the same again, and the event has the same id.
"""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.domain_events import DomainEvent, publish

SOURCE = "lumen.campaigns"
MAX_DETAIL = 1000

logger = Logger()
campaigns = boto3.resource("dynamodb").Table(os.environ["CAMPAIGNS_TABLE"])
events = boto3.client("events")


def message_of(cause: str) -> str:
    """What an error's cause says; of a function's error it is JSON, with the message inside
    (https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html)."""
    try:
        parsed = json.loads(cause)
    except ValueError:
        return cause
    return str(parsed.get("errorMessage", cause)) if isinstance(parsed, dict) else cause


def outcome(event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The type of the domain event, and its data besides the campaign's user."""
    if (error := event.get("error")) is None:
        return "CampaignCompleted", {"delivered": event["told"]["delivered"], "bounced": len(event["told"]["bounced"])}
    reason = str(error["Error"]).removesuffix("Error")
    return "CampaignFailed", {"reason": reason, "detail": message_of(error.get("Cause") or "")[:MAX_DETAIL]}


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 - AWS's signature
    campaign = event["campaign"]
    logger.append_keys(correlation_id=campaign["correlation_id"], campaign_id=campaign["campaign_id"])
    event_type, said = outcome(event)
    status = event_type.removeprefix("Campaign").lower()
    written = {"status": status, "user_id": campaign["user_id"], "title": campaign["title"], **said}
    campaigns.update_item(
        Key={"campaign_id": campaign["campaign_id"]},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in written),
        ExpressionAttributeNames={f"#{name}": name for name in written},
        ExpressionAttributeValues={f":{name}": value for name, value in written.items()},
    )
    data = {name: campaign[name] for name in ("user_id", "campaign_id", "title")} | said
    announced = DomainEvent.of(
        event_type, data, fact=campaign["campaign_id"], correlation_id=campaign["correlation_id"]
    )
    publish(events, bus_name=os.environ["EVENT_BUS_NAME"], source=SOURCE, event=announced)
    logger.info(status, extra=said)
