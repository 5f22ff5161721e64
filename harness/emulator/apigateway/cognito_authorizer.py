"""COGNITO_USER_POOLS authorizers.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-integrate-with-cognito.html
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from localstack.services.apigateway.next_gen.execute_api.gateway_response import UnauthorizedError

from harness.emulator.cognito import ExpiredToken, TokenError, verify_token


def claims_of(token: str | None, authorizer: Mapping[str, Any], scopes: list[str]) -> dict[str, str]:
    """The claims as the integration gets them, or UnauthorizedError.

    With `scopes` on the method an access token with one of them is wanted, without an ID token.
    """
    if not token:
        raise UnauthorizedError("Unauthorized")
    scheme, _, rest = token.partition(" ")
    bare = rest.strip() if scheme.lower() == "bearer" else token
    try:
        claims = verify_token(
            bare,
            token_use="access" if scopes else "id",
            user_pool_arns=authorizer.get("providerARNs") or (),
        )
    except ExpiredToken as error:
        raise UnauthorizedError("The incoming token has expired") from error
    except TokenError as error:
        raise UnauthorizedError("Unauthorized") from error
    if scopes and not set(scopes) & set(str(claims.get("scope", "")).split()):
        raise UnauthorizedError("Unauthorized")
    return {name: _as_text(name, value) for name, value in claims.items()}


def _as_text(name: str, value: Any) -> str:
    if name in ("exp", "iat"):
        # AWS writes these two, and not auth_time, as Java writes a date.
        return datetime.fromtimestamp(value, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)
