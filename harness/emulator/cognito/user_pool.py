"""A user pool: moto's model of it, which describes and lists, with the state that moto does not keep.

What we keep (keys, codes, sessions, refresh tokens) hangs on moto's objects, so that deleting a pool or resetting
moto's backend takes it along.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.cognitoidp.models import CognitoIdpUserPool, cognitoidp_backends

from harness.emulator.cognito.errors import CognitoError, not_authorized, not_found
from harness.emulator.cognito.keys import SigningKey
from harness.emulator.cognito.records import AuthorizationCode, Code, Federation, Grant, SignInSession
from harness.emulator.concurrency import SteadyDict
from harness.emulator.host.attachments import USER_POOL
from harness.emulator.patches import replaced


@dataclass
class UserState:
    """State of a user that moto's model does not have. Times are in seconds since the epoch."""

    codes: dict[str, "Code"] = field(default_factory=dict)
    """The outstanding codes, by what they are for."""
    pending_attributes: dict[str, str] = field(default_factory=dict)
    """Values that become the user's once they are verified."""
    failed_codes: dict[str, list[float]] = field(default_factory=dict)
    requests: dict[str, list[float]] = field(default_factory=dict)
    """The times of the user's calls of operations with an hourly limit, by operation."""
    failed_passwords: int = 0
    locked_until: float = 0.0
    temporary_password_expires_at: float | None = None
    totp_secret: str | None = None
    totp_last_step: int = 0


