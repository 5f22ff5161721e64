"""Identity pools: identities, the role each one gets, and credentials of that role.

Logins are accepted from user pools of this engine, whose tokens are verified, and from the developer's own provider.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-identity.html
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api import RequestContext
from localstack.aws.connect import connect_to
from localstack.services.moto import call_moto
from moto.cognitoidentity.models import cognitoidentity_backends

from harness.emulator.cognito import role_mapping
from harness.emulator.cognito.errors import CognitoError, invalid_parameter, not_authorized, not_found
from harness.emulator.cognito.keys import SigningKey, unverified_claims
from harness.emulator.cognito.user_pool import all_pools
from harness.emulator.cognito.verification import ExpiredToken, TokenError, verify_token
from harness.emulator.concurrency import SteadyDict
from harness.emulator.host.attachments import IDENTITY_POOL

Request = dict[str, Any]
Handler = Callable[[RequestContext, Request], Any]
ISSUER = "https://cognito-identity.amazonaws.com"
SESSION_NAME = "CognitoIdentityCredentials"
OPENID_TOKEN_SECONDS = 600


@dataclass
class PoolIdentity:
    """An identity of a pool: `logins` are the users that it signed in as, by provider. Without logins it is unauthenticated."""

    identity_id: str
    logins: dict[str, str] = field(default_factory=dict)
    created_at: float = field(default_factory=time.time)
    modified_at: float = field(default_factory=time.time)

    def to_json(self) -> dict[str, Any]:
        return {
            "IdentityId": self.identity_id,
            "Logins": list(self.logins),
            "CreationDate": datetime.fromtimestamp(self.created_at, UTC),
            "LastModifiedDate": datetime.fromtimestamp(self.modified_at, UTC),
        }


@dataclass
class IdentityPoolState:
    identities: dict[str, PoolIdentity] = field(default_factory=SteadyDict)
    roles: dict[str, str] = field(default_factory=dict)
    role_mappings: dict[str, dict[str, Any]] = field(default_factory=dict)
    key: SigningKey = field(default_factory=SigningKey)


@dataclass(frozen=True)
class IdentityPool:
    """Moto's model of an identity pool, with the state that moto does not keep."""

    moto: Any
    account_id: str
    region: str

    @property
    def id(self) -> str:
        return str(self.moto.identity_pool_id)

    @property
    def state(self) -> IdentityPoolState:
        return IDENTITY_POOL.setdefault(self.moto, IdentityPoolState())


def _pools() -> list[IdentityPool]:
    # The operations of end users carry no credentials, so the account is not known.
    return [
        IdentityPool(pool, account_id, region)
        for account_id, regions in list(cognitoidentity_backends.items())
        for region, backend in list(regions.items())
        for pool in list(backend.identity_pools.values())
    ]


def _pool(identity_pool_id: str) -> IdentityPool:
    for pool in _pools():
        if pool.id == identity_pool_id:
            return pool
    raise not_found(f"IdentityPool '{identity_pool_id}' not found.")


def _identity(identity_id: str) -> tuple[IdentityPool, PoolIdentity]:
    for pool in _pools():
        if identity_id in pool.state.identities:
            return pool, pool.state.identities[identity_id]
    raise not_found(f"Identity '{identity_id}' not found.")


# ---- logins ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Login:
    """A verified login: `subject` is the user's id at the provider, `claims` those of the token."""

    provider: str
    subject: str
    claims: dict[str, Any]


def _verified(pool: IdentityPool, logins: dict[str, str]) -> list[Login]:
    return [_verified_login(pool, provider, token) for provider, token in logins.items()]


def _verified_login(pool: IdentityPool, provider: str, token: str) -> Login:
    """Raises NotAuthorizedException if the token is not valid for this identity pool."""
    if provider == "cognito-identity.amazonaws.com":
        return _developer_login(pool, token)
    accepted = [p for p in pool.moto.cognito_identity_providers or () if p.get("ProviderName") == provider]
    if not accepted:
        others = [*(pool.moto.supported_login_providers or ()), *(pool.moto.open_id_connect_provider_arns or ())]
        if any(provider in other for other in others):
            raise CognitoError(
                "InternalErrorException",
                f"Logins by {provider} are not emulated; federate it through a user pool, or use a developer identity.",
                501,
            )
        raise not_authorized("Token is not from a supported provider of this identity pool.")
    if unverified_claims(token).get("iss") != f"https://{provider}":
        raise not_authorized("Invalid login token. Issuer doesn't match providerName")
    try:
        claims = verify_token(token, token_use="id")
    except ExpiredToken:
        expired_at = unverified_claims(token)["exp"]
        raise not_authorized(f"Invalid login token. Token expired: {expired_at} >= {int(time.time())}") from None
    except TokenError:
        raise not_authorized("Invalid login token. Token signature invalid.") from None
    matching = [p for p in accepted if p.get("ClientId") == claims["aud"]]
    if not matching:
        raise not_authorized("Invalid login token. Token audience does not match a client of this identity pool.")
    if any(p.get("ServerSideTokenCheck") for p in matching):
        _check_server_side(claims)
    return Login(provider, claims["sub"], claims)


