"""Messages of JourneysQueue: the steps of a visitor on one day, in order."""

import os
import time
from typing import Any

import boto3
from album_click import Click
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

KEPT_SECONDS = 30 * 86400

logger = Logger()
# After a message that failed, those of the same visitor wait with it; other visitors' do not.
processor = SqsFifoPartialProcessor(skip_group_on_error=True)
database = boto3.client("dynamodb", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))


def take(record: SQSRecord) -> None:
    """One step. Raises when it must come again; a step that is there already stays as it is."""
    click = Click.from_json(record.body)
    step = {"M": {"kind": {"S": click.kind}, "album_id": {"S": click.album_id}, "at": {"S": click.at}}}
    try:
        database.update_item(
            TableName=os.environ["JOURNEYS_TABLE"],
            Key={"visitor": {"S": click.visitor}},
            UpdateExpression=(
                "SET steps = list_append(if_not_exists(steps, :none), :step), expires_at = :expires_at ADD click_ids :id"
            ),
            ConditionExpression="NOT contains(click_ids, :click_id)",
            ExpressionAttributeValues={
                ":none": {"L": []},
                ":step": {"L": [step]},
                ":id": {"SS": [click.click_id]},
                ":click_id": {"S": click.click_id},
                ":expires_at": {"N": str(int(time.time()) + KEPT_SECONDS)},
            },
        )
    except database.exceptions.ConditionalCheckFailedException:
        logger.info("a step that is there already", extra={"click_id": click.click_id})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(event=event, record_handler=take, processor=processor, context=context)
