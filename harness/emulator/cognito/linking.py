"""Links between users of an external provider and existing users of the pool.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-identity-federation-consolidate-users.html
"""

import json
import time
from collections.abc import Mapping
from typing import Any

from harness.emulator.cognito import attributes as attrs
from harness.emulator.cognito.errors import CognitoError, invalid_parameter, not_found, user_not_found
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import UserPool

Request = dict[str, Any]
NATIVE = "Cognito"
SUBJECT = "Cognito_Subject"
"""The attribute name that stands for the provider's own id of a person."""


def identity(provider_name: str, subject: str, *, primary: bool) -> dict[str, Any]:
    """An entry of the attribute `identities`."""
    return {
        "dateCreated": str(int(time.time() * 1000)),
        "userId": subject,
        "providerName": provider_name,
        "providerType": "OIDC",
        "issuer": None,
        "primary": "true" if primary else "false",
    }


def linked_user(pool: UserPool, provider_name: str, subject: str, claims: Mapping[str, Any]) -> Any | None:
    """The user that a provider's user is linked to, by subject or by a claim; None without a link."""
    for (name, attribute, value), user_id in list(pool.state.links.items()):
        told = subject if attribute == SUBJECT else claims.get(attribute)
        if name == provider_name and told == value and (user := pool.find_user(user_id)) is not None:
            _remember(user, provider_name, subject)
            return user
    return None


def _identities(user: Any) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(user.attribute_lookup.get("identities") or "[]")
    return entries


def _keep(user: Any, entries: list[dict[str, Any]]) -> None:
    if entries:
        user.update_attributes(attrs.listed({"identities": json.dumps(entries)}))
    elif "identities" in user.attribute_lookup:
        user.delete_attributes(["identities"])


def _remember(user: Any, provider_name: str, subject: str) -> None:
    entries = _identities(user)
    if not any((e["providerName"], e["userId"]) == (provider_name, subject) for e in entries):
        _keep(user, [*entries, identity(provider_name, subject, primary=False)])


def admin_link_provider_for_user(call: UserPoolCall, request: Request) -> dict[str, Any]:
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminLinkProviderForUser.html"""
    pool, source = call.pool, request["SourceUser"]
    if source.get("ProviderName") in (None, NATIVE):
        # As users report it: https://github.com/aws-amplify/amplify-js/issues/13334.
        raise invalid_parameter(
            "Invalid SourceUser: Cognito users with a username/password may not be passed in as a SourceUser, "
            "only as a DestinationUser"
        )
    link = _link_of(pool, source)
    provider_name, attribute, value = link
    user = _destination(pool, request["DestinationUser"])
    with pool.state.lock:
        if attribute == SUBJECT and f"{provider_name}_{value}" in pool.moto.users:
            # As users report it: https://github.com/aws/aws-sdk-net/issues/1000.
            raise invalid_parameter(
                "Merging is not currently supported, provide a SourceUser that has not been signed up in order to link"
            )
        if pool.state.links.get(link, user.id) != user.id:
            raise CognitoError("AliasExistsException", "SourceUser is already linked to DestinationUser.")
        pool.state.links[link] = user.id
        if attribute == SUBJECT:
            _remember(user, provider_name, value)
    return {}


def admin_disable_provider_for_user(call: UserPoolCall, request: Request) -> dict[str, Any]:
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminDisableProviderForUser.html"""
    pool = call.pool
    if request["User"].get("ProviderName") == NATIVE:
        raise CognitoError(
            "InternalErrorException",
            "AdminDisableProviderForUser is emulated for linked users only; use AdminDisableUser.",
            501,
        )
    provider_name, attribute, value = link = _link_of(pool, request["User"])
    with pool.state.lock:
        user_id = pool.state.links.pop(link, None)
        if user_id is None:
            raise user_not_found()
        user = pool.find_user(user_id)
        if user is not None:
            # The id at the provider is known for the subject; by a claim, every identity that used the link is removed.
            gone = [e for e in _identities(user) if e["providerName"] == provider_name]
            gone = [e for e in gone if attribute != SUBJECT or e["userId"] == value]
            _keep(user, [e for e in _identities(user) if e not in gone])
    return {}


def _link_of(pool: UserPool, person: Mapping[str, Any]) -> tuple[str, str, str]:
    name = person["ProviderName"]
    if name not in pool.moto.identity_providers:
        raise not_found(f"Identity provider {name} does not exist.")
    return name, person.get("ProviderAttributeName") or SUBJECT, person.get("ProviderAttributeValue") or ""


def _destination(pool: UserPool, person: Mapping[str, Any]) -> Any:
    name, value = person.get("ProviderName"), person.get("ProviderAttributeValue") or ""
    user = pool.find_user(value if name in (None, NATIVE) else f"{name}_{value}")
    if user is None:
        raise user_not_found()
    return user
