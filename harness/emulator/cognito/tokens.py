"""Issues ID, access and refresh tokens, with the claims that AWS puts in and what a PreTokenGeneration trigger changes.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-with-identity-providers.html
"""

import json
import secrets
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from harness.emulator.cognito import triggers
from harness.emulator.cognito.errors import not_authorized
from harness.emulator.cognito.records import Grant
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import AppClient, UserPool, is_true

USER_ADMIN_SCOPE = "aws.cognito.signin.user.admin"

_UNIT_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}

# What no trigger may change, by token
# (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html).
_TIMES = {"auth_time", "exp", "iat", "nbf"}
_FIXED = _TIMES | {"acr", "amr", "at_hash", "azp", "cognito:username", "identities", "iss", "jti", "nonce"}
_FIXED |= {"origin_jti", "sub", "token_use"}
_FIXED_IN_ID = _FIXED | {"aud"}
_FIXED_IN_ACCESS = _FIXED | {"client_id", "device_key", "event_id", "scope", "username", "version"}


def validity_seconds(client: AppClient, token: str) -> int:
    """How long the client's `AccessToken`, `IdToken` or `RefreshToken` is valid, in seconds."""
    default_unit, default = ("days", 30) if token == "RefreshToken" else ("hours", 1)
    unit = (client.config.get("TokenValidityUnits") or {}).get(token) or default_unit
    configured = client.config.get(f"{token}Validity")
    if not configured:  # 0 and nothing mean the default
        return default * _UNIT_SECONDS[default_unit]
    return int(configured) * _UNIT_SECONDS[unit]


def sign_in(
    call: UserPoolCall,
    user: Any,
    source: str,
    *,
    scopes: Iterable[str] = (USER_ADMIN_SCOPE,),
    nonce: str | None = None,
    refreshable: bool = True,
) -> dict[str, Any]:
    """Issue the tokens of a new sign-in: an `AuthenticationResult`.

    `source` is the part of the PreTokenGeneration trigger's source after the underscore.
    """
    now = int(time.time())
    grant = Grant(
        refresh_token=secrets.token_urlsafe(192),
        client_id=call.app_client.id,
        user_id=user.id,
        origin_jti=str(uuid.uuid4()),
        auth_time=now,
        expires_at=now + validity_seconds(call.app_client, "RefreshToken"),
        scopes=tuple(scopes),
    )
    result = _issue(call, user, grant, source, {"nonce": nonce} if nonce else {})
    if refreshable:
        call.pool.state.grants[grant.refresh_token] = grant
        result["RefreshToken"] = grant.refresh_token
    return result


def expired_tokens(call: UserPoolCall, user: Any) -> dict[str, Any]:
    """Tokens as they would have been issued so long ago that the longer-lived one has just expired.

    The PreTokenGeneration trigger takes no part.
    """
    longest = max(validity_seconds(call.app_client, token) for token in ("AccessToken", "IdToken"))
    then = int(time.time()) - longest
    grant = Grant("", call.app_client.id, user.id, str(uuid.uuid4()), then, then, (USER_ADMIN_SCOPE,))
    return _signed(call, user, grant, _Overrides(Groups.of(user), grant.scopes), {}, then)


def refresh(call: UserPoolCall, grant: Grant, user: Any) -> dict[str, Any]:
    """Issue tokens of a sign-in that lasts: an `AuthenticationResult` without a refresh token."""
    return _issue(call, user, grant, "RefreshTokens", {})


def client_credentials(call: UserPoolCall, scopes: Iterable[str]) -> dict[str, Any]:
    """An access token of the client itself, for no user.

    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
    """
    client, now = call.app_client, int(time.time())
    seconds = validity_seconds(client, "AccessToken")
    claims = {
        "sub": client.id,
        "token_use": "access",
        "scope": " ".join(scopes),
        "auth_time": now,
        "iss": call.pool.issuer,
        "exp": now + seconds,
        "iat": now,
        "version": 2,
        "jti": str(uuid.uuid4()),
        "client_id": client.id,
    }
    return {"AccessToken": call.pool.state.key.sign(claims), "ExpiresIn": seconds, "TokenType": "Bearer"}


def grant_of(call: UserPoolCall, refresh_token: str | None) -> Grant:
    """The grant of a refresh token of this client that is in force. Raises NotAuthorizedException for any other."""
    grant = call.pool.state.grants.get(refresh_token or "")
    if grant is None or grant.client_id != call.app_client.id:
        raise not_authorized("Invalid Refresh Token")
    if grant.revoked:
        raise not_authorized("Refresh Token has been revoked")
    if grant.expires_at <= time.time():
        raise not_authorized("Refresh Token has expired")
    return grant


