"""GET /users/me: the caller's own profile."""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.http_answers import answer, problem

logger = Logger()
app = APIGatewayRestResolver()
profiles = boto3.resource("dynamodb").Table(os.environ["PROFILES_TABLE"])


@app.get("/users/me")
def read_own_profile() -> Response[str]:
    user_id = (app.current_event.request_context.authorizer.claims or {})["sub"]
    profile = profiles.get_item(Key={"user_id": user_id}).get("Item")
    if profile is None:
        return problem(404, "No profile", "The account has no profile yet; try again in a moment.")
    return answer(profile)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
