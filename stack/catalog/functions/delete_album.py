"""DELETE /albums/{album_id}: deletes the album; with If-Match only if it is unchanged since the caller read it."""

import os
from typing import Any

import boto3
from albums import application, caller, changed_meanwhile, key, no_etag, not_found, revision_of
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
app = application()
albums = boto3.resource("dynamodb").Table(os.environ["ALBUMS_TABLE"])
client = albums.meta.client


@app.delete("/albums/<album_id>")
def delete(album_id: str) -> Response[str]:
    condition: dict[str, Any] = {"ConditionExpression": "attribute_exists(pk)"}
    if (etag := app.current_event.headers.get("If-Match")) is not None:
        revision = revision_of(etag)
        if revision is None:
            return no_etag()
        condition = {
            "ConditionExpression": "revision = :revision",
            "ExpressionAttributeValues": {":revision": revision},
        }
    try:
        albums.delete_item(Key=key(caller(app), album_id), ReturnValuesOnConditionCheckFailure="ALL_OLD", **condition)
    except client.exceptions.ConditionalCheckFailedException as error:
        item = error.response.get("Item")
        return changed_meanwhile(item) if item else not_found()
    return Response(204)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