def rotate(call: UserPoolCall, grant: Grant) -> Grant:
    """The grant continues under a new refresh token; the old one stays valid for the grace period of the client."""
    grant.replaced_at = time.time()
    successor = Grant(
        refresh_token=secrets.token_urlsafe(192),
        client_id=grant.client_id,
        user_id=grant.user_id,
        origin_jti=grant.origin_jti,
        auth_time=grant.auth_time,
        expires_at=grant.expires_at,
        scopes=grant.scopes,
    )
    call.pool.state.grants[successor.refresh_token] = successor
    return successor


def revoke_sign_ins(pool: UserPool, user: Any) -> None:
    """Put every token of a user out of force: refresh tokens, and access tokens at Cognito's own operations."""
    for grant in list(pool.state.grants.values()):
        if grant.user_id == user.id:
            revoke(pool, grant)


def revoke(pool: UserPool, grant: Grant) -> None:
    for other in list(pool.state.grants.values()):
        if other.origin_jti == grant.origin_jti:
            other.revoked = True
    pool.state.revoked.add(grant.origin_jti)


# ---- claims ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Groups:
    """The groups of a user, first in precedence first, and their roles."""

    names: tuple[str, ...]
    roles: tuple[str, ...]
    preferred_role: str | None

    def to_event(self) -> dict[str, Any]:
        return {
            "groupsToOverride": list(self.names),
            "iamRolesToOverride": list(self.roles),
            "preferredRole": self.preferred_role,
        }

    @classmethod
    def of(cls, user: Any) -> "Groups":
        """A lower precedence is the stronger; groups of equal rank and different roles prefer none.

        https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-user-groups.html#assigning-precedence-values-to-groups
        """

        def rank(group: Any) -> float:
            return float("inf") if group.precedence is None else float(group.precedence)

        groups = sorted(user.groups, key=lambda group: (rank(group), group.group_name))
        roles = tuple(dict.fromkeys(g.role_arn for g in groups if g.role_arn))
        strongest = {g.role_arn for g in groups if g.role_arn and rank(g) == rank(groups[0])}
        return cls(tuple(g.group_name for g in groups), roles, next(iter(strongest)) if len(strongest) == 1 else None)

    @classmethod
    def from_override(cls, override: Any) -> "Groups":
        """An empty or null override takes the groups away."""
        if override is not None and not isinstance(override, dict):
            raise triggers.invalid_response()
        override = override or {}
        return cls(
            tuple(override.get("groupsToOverride") or ()),
            tuple(override.get("iamRolesToOverride") or ()),
            override.get("preferredRole"),
        )


def _issue(call: UserPoolCall, user: Any, grant: Grant, source: str, id_extra: dict[str, Any]) -> dict[str, Any]:
    return _signed(call, user, grant, _overrides(call, user, grant, source), id_extra, int(time.time()))


def _signed(
    call: UserPoolCall, user: Any, grant: Grant, overrides: "_Overrides", id_extra: dict[str, Any], now: int
) -> dict[str, Any]:
    client = call.app_client
    shared = {
        "sub": user.id,
        "iss": call.pool.issuer,
        "origin_jti": grant.origin_jti,
        "event_id": str(uuid.uuid4()),
        "auth_time": grant.auth_time,
        "iat": now,
    }
    if client.config.get("EnableTokenRevocation") is False:
        del shared["origin_jti"]
    groups = overrides.groups
    if groups.names:
        shared["cognito:groups"] = list(groups.names)
    access_seconds = validity_seconds(client, "AccessToken")
    access = overrides.access.apply(
        {
            **shared,
            "client_id": client.id,
            "token_use": "access",
            "scope": " ".join(overrides.scopes),
            "username": user.username,
            "exp": now + access_seconds,
            "jti": str(uuid.uuid4()),
        },
        _FIXED_IN_ACCESS,
    )
    if USER_ADMIN_SCOPE not in grant.scopes or "openid" in grant.scopes:
        access["version"] = 2  # as the hosted sign-in marks its tokens
    result = {
        "AccessToken": call.pool.state.key.sign(access),
        "ExpiresIn": access_seconds,
        "TokenType": "Bearer",
    }
    if USER_ADMIN_SCOPE in grant.scopes or "openid" in grant.scopes:
        roles: dict[str, Any] = {}
        if groups.roles:
            roles["cognito:roles"] = list(groups.roles)
        if groups.preferred_role:
            roles["cognito:preferred_role"] = groups.preferred_role
        identity = overrides.identity.apply(
            {
                **attribute_claims(call, user, grant.scopes),
                **shared,
                **roles,
                **id_extra,
                "aud": client.id,
                "cognito:username": user.username,
                "token_use": "id",
                "exp": now + validity_seconds(client, "IdToken"),
                "jti": str(uuid.uuid4()),
            },
            _FIXED_IN_ID,
        )
        result["IdToken"] = call.pool.state.key.sign(identity)
    return result


