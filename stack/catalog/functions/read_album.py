"""GET /albums/{album_id}: one album of the caller's."""

import os
from typing import Any

import boto3
from albums import application, caller, key, not_found, shown
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
app = application()
albums = boto3.resource("dynamodb").Table(os.environ["ALBUMS_TABLE"])


@app.get("/albums/<album_id>")
def read(album_id: str) -> Response[str]:
    # A user who has changed an album reads the change.
    item = albums.get_item(Key=key(caller(app), album_id), ConsistentRead=True).get("Item")
    return shown(item) if item is not None else not_found()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
