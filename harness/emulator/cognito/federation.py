"""External OpenID Connect providers of a pool, and the users that come from them.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-oidc-idp.html
"""

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests
from joserfc import jwk, jwt
from joserfc.errors import JoseError
from moto.cognitoidp.models import CognitoIdpGroup, CognitoIdpUser

from harness.emulator.cognito import attributes as attrs
from harness.emulator.cognito import authentication, challenges, linking, sign_up
from harness.emulator.cognito.credentials import check_may_sign_in
from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import UserPool
from harness.emulator.outbound.guard import allowed

TIMEOUT_SECONDS = 10
EXTERNAL = "EXTERNAL_PROVIDER"
_ALGORITHMS = ["RS256", "ES256"]


class ProviderError(Exception):
    """The provider answered what a user cannot be signed in with."""


@dataclass(frozen=True)
class Provider:
    """An OIDC provider as the pool knows it. `details` are its ProviderDetails, completed by discovery."""

    name: str
    details: dict[str, str]
    attribute_mapping: dict[str, str]

    def authorize_uri(self, callback: str, state: str, nonce: str) -> str:
        query = {
            "client_id": self.details["client_id"],
            "redirect_uri": callback,
            "response_type": "code",
            "scope": self.details.get("authorize_scopes") or "openid",
            "state": state,
            "nonce": nonce,
        }
        return f"{self.details['authorize_url']}?{urlencode(query)}"

    def claims(self, code: str, callback: str, nonce: str) -> dict[str, Any]:
        """Change the code for tokens; the claims of the verified ID token and of the provider's user info."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "client_id": self.details["client_id"],
            "client_secret": self.details.get("client_secret") or "",
        }
        answer = self._request("POST", self.details["token_url"], data=form)
        verified = self._verified(str(answer.get("id_token")), nonce)
        if not self.details.get("attributes_url"):
            return verified
        headers = {"Authorization": f"Bearer {answer.get('access_token')}"}
        method = self.details.get("attributes_request_method") or "GET"
        return {**verified, **self._request(method, self.details["attributes_url"], headers=headers)}

    def _verified(self, id_token: str, nonce: str) -> dict[str, Any]:
        try:
            keys = jwk.KeySet.import_key_set(self._request("GET", self.details["jwks_uri"]))  # type: ignore[arg-type]
            claims = dict(jwt.decode(id_token, keys, algorithms=_ALGORITHMS).claims)
        except (JoseError, ValueError) as error:
            raise ProviderError(f"Bad id_token: {error}") from error
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self.details["oidc_issuer"]:
            raise ProviderError(f"Bad id_token issuer {claims.get('iss')}")
        if self.details["client_id"] not in audiences:
            raise ProviderError(f"Bad id_token audience {audience}")
        if float(claims.get("exp") or 0) <= time.time():
            raise ProviderError("Bad id_token: it has expired")
        if claims.get("nonce") not in (None, nonce):
            raise ProviderError("Bad id_token nonce")
        return claims

    def _request(self, method: str, uri: str, **more: Any) -> dict[str, Any]:
        return _request(method, uri, **more)


def _request(method: str, uri: str, **more: Any) -> dict[str, Any]:
    try:
        with allowed(uri):
            answer = requests.request(method, uri, timeout=TIMEOUT_SECONDS, **more)
        body = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise ProviderError(f"{uri} cannot be used: {error}") from error
    if answer.status_code >= 400 or not isinstance(body, dict):
        raise ProviderError(f"{uri} answered {answer.status_code}: {answer.text[:200]}")
    return body


def provider_of(pool: UserPool, name: str) -> Provider:
    """The pool's provider; what its details leave out is asked at the issuer's discovery document."""
    found = pool.moto.identity_providers.get(name)
    if found is None:
        raise CognitoError("ResourceNotFoundException", f"Identity provider {name} does not exist.")
    if found.extended_config.get("ProviderType") != "OIDC":
        raise CognitoError(
            "InternalErrorException",
            f"Identity provider {name} is of type {found.extended_config.get('ProviderType')}; only OIDC is emulated.",
            501,
        )
    details = dict(found.extended_config.get("ProviderDetails") or {})
    wanted = {
        "authorize_url": "authorization_endpoint",
        "token_url": "token_endpoint",
        "attributes_url": "userinfo_endpoint",
        "jwks_uri": "jwks_uri",
    }
    if any(not details.get(name) for name in wanted):
        try:
            document = _request("GET", f"{details['oidc_issuer']}/.well-known/openid-configuration")
        except ProviderError as error:
            raise CognitoError("InvalidParameterException", str(error)) from error
        for own, published in wanted.items():
            if not details.get(own) and document.get(published):
                details[own] = document[published]
    return Provider(name, details, dict(found.extended_config.get("AttributeMapping") or {}))


def federated_user(call: UserPoolCall, provider: Provider, claims: dict[str, Any]) -> Any:
    """The user `<provider>_<sub>`: made at the first sign-in, brought up to date at each further one.

    The first runs PreSignUp and PostConfirmation, a further one PreAuthentication and PostAuthentication
    (https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html#working-with-lambda-trigger-sources).
    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-identity-federation.html
    """
    pool = call.pool
    subject = str(claims.get(provider.attribute_mapping.get("username") or "sub") or "")
    if not subject:
        raise ProviderError("username attribute mapping required")
    username = f"{provider.name}_{subject}"
    mapped = {
        name: _text(claims[claim])
        for name, claim in provider.attribute_mapping.items()
        if name != "username" and claims.get(claim) is not None
    }
    attrs.check_schema(pool, mapped)
    user = linking.linked_user(pool, provider.name, subject, claims) or pool.moto.users.get(username)
    if user is not None:
        return _come_again(call, user, mapped)
    attrs.check_required(pool, mapped)
    user = CognitoIdpUser(pool.id, username, None, EXTERNAL, attrs.listed(mapped))
    _confirmed, verified = sign_up.pre_sign_up(call, user, "ExternalProvider", mapped, validation_data=None)
    if (linked := linking.linked_user(pool, provider.name, subject, claims)) is not None:
        return _come_again(call, linked, mapped)  # the trigger has linked them meanwhile
    identities = [linking.identity(provider.name, subject, primary=True)]
    user.update_attributes(attrs.listed({"identities": json.dumps(identities)}))
    sign_up.add_user(pool, user, username, None, verified)
    _join_group_of(pool, provider, user)
    sign_up.post_confirmation(call, user, "ConfirmSignUp")
    return user


def _come_again(call: UserPoolCall, user: Any, mapped: dict[str, str]) -> Any:
    check_may_sign_in(call, user)
    authentication.pre_authentication(call, user, user.username, None)
    attrs.check_mutable(call.pool, user, mapped)
    user.update_attributes(attrs.listed(mapped))
    challenges.post_authentication(call, user)
    return user


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _join_group_of(pool: UserPool, provider: Provider, user: Any) -> None:
    """Cognito keeps a group of the users of each provider."""
    name = f"{pool.id}_{provider.name}"
    group = pool.moto.groups.get(name)
    if group is None:
        description = f"Autogenerated group for users who sign in using {provider.name}"
        group = pool.moto.groups[name] = CognitoIdpGroup(pool.id, name, description, None, None)
    group.users.add(user)
    user.groups.add(group)