def readable(client: AppClient, attribute: str) -> bool:
    """A client without `ReadAttributes` reads every attribute."""
    allowed = client.config.get("ReadAttributes")
    return not allowed or attribute in allowed or attribute == "sub"


_OF_SCOPE = {
    "email": {"email", "email_verified"},
    "phone": {"phone_number", "phone_number_verified"},
}


def attribute_claims(call: UserPoolCall, user: Any, scopes: Iterable[str] = (USER_ADMIN_SCOPE,)) -> dict[str, Any]:
    """The user's attributes that this client may read, with the types they have in a token."""
    scopes = set(scopes)
    claims: dict[str, Any] = {}
    for name, value in user.attribute_lookup.items():
        if not readable(call.app_client, name) or name == "sub" or not _in_scope(name, scopes):
            continue
        if name in ("email_verified", "phone_number_verified"):
            claims[name] = is_true(value)
        elif name == "address":
            claims[name] = {"formatted": value}
        elif name == "updated_at":
            claims[name] = int(value)
        elif name == "identities":
            claims[name] = json.loads(value)
        else:
            claims[name] = value
    return claims


def _in_scope(attribute: str, scopes: set[str]) -> bool:
    """`openid` alone gives every attribute; with `email`, `phone` or `profile`, only the attributes of these.

    https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html
    """
    if USER_ADMIN_SCOPE in scopes or not scopes & {"email", "phone", "profile"}:
        return True
    for scope, attributes in _OF_SCOPE.items():
        if attribute in attributes:
            return scope in scopes
    return "profile" in scopes or attribute == "identities"


# ---- the PreTokenGeneration trigger ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Changes:
    """What a trigger adds to one token and takes from it."""

    added: dict[str, Any] = field(default_factory=dict)
    suppressed: frozenset[str] = frozenset()

    def apply(self, claims: dict[str, Any], fixed: set[str]) -> dict[str, Any]:
        added = {name: value for name, value in self.added.items() if name not in fixed}
        changed = {**claims, **added}
        return {n: v for n, v in changed.items() if n not in self.suppressed or n in fixed or n in added}

    @classmethod
    def of(cls, details: Any) -> "_Changes":
        if details is not None and not isinstance(details, dict):
            raise triggers.invalid_response()
        details = details or {}
        return cls(details.get("claimsToAddOrOverride") or {}, frozenset(details.get("claimsToSuppress") or ()))


@dataclass(frozen=True)
class _Overrides:
    groups: Groups
    scopes: tuple[str, ...]
    identity: _Changes = _Changes()
    access: _Changes = _Changes()


def _overrides(call: UserPoolCall, user: Any, grant: Grant, source: str) -> _Overrides:
    groups = Groups.of(user)
    request: dict[str, Any] = {
        "userAttributes": triggers.user_attributes(user),
        "groupConfiguration": groups.to_event(),
    }
    versioned = bool((call.pool.config.get("LambdaConfig") or {}).get("PreTokenGenerationConfig"))
    v2 = versioned and call.pool.config["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaVersion"] != "V1_0"
    member = "claimsAndScopeOverrideDetails" if v2 else "claimsOverrideDetails"
    if v2:
        request["scopes"] = list(grant.scopes)
    response = triggers.run(
        call,
        "PreTokenGeneration",
        f"TokenGeneration_{source}",
        user.username,
        triggers.with_metadata(request, call.client_metadata),
        {member: None},
    )
    details = (response or {}).get(member)
    if details is None:
        return _Overrides(groups, grant.scopes)
    if not isinstance(details, dict):
        raise triggers.invalid_response()
    if "groupOverrideDetails" in details:
        groups = Groups.from_override(details["groupOverrideDetails"])
    if not v2:
        changes = _Changes.of(details)
        # V1 knows strings only (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html).
        if not all(isinstance(value, str) for value in changes.added.values()):
            raise triggers.invalid_response()
        return _Overrides(groups, grant.scopes, identity=changes)
    access = details.get("accessTokenGeneration") or {}
    suppressed = set(access.get("scopesToSuppress") or ())
    scopes = [s for s in grant.scopes if s not in suppressed]
    scopes += [s for s in access.get("scopesToAdd") or () if s not in scopes]
    return _Overrides(
        groups,
        tuple(scopes),
        identity=_Changes.of(details.get("idTokenGeneration")),
        access=_Changes.of(access),
    )