def _check_server_side(claims: dict[str, Any]) -> None:
    """`ServerSideTokenCheck`: the user must still be there, enabled and signed in."""
    pool = next(p for p in all_pools() if p.issuer == claims["iss"])
    user = pool.find_user(claims["sub"])
    if user is None or not user.enabled or claims.get("origin_jti") in pool.state.revoked:
        raise not_authorized("Invalid login token. Token is revoked or the user is disabled.")


def _developer_login(pool: IdentityPool, token: str) -> Login:
    claims = pool.state.key.claims_of(token)
    if claims is None or claims["aud"] != pool.id:
        raise not_authorized("Invalid login token. Token signature invalid.")
    if claims["exp"] <= time.time():
        raise not_authorized(f"Invalid login token. Token expired: {claims['exp']} >= {int(time.time())}")
    return Login(pool.moto.developer_provider_name, claims["developer_user"], claims)


def _find(pool: IdentityPool, logins: list[Login]) -> PoolIdentity | None:
    for identity in pool.state.identities.values():
        if any(identity.logins.get(login.provider) == login.subject for login in logins):
            return identity
    return None


def _new(pool: IdentityPool, logins: list[Login]) -> PoolIdentity:
    identity = PoolIdentity(f"{pool.region}:{uuid.uuid4()}", {login.provider: login.subject for login in logins})
    pool.state.identities[identity.identity_id] = identity
    return identity


def _check_logins(pool: IdentityPool, identity: PoolIdentity, logins: list[Login]) -> None:
    """The logins must be the identity's own; a new one next to an old one is linked to it."""
    if not logins:
        if identity.logins:
            raise not_authorized(f"Access to Identity '{identity.identity_id}' is forbidden.")
        if not pool.moto.allow_unauthenticated_identities:
            raise not_authorized("Unauthenticated access is not supported for this identity pool.")
        return
    known = [login for login in logins if identity.logins.get(login.provider) == login.subject]
    if (identity.logins and not known) or _find(pool, logins) not in (None, identity):
        raise not_authorized(
            "Logins don't match. Please include at least one valid login for this identity or identity pool."
        )
    identity.logins.update({login.provider: login.subject for login in logins})
    identity.modified_at = time.time()


# ---- operations of end users --------------------------------------------------------------------------------------------


def get_id(_context: RequestContext, request: Request) -> dict[str, Any]:
    pool = _pool(request["IdentityPoolId"])
    logins = _verified(pool, request.get("Logins") or {})
    if not logins:
        if not pool.moto.allow_unauthenticated_identities:
            raise not_authorized("Unauthenticated access is not supported for this identity pool.")
        return {"IdentityId": _new(pool, []).identity_id}
    return {"IdentityId": (_find(pool, logins) or _new(pool, logins)).identity_id}


def get_credentials_for_identity(_context: RequestContext, request: Request) -> dict[str, Any]:
    """Credentials by STS AssumeRoleWithWebIdentity of the role that the pool gives this identity."""
    pool, identity = _identity(request["IdentityId"])
    logins = _verified(pool, request.get("Logins") or {})
    _check_logins(pool, identity, logins)
    role_arn = role_mapping.role_for(
        pool.state.roles,
        pool.state.role_mappings,
        [(login.provider, login.claims) for login in logins],
        request.get("CustomRoleArn"),
    )
    role_account = role_arn.split(":")[4]
    clients = connect_to(aws_access_key_id=role_account, region_name=pool.region)
    try:
        role = clients.iam.get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
    except ClientError as error:
        raise role_mapping.invalid_configuration() from error
    role_mapping.check_trust(role["AssumeRolePolicyDocument"], pool.id, authenticated=bool(logins))
    assumed = clients.sts.assume_role_with_web_identity(
        RoleArn=role_arn, RoleSessionName=SESSION_NAME, WebIdentityToken=_token(pool, identity, logins)
    )["Credentials"]
    return {
        "IdentityId": identity.identity_id,
        "Credentials": {
            "AccessKeyId": assumed["AccessKeyId"],
            "SecretKey": assumed["SecretAccessKey"],
            "SessionToken": assumed["SessionToken"],
            "Expiration": assumed["Expiration"],
        },
    }


def get_open_id_token(_context: RequestContext, request: Request) -> dict[str, Any]:
    pool, identity = _identity(request["IdentityId"])
    logins = _verified(pool, request.get("Logins") or {})
    _check_logins(pool, identity, logins)
    return {"IdentityId": identity.identity_id, "Token": _token(pool, identity, logins)}


