"""The stream of the table: tells the other micro-services what happened to albums, in the order in which it happened.

The first record that cannot be told ends the batch: Lambda gives it again from there on, and nothing overtakes it
(https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html). Powertools' batch processor would
handle the rest, too, and Lambda give it again all the same.
"""

from typing import Any

import boto3
from album_events import tell
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
events = boto3.client("events")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - Lambda's own signature
    for record in event["Records"]:
        try:
            told = tell(events, record)
        except Exception:  # whatever it is, the record comes again, and in the end goes to the queue
            logger.exception("not published", extra={"event_id": record["eventID"]})
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
        if told is not None:
            extra = {"event_id": told.event_id, "correlation_id": told.correlation_id}
            logger.info("published", extra=extra)
    return {"batchItemFailures": []}
