"""A pool's public documents, and what the test API can make due: codes and sign-ins that expire now.

The documents are on the gateway's port, under the same paths as on AWS. `issuer` is AWS's, as `iss` is in the tokens;
`jwks_uri` leads back to the gateway.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from localstack.http import Request, Response
from localstack.services.edge import ROUTER

from harness.emulator.cognito import administration
from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.lambda_invoker import invoke
from harness.emulator.cognito.tokens import expired_tokens
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import UserPool, pool_by_id
from harness.emulator.controls.timers import on_fire

POOL_PATH = "/<regex('[a-z]{2}(-[a-z]+)+-[0-9]_[A-Za-z0-9]+'):user_pool_id>"


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status=status, mimetype="application/json")


def _pool_or_none(user_pool_id: str) -> UserPool | None:
    try:
        return pool_by_id(user_pool_id)
    except CognitoError:
        return None


def _unknown(user_pool_id: str) -> Response:
    return _json({"message": f"User pool {user_pool_id} does not exist."}, 404)


def get_key_set(_request: Request, user_pool_id: str) -> Response:
    pool = _pool_or_none(user_pool_id)
    return _json({"keys": [pool.state.key.public_jwk()]}) if pool else _unknown(user_pool_id)


def get_openid_configuration(request: Request, user_pool_id: str) -> Response:
    pool = _pool_or_none(user_pool_id)
    if pool is None:
        return _unknown(user_pool_id)
    here = request.host_url.rstrip("/")
    domain = pool.moto.domain
    hosted = f"{here}/_aws/cognito-idp/{domain.domain}" if domain else None
    endpoints = {}
    if hosted:
        endpoints = {
            "authorization_endpoint": f"{hosted}/oauth2/authorize",
            "end_session_endpoint": f"{hosted}/logout",
            "revocation_endpoint": f"{hosted}/oauth2/revoke",
            "token_endpoint": f"{hosted}/oauth2/token",
            "userinfo_endpoint": f"{hosted}/oauth2/userInfo",
        }
    return _json(
        {
            "id_token_signing_alg_values_supported": ["RS256"],
            "issuer": pool.issuer,
            "jwks_uri": f"{here}/{pool.id}/.well-known/jwks.json",
            "response_types_supported": ["code", "token"],
            "scopes_supported": ["openid", "email", "phone", "profile"],
            "subject_types_supported": ["public"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            **endpoints,
        }
    )


def _parameters(parameters: Mapping[str, Any], *names: str) -> list[str]:
    wrong = [name for name in names if not isinstance(parameters.get(name), str)]
    unknown = sorted(set(parameters) - set(names))
    if wrong or unknown:
        problem = f"{', '.join(wrong)} must be given" if wrong else f"unknown parameter: {', '.join(unknown)}"
        raise ValueError(f"{problem}; wanted are {', '.join(names)}")
    return [parameters[name] for name in names]


def _found(user_pool_id: str, username: str) -> tuple[UserPool, Any]:
    try:
        pool = pool_by_id(user_pool_id)
        return pool, pool.user(username)
    except CognitoError as error:
        raise LookupError(f"{error.message} (user pool {user_pool_id}, user {username})") from error


@on_fire("cognito-code-expiry")
def expire_codes(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """`user_pool_id`, `username`: the user's codes, temporary password and challenge sessions expire now."""
    user_pool_id, username = _parameters(parameters, "user_pool_id", "username")
    pool, user = _found(user_pool_id, username)
    return administration.expire_codes(pool, user.username)


@on_fire("cognito-token-expiry")
def expire_tokens(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """`user_pool_id`, `client_id`, `username`: the user's refresh tokens with this client expire now.

    ID and access tokens carry their expiry under the pool's signature and cannot be called back. Answered is therefore
    a pair as the pool would have issued it so long ago that it has just expired: `id_token` and `access_token`.
    """
    user_pool_id, client_id, username = _parameters(parameters, "user_pool_id", "client_id", "username")
    pool, user = _found(user_pool_id, username)
    try:
        client = pool.client(client_id)
    except CognitoError as error:
        raise LookupError(error.message) from error
    grants = [g for g in pool.state.grants.values() if g.user_id == user.id and g.client_id == client_id]
    for grant in grants:
        grant.expires_at = min(grant.expires_at, time.time())
    tokens = expired_tokens(UserPoolCall(pool, invoke, client), user)
    return {"refresh_tokens": len(grants), "id_token": tokens["IdToken"], "access_token": tokens["AccessToken"]}


def install() -> None:
    ROUTER.add(f"{POOL_PATH}/.well-known/jwks.json", get_key_set, methods=["GET"])
    ROUTER.add(f"{POOL_PATH}/.well-known/openid-configuration", get_openid_configuration, methods=["GET"])
