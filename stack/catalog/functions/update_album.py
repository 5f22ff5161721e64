"""PUT /albums/{album_id}: sets title and description, unless the album has changed since the caller read it."""

import os
from datetime import UTC, datetime
from typing import Any

import boto3
from albums import application, caller, changed_meanwhile, key, no_etag, not_found, revision_of, shown
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
app = application()
albums = boto3.resource("dynamodb").Table(os.environ["ALBUMS_TABLE"])
client = albums.meta.client


@app.put("/albums/<album_id>")
def update(album_id: str) -> Response[str]:
    body = app.current_event.json_body
    # The gateway refuses a request without the header.
    revision = revision_of(app.current_event.headers["If-Match"])
    if revision is None:
        return no_etag()
    try:
        changed = albums.update_item(
            Key=key(caller(app), album_id),
            UpdateExpression=(
                "SET title = :title, description = :description, revision = :next, updated_at = :now, correlation_id = :id"
            ),
            ConditionExpression="revision = :revision",
            ExpressionAttributeValues={
                ":title": body["title"],
                ":description": body.get("description", ""),
                ":revision": revision,
                ":next": revision + 1,
                ":now": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                ":id": app.lambda_context.aws_request_id,
            },
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except client.exceptions.ConditionalCheckFailedException as error:
        item = error.response.get("Item")
        return changed_meanwhile(item) if item else not_found()
    return shown(changed["Attributes"])


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
