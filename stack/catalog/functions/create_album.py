"""POST /albums: a new album. With an Idempotency-Key, a repeated request makes no second one.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import hashlib
import json
import os
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import boto3
from albums import application, caller, key, shown
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.http_answers import problem

REMEMBERED_SECONDS = 24 * 60 * 60
MAX_KEY_LENGTH = 128

logger = Logger()
app = application()
albums = boto3.resource("dynamodb").Table(os.environ["ALBUMS_TABLE"])
client = albums.meta.client


def new_album(user_id: str, body: dict[str, str], correlation_id: str) -> dict[str, Any]:
    album_id = str(uuid.uuid4())
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        **key(user_id, album_id),
        "user_id": user_id,
        "album_id": album_id,
        "title": body["title"],
        "description": body.get("description", ""),
        "revision": 1,
        # Albums of one millisecond have an order, too.
        "created": f"{now}#{album_id}",
        "created_at": now,
        "updated_at": now,
        "correlation_id": correlation_id,
    }


def make_once(item: dict[str, Any], request: str, body: dict[str, str]) -> dict[str, Any] | None:
    """Store the album, or find the one that the same request has made; None where the key was used for another body."""
    where = {"pk": item["pk"], "sk": f"REQUEST#{request}"}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    now = int(time.time())
    remembered = {**where, "album": item, "digest": digest, "expires_at": now + REMEMBERED_SECONDS}
    try:
        client.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": albums.name,
                        "Item": remembered,
                        # What has expired may still be there: time to live deletes it within days.
                        "ConditionExpression": "attribute_not_exists(pk) OR expires_at < :now",
                        "ExpressionAttributeValues": {":now": now},
                    }
                },
                {"Put": {"TableName": albums.name, "Item": item}},
            ]
        )
    except client.exceptions.TransactionCanceledException as error:
        if error.response["CancellationReasons"][0]["Code"] == "None":
            raise
        first = albums.get_item(Key=where, ConsistentRead=True).get("Item")
        if first is None:  # Another request with the same key is in progress.
            raise
        return first["album"] if first["digest"] == digest else None
    return item


@app.post("/albums")
def create() -> Response[str]:
    user_id, body = caller(app), app.current_event.json_body
    item = new_album(user_id, body, app.lambda_context.aws_request_id)
    request = app.current_event.headers.get("Idempotency-Key")
    if not request:
        albums.put_item(Item=item)
    elif len(request) > MAX_KEY_LENGTH:
        return problem(400, "Invalid request", f"Idempotency-Key may have {MAX_KEY_LENGTH} characters.")
    else:
        made = make_once(item, request, body)
        if made is None:
            return problem(422, "Key already used", "This Idempotency-Key was used for another album.")
        item = made
    logger.info("created", extra={"user_id": user_id, "album_id": item["album_id"]})
    response = shown(item, status=201)
    response.headers["Location"] = f"/{app.current_event.request_context.stage}/albums/{item['album_id']}"
    return response


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