@dataclass
class UserPoolState:
    """State of a pool that moto's model does not have."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    key: SigningKey = field(default_factory=SigningKey)
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    """Of what must look random and stay the same, see `digest`."""
    users: dict[str, UserState] = field(default_factory=dict)
    sessions: dict[str, "SignInSession"] = field(default_factory=SteadyDict)
    grants: dict[str, "Grant"] = field(default_factory=SteadyDict)
    """By refresh token."""
    revoked: set[str] = field(default_factory=set)
    """`origin_jti` of the sign-ins whose tokens are revoked."""
    authorization_codes: dict[str, "AuthorizationCode"] = field(default_factory=dict)
    federations: dict[str, "Federation"] = field(default_factory=dict)
    links: dict[tuple[str, str, str], str] = field(default_factory=SteadyDict)
    """User id by provider, attribute and value, see `linking`."""

    def digest(self, *parts: str) -> bytes:
        """32 bytes that are always the same for these parts in this pool, and that a client cannot predict."""
        return hmac.new(self.secret, json.dumps(parts).encode(), hashlib.sha256).digest()


@dataclass(frozen=True)
class AppClient:
    """An app client of a pool."""

    pool: "UserPool"
    moto: Any

    @property
    def id(self) -> str:
        return str(self.moto.id)

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.moto.extended_config
        return config

    @property
    def secret(self) -> str | None:
        return str(self.moto.secret) if self.moto.generate_secret else None

    @property
    def hides_whether_users_exist(self) -> bool:
        return self.config.get("PreventUserExistenceErrors") == "ENABLED"

    def check_secret_hash(self, username: str, secret_hash: str | None) -> None:
        """Compare Base64(HMAC-SHA256(client secret, username + client id)), which clients with a secret must send.

        https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash
        """
        if self.secret is None:
            if secret_hash is not None:
                raise not_authorized(f"Client {self.id} is not configured for secret but secret hash was received")
            return
        if secret_hash is None:
            raise not_authorized(f"Client {self.id} is configured with secret but SECRET_HASH was not received")
        digest = hmac.new(self.secret.encode(), (username + self.id).encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(base64.b64encode(digest), secret_hash.encode()):
            raise not_authorized(f"Unable to verify secret hash for client {self.id}")


@dataclass(frozen=True)
class UserPool:
    """A user pool: where its parts are found."""

    moto: Any

    @property
    def id(self) -> str:
        return str(self.moto.id)

    @property
    def arn(self) -> str:
        return str(self.moto.arn)

    @property
    def region(self) -> str:
        return str(self.moto.region)

    @property
    def account_id(self) -> str:
        return str(self.moto.account_id)

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.moto.extended_config
        return config

    @property
    def issuer(self) -> str:
        """The `iss` of the pool's tokens: AWS's own, so that code which compares it is the same here and there."""
        return f"https://cognito-idp.{self.region}.amazonaws.com/{self.id}"

    @property
    def state(self) -> UserPoolState:
        return USER_POOL.setdefault(self.moto, UserPoolState())

    def state_of(self, user: Any) -> UserState:
        return self.state.users.setdefault(user.id, UserState())

    def client(self, client_id: str) -> AppClient:
        client = self.moto.clients.get(client_id)
        if client is None:
            raise not_found(f"User pool client {client_id} does not exist.")
        return AppClient(self, client)

    # ---- users ---------------------------------------------------------------------------------------------------

    @property
    def case_sensitive(self) -> bool:
        return bool((self.config.get("UsernameConfiguration") or {}).get("CaseSensitive", True))

    def fold(self, name: str) -> str:
        return name if self.case_sensitive else name.casefold()

    @property
    def username_attributes(self) -> list[str]:
        return list(self.config.get("UsernameAttributes") or ())

    @property
    def alias_attributes(self) -> list[str]:
        return list(self.config.get("AliasAttributes") or ())

    def find_user(self, name: str | None) -> Any | None:
        """The user who signs in by this name: username, sub, username attribute or alias; None when there is none.

        An email address or phone number is an alias only once it is verified
        (https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html#user-pool-settings-aliases).
        """
        if not name:
            return None
        if (user := self.moto.users.get(name)) is not None:
            return user
        folded = self.fold(name)
        users = list(self.moto.users.values())
        for user in users:
            if user.id == name or self.fold(user.username) == folded:
                return user
        for attribute in self.username_attributes:
            for user in users:
                if self.fold(user.attribute_lookup.get(attribute) or "") == folded:
                    return user
        return self.holder_of_alias(folded)

    def holder_of_alias(self, value: str) -> Any | None:
        folded = self.fold(value)
        for attribute in self.alias_attributes:
            for user in list(self.moto.users.values()):
                if self.fold(user.attribute_lookup.get(attribute) or "") == folded and (
                    attribute == "preferred_username" or is_true(user.attribute_lookup.get(f"{attribute}_verified"))
                ):
                    return user
        return None

    def user(self, name: str | None) -> Any:
        user = self.find_user(name)
        if user is None:
            raise CognitoError("UserNotFoundException", "User does not exist.")
        return user


def status_of(user: Any) -> str:
    """The status by its name; moto's enumeration does not know EXTERNAL_PROVIDER."""
    return str(getattr(user.status, "value", user.status))


def is_true(value: Any) -> bool:
    """Cognito keeps every attribute as a string; flags are `"true"` and `"false"`."""
    return str(value).lower() == "true"


def _moto_pools() -> Iterator[Any]:
    # Copies: another thread may add an account, a region or a pool while we look.
    for regions in list(cognitoidp_backends.values()):
        for region, backend in list(regions.items()):
            if region != "global":
                yield from list(backend.user_pools.values())


def pool_by_id(user_pool_id: str) -> UserPool:
    """Raises ResourceNotFoundException when there is no such pool in any account or region."""
    for pool in _moto_pools():
        if pool.id == user_pool_id:
            return UserPool(pool)
    raise not_found(f"User pool {user_pool_id} does not exist.")


def client_by_id(client_id: str) -> AppClient:
    """The client and so the pool of a call that carries no credentials, which name the account, but a client id."""
    for pool in _moto_pools():
        if client_id in pool.clients:
            return UserPool(pool).client(client_id)
    raise not_found(f"User pool client {client_id} does not exist.")


def all_pools() -> Iterator[UserPool]:
    return (UserPool(pool) for pool in _moto_pools())


def find_users_as_we_do() -> None:
    """Let moto's remaining operations find users by alias and without regard to case, as `UserPool.find_user` does."""
    replaced(
        CognitoIdpUserPool,
        "_get_user",
        lambda self, username: UserPool(self).find_user(username),
        because="moto finds users neither by alias nor without regard to case",
        source="https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html",
    )
