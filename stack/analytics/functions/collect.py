"""POST /clicks of the load balancer: puts a click into the stream, without data about its sender."""

import json
import os
from datetime import UTC, datetime

import boto3
from album_click import Click, InvalidClickError
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import ALBResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import ClientError
from lumen.http_answers import answer, problem

MAX_BYTES = 2048

logger = Logger()
app = ALBResolver()
# A browser that leaves the page does not wait: two attempts, then a response that requests a retry.
stream = boto3.client("kinesis", config=Config(retries={"mode": "standard", "total_max_attempts": 2}))


@app.post("/clicks")
def collect() -> Response[str]:
    try:
        body = app.current_event.decoded_body or ""
        if len(body.encode()) > MAX_BYTES:
            return problem(413, "Too large", f"A click has at most {MAX_BYTES} bytes.")
        # sendBeacon sends text/plain, which needs no preflight, so the type is not checked.
        click = Click.sent(json.loads(body), now=datetime.now(UTC))
    except InvalidClickError as error:
        return problem(400, "Invalid click", str(error))
    # Also a body of other bytes than UTF-8.
    except ValueError:
        return problem(400, "Invalid click", "The body must be JSON in UTF-8.")
    try:
        # By visitor, so that what one visitor does stays in order.
        stream.put_record(
            StreamName=os.environ["STREAM_NAME"], PartitionKey=click.visitor, Data=click.to_json().encode()
        )
    except ClientError as error:
        logger.warning("not taken", extra={"click_id": click.click_id, "code": error.response["Error"]["Code"]})
        return problem(503, "Not taken", "Send the same click again.")
    return answer({"click_id": click.click_id}, status=202)


# The event holds the sender's address: it is never logged.
@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, object], context: LambdaContext) -> dict[str, object]:
    return app.resolve(event, context)