def _token(
    pool: IdentityPool, identity: PoolIdentity, logins: list[Login], seconds: int = OPENID_TOKEN_SECONDS, **more: Any
) -> str:
    now = int(time.time())
    amr = ["unauthenticated"]
    if logins:
        amr = ["authenticated"]
        for login in logins:
            subject = f"{login.provider}:{pool.region}:CognitoSignIn:{login.subject}"
            amr += [login.provider, subject]
    claims = {"sub": identity.identity_id, "aud": pool.id, "amr": amr, "iss": ISSUER, "exp": now + seconds, "iat": now}
    return pool.state.key.sign({**claims, **more})


def unlink_identity(_context: RequestContext, request: Request) -> dict[str, Any]:
    pool, identity = _identity(request["IdentityId"])
    _check_logins(pool, identity, _verified(pool, request["Logins"]))
    for provider in request["LoginsToRemove"]:
        identity.logins.pop(provider, None)
    return {}


# ---- operations of the owner -----------------------------------------------------------------------------------------


def get_open_id_token_for_developer_identity(_context: RequestContext, request: Request) -> dict[str, Any]:
    pool = _pool(request["IdentityPoolId"])
    name = pool.moto.developer_provider_name
    if not name or name not in request["Logins"]:
        raise invalid_parameter("Please provide a login of the identity pool's developer provider.")
    login = Login(name, request["Logins"][name], {})
    if request.get("IdentityId"):
        _same_pool, identity = _identity(request["IdentityId"])
        if _find(pool, [login]) not in (None, identity):
            raise CognitoError(
                "DeveloperUserAlreadyRegisteredException", "Developer user is already registered with another identity."
            )
        identity.logins[name] = login.subject
    else:
        identity = _find(pool, [login]) or _new(pool, [login])
    seconds = int(request.get("TokenDuration") or 900)
    token = _token(pool, identity, [login], seconds, developer_user=login.subject)
    return {"IdentityId": identity.identity_id, "Token": token}


def set_identity_pool_roles(_context: RequestContext, request: Request) -> dict[str, Any]:
    state = _pool(request["IdentityPoolId"]).state
    role_mapping.check_mappings(request.get("RoleMappings") or {})
    state.roles, state.role_mappings = dict(request["Roles"]), dict(request.get("RoleMappings") or {})
    return {}


def get_identity_pool_roles(_context: RequestContext, request: Request) -> dict[str, Any]:
    pool = _pool(request["IdentityPoolId"])
    answer: dict[str, Any] = {"IdentityPoolId": pool.id}
    if pool.state.roles:
        answer["Roles"] = pool.state.roles
    if pool.state.role_mappings:
        answer["RoleMappings"] = pool.state.role_mappings
    return answer


def list_identities(_context: RequestContext, request: Request) -> dict[str, Any]:
    pool = _pool(request["IdentityPoolId"])
    listed = list(pool.state.identities.values())
    start = int(request.get("NextToken") or 0)
    end = start + int(request["MaxResults"])
    answer = {"IdentityPoolId": pool.id, "Identities": [identity.to_json() for identity in listed[start:end]]}
    return {**answer, "NextToken": str(end)} if end < len(listed) else answer


def describe_identity(_context: RequestContext, request: Request) -> dict[str, Any]:
    return _identity(request["IdentityId"])[1].to_json()


def delete_identities(_context: RequestContext, request: Request) -> dict[str, Any]:
    unprocessed = []
    for identity_id in request["IdentityIdsToDelete"]:
        try:
            pool, _same = _identity(identity_id)
        except CognitoError:
            unprocessed.append({"IdentityId": identity_id, "ErrorCode": "InternalServerError"})
        else:
            del pool.state.identities[identity_id]
    return {"UnprocessedIdentityIds": unprocessed}


def update_identity_pool(context: RequestContext, request: Request) -> Any:
    """What the request does not name is removed, except the developer's provider, whose name is permanent.

    Moto changes only what the request names.
    https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_UpdateIdentityPool.html
    """
    pool = _pool(request["IdentityPoolId"]).moto
    pool.identity_pool_name = request["IdentityPoolName"]
    pool.supported_login_providers = {}
    pool.open_id_connect_provider_arns = []
    pool.cognito_identity_providers = []
    pool.saml_provider_arns = []
    return call_moto(context)


def operations() -> dict[str, Handler]:
    """Our operations of `cognito-identity`."""
    return {
        "DeleteIdentities": delete_identities,
        "DescribeIdentity": describe_identity,
        "GetCredentialsForIdentity": get_credentials_for_identity,
        "GetId": get_id,
        "GetIdentityPoolRoles": get_identity_pool_roles,
        "GetOpenIdToken": get_open_id_token,
        "GetOpenIdTokenForDeveloperIdentity": get_open_id_token_for_developer_identity,
        "ListIdentities": list_identities,
        "SetIdentityPoolRoles": set_identity_pool_roles,
        "UnlinkIdentity": unlink_identity,
        "UpdateIdentityPool": update_identity_pool,
    }
