"""GET /albums?limit=&next=: the caller's albums, the newest first, page by page.

A page begins after the last album of the page before and not at a number, so albums that are made or deleted meanwhile
neither repeat another nor hide it.
"""

import base64
import json
import os
from typing import Any

import boto3
from albums import application, caller, key, partition, view
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.conditions import Key
from lumen.http_answers import answer, problem

INDEX = "Newest"
DEFAULT_LIMIT = 20
MAX_LIMIT = 100

logger = Logger()
app = application()
albums = boto3.resource("dynamodb").Table(os.environ["ALBUMS_TABLE"])


class InvalidPageError(ValueError):
    """The requested page is invalid; the message is for the caller."""


def limit_of(value: str | None) -> int:
    if value is None:
        return DEFAULT_LIMIT
    if not (value.isascii() and value.isdigit()) or not 1 <= int(value) <= MAX_LIMIT:
        raise InvalidPageError(f"limit must be a whole number from 1 to {MAX_LIMIT}.")
    return int(value)


def cursor(last: dict[str, Any]) -> str:
    """The end of a page, as the `next` of the following request. It does not hold the owner: the token names them."""
    return base64.urlsafe_b64encode(json.dumps(last["created"]).encode()).decode()


def start_of(value: str | None, user_id: str) -> dict[str, str] | None:
    """The key after which a page begins. Raises InvalidPageError when `value` was not made by `cursor`."""
    if value is None:
        return None
    try:
        created = json.loads(base64.b64decode(value, altchars=b"-_", validate=True))
        if isinstance(created, str):
            time, album_id = created.split("#")
            if time and album_id:
                return {**key(user_id, album_id), "created": created}
    except ValueError:
        pass
    raise InvalidPageError("next must be what the page before said.")


@app.get("/albums")
def list_albums() -> Response[str]:
    user_id = caller(app)
    query = app.current_event.query_string_parameters or {}
    try:
        page: dict[str, Any] = {"Limit": limit_of(query.get("limit"))}
        if start := start_of(query.get("next"), user_id):
            page["ExclusiveStartKey"] = start
    except InvalidPageError as error:
        return problem(400, "Invalid page", str(error))
    found = albums.query(
        IndexName=INDEX,
        KeyConditionExpression=Key("pk").eq(partition(user_id)),
        ScanIndexForward=False,
        ConsistentRead=True,
        **page,
    )
    last = found.get("LastEvaluatedKey")
    return answer({"albums": [view(item) for item in found["Items"]], "next": cursor(last) if last else None})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
