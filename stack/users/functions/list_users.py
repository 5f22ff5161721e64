"""GET /users?limit=&next=: all registered users, page by page, for administrators."""

import base64
import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.http_answers import answer, problem

ADMINS = "admins"
DEFAULT_LIMIT = 20
MAX_LIMIT = 100
SHOWN = ("user_id", "email", "name", "registered_at")

logger = Logger()
app = APIGatewayRestResolver()
profiles = boto3.resource("dynamodb").Table(os.environ["PROFILES_TABLE"])


class InvalidPageError(ValueError):
    """The requested page is invalid; the message is for the caller."""


def groups_of(claims: dict[str, Any]) -> list[str]:
    """The caller's groups: API Gateway hands the claim's list on as text, separated by commas."""
    groups = claims.get("cognito:groups") or ""
    return groups if isinstance(groups, list) else [g.strip() for g in str(groups).strip("[]").split(",") if g.strip()]


def limit_of(value: str | None) -> int:
    if value is None:
        return DEFAULT_LIMIT
    if not (value.isascii() and value.isdigit()) or not 1 <= int(value) <= MAX_LIMIT:
        raise InvalidPageError(f"limit must be a whole number from 1 to {MAX_LIMIT}.")
    return int(value)


def cursor(key: dict[str, Any]) -> str:
    """Where a page ended, as the `next` of the following request."""
    return base64.urlsafe_b64encode(json.dumps({"user_id": key["user_id"]}).encode()).decode()


def start_of(value: str | None) -> dict[str, str] | None:
    """The key after which a page begins. Raises InvalidPageError when `value` was not made by `cursor`."""
    if value is None:
        return None
    try:
        key = json.loads(base64.b64decode(value, altchars=b"-_", validate=True))
        if set(key) == {"user_id"} and isinstance(key["user_id"], str) and key["user_id"]:
            return {"user_id": key["user_id"]}
    except (ValueError, TypeError):
        pass
    raise InvalidPageError("next must be what the page before said.")


@app.get("/users")
def list_users() -> Response[str]:
    claims = app.current_event.request_context.authorizer.claims or {}
    if ADMINS not in groups_of(claims):
        return problem(403, "Forbidden", "Only administrators see the list of users.")
    query = app.current_event.query_string_parameters or {}
    try:
        page: dict[str, Any] = {"Limit": limit_of(query.get("limit"))}
        if start := start_of(query.get("next")):
            page["ExclusiveStartKey"] = start
    except InvalidPageError as error:
        return problem(400, "Invalid page", str(error))
    found = profiles.scan(**page)
    users = [{name: item.get(name) for name in SHOWN} for item in found["Items"]]
    last = found.get("LastEvaluatedKey")
    return answer({"users": users, "next": cursor(last) if last else None})


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
