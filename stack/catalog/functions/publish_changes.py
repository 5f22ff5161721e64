"""The stream of the table: publishes changes of albums to the other micro-services, in their order.

The first record that cannot be published ends the batch. Lambda retries from that record on, so nothing overtakes it
(https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html). Powertools' batch processor would
also handle the rest, which Lambda would deliver again nevertheless.
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
