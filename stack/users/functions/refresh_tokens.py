"""POST /tokens/refresh: new tokens for a refresh token."""

import os

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from lumen.http_answers import answer, problem

logger = Logger()
app = APIGatewayRestResolver()
cognito = boto3.client("cognito-idp")


@app.post("/tokens/refresh")
def refresh() -> Response[str]:
    try:
        body = app.current_event.json_body
    except ValueError:
        return problem(400, "Invalid request", "The body must be JSON.")
    token = body.get("refresh_token") if isinstance(body, dict) else None
    if not isinstance(token, str) or not token:
        return problem(400, "Invalid request", "The body must have a refresh_token that is a string.")
    try:
        result = cognito.initiate_auth(
            ClientId=os.environ["USER_POOL_CLIENT_ID"],
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": token},
        )["AuthenticationResult"]
    except (cognito.exceptions.NotAuthorizedException, cognito.exceptions.UserNotFoundException):
        return problem(401, "Invalid refresh token", "Sign in again.")
    return answer(
        {
            "id_token": result["IdToken"],
            "access_token": result["AccessToken"],
            "expires_in": result["ExpiresIn"],
        }
    )


# The event holds the token: it is never logged.
@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, object], context: LambdaContext) -> dict[str, object]:
    return app.resolve(event, context)
