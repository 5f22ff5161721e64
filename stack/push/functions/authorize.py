"""The authorizer of $connect: allows clients with an ID token of the user pool (`?token=`).

A browser cannot send a header with the handshake of a WebSocket, so the token is in the query.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

import os
from typing import Any

import boto3
import jwt
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

KEY_SECONDS = 3600
"""For how long the pool's keys are cached. An unknown key is fetched at once."""
KEYS_TIMEOUT_SECONDS = 8

logger = Logger()
# The pool publishes its keys at its API's endpoint.
keys = jwt.PyJWKClient(
    f"{boto3.client('cognito-idp').meta.endpoint_url}/{os.environ['USER_POOL_ID']}/.well-known/jwks.json",
    lifespan=KEY_SECONDS,
    timeout=KEYS_TIMEOUT_SECONDS,
)


class RefusedError(Exception):
    """The token is refused; the message has the reason, for the log."""


def verified(token: str, key: Any) -> dict[str, Any]:
    """The claims of an ID token. Raises RefusedError."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=os.environ["USER_POOL_CLIENT_ID"],
            issuer=os.environ["ISSUER"],
            options={"require": ["exp", "iat", "iss", "aud", "sub", "token_use"]},
        )
    except jwt.InvalidTokenError as error:
        raise RefusedError(f"{type(error).__name__}: {error}") from error
    # An access token has the pool's signature, too.
    if claims["token_use"] != "id":
        raise RefusedError(f"token_use is {claims['token_use']!r}, not 'id'")
    return claims


def key_of(token: str) -> Any:
    """The pool's key that a token says it is signed with. Raises RefusedError where the pool has no such key."""
    try:
        return keys.get_signing_key_from_jwt(token).key
    except jwt.PyJWKClientConnectionError:
        # It is not the token's fault: the caller gets a 500, and may try again.
        raise
    except (jwt.InvalidTokenError, jwt.PyJWKClientError) as error:
        raise RefusedError(f"{type(error).__name__}: {error}") from error


def answer(event: dict[str, Any], effect: str, principal: str, context: dict[str, str]) -> dict[str, Any]:
    """A policy for this connection, and what later events say of who it is."""
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": context,
    }


# The event holds the token: it is never logged.
@logger.inject_lambda_context(log_event=False)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    # Without a token API Gateway has responded with 401 already.
    token = event["queryStringParameters"]["token"]
    try:
        claims = verified(token, key_of(token))
    except RefusedError as refused:
        logger.info("refused", extra={"reason": str(refused)})
        # A refusal is not a failure of this function; raising "Unauthorized" would be one.
        return answer(event, "Deny", "nobody", {})
    return answer(event, "Allow", claims["sub"], {"user_id": claims["sub"]})
