"""Every night: a campaign with the week's new albums, to every user who wants news.

EventBridge Scheduler may deliver twice. The executions are named after the scheduled time, so a second delivery starts
nothing (https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html).
"""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

WEEK = timedelta(days=7)
RECIPIENTS_AT_ONCE = 1000
"""Of one campaign: the input of an execution holds 256 KiB."""
TEXT_AT_MOST = 150_000
"""Bytes of a text as JSON: with so many recipients it is still within the input of an execution."""
TITLE = "New on Lumen this week"
SENDER = "lumen"
"""The campaign's starter: none of the users."""

logger = Logger()
database = boto3.resource("dynamodb")
executions = boto3.client("stepfunctions")


def items(table: str) -> Iterator[dict[str, Any]]:
    start: dict[str, Any] = {}
    while True:
        page = database.Table(os.environ[table]).scan(**start)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def new_titles(albums: Iterator[dict[str, Any]], until: datetime) -> list[str]:
    """Of the albums that were made in the week before, the oldest first."""
    new = [
        (album["created_at"], album["title"])
        for album in albums
        if "created_at" in album
        and not album.get("deleted")
        and until - WEEK <= datetime.fromisoformat(album["created_at"]) < until
    ]
    return [title for _, title in sorted(new)]


def compose(titles: list[str]) -> str:
    """The newest albums that fit, oldest first, and the number of the remaining ones."""
    lines: list[str] = []
    room = TEXT_AT_MOST
    for title in reversed(titles):
        line = f"- {' '.join(title.split())}"
        room -= len(json.dumps(f"{line}\n"))
        if room < 0:
            break
        lines.append(line)
    text = "These albums are new:\n\n" + "\n".join(reversed(lines))
    return f"{text}\n\nAnd {more:,} more." if (more := len(titles) - len(lines)) else text


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> list[str]:  # noqa: ARG001 - AWS's signature
    until = datetime.fromisoformat(event["scheduled_time"])
    titles = new_titles(items("ALBUMS_TABLE"), until)
    wanting = sorted(p["user_id"] for p in items("RECIPIENTS_TABLE") if p["wants_news"] and p.get("reachable", True))
    if not titles or not wanting:
        logger.info("nothing to tell", extra={"albums": len(titles), "recipients": len(wanting)})
        return []
    campaigns = []
    for number, start in enumerate(range(0, len(wanting), RECIPIENTS_AT_ONCE), 1):
        name = f"digest-{until:%Y%m%dT%H%M%S}-{number}"
        campaign = {
            "campaign_id": name,
            "user_id": SENDER,
            "correlation_id": name,
            "title": TITLE,
            "text": compose(titles),
            "recipients": wanting[start : start + RECIPIENTS_AT_ONCE],
        }
        try:
            executions.start_execution(
                stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=name, input=json.dumps(campaign)
            )
        except executions.exceptions.ExecutionAlreadyExists:
            logger.info("started before", extra={"campaign_id": name})
        campaigns.append(name)
    logger.info("digests started", extra={"campaigns": len(campaigns), "albums": len(titles)})
    return campaigns
