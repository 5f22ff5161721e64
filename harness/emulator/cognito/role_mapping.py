"""Which role an identity gets: the pool's two roles, and role mappings by token or by rules. Functions of data only.

https://docs.aws.amazon.com/cognito/latest/developerguide/role-based-access-control.html
"""

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

from harness.emulator.cognito.errors import CognitoError, invalid_parameter, not_authorized

FEDERATED = "cognito-identity.amazonaws.com"


def invalid_configuration() -> CognitoError:
    return CognitoError(
        "InvalidIdentityPoolConfigurationException",
        "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
    )


def check_mappings(mappings: Mapping[str, Mapping[str, Any]]) -> None:
    for provider, mapping in mappings.items():
        if mapping.get("Type") == "Rules" and not (mapping.get("RulesConfiguration") or {}).get("Rules"):
            raise invalid_parameter(f"Role mapping of {provider} is of type Rules and has no RulesConfiguration.")
        if not mapping.get("AmbiguousRoleResolution"):
            raise invalid_parameter(f"Role mapping of {provider} must specify AmbiguousRoleResolution.")


def role_for(
    roles: Mapping[str, str],
    mappings: Mapping[str, Mapping[str, Any]],
    logins: Sequence[tuple[str, Mapping[str, Any]]],
    custom_role_arn: str | None = None,
) -> str:
    """The role's ARN. `logins` are pairs of provider and verified claims; none for an unauthenticated identity.

    Raises NotAuthorizedException where a mapping denies, InvalidIdentityPoolConfigurationException where the pool has
    no role for this kind of identity.
    """
    if not logins:
        return _needed(roles.get("unauthenticated"))
    for provider, claims in logins:
        mapping = mappings.get(f"{provider}:{claims.get('aud')}") or mappings.get(provider)
        if mapping is not None:
            return _mapped(mapping, claims, roles, custom_role_arn)
    if custom_role_arn is not None:
        raise not_authorized("Custom role is not allowed: the identity pool maps no roles for this provider.")
    return _needed(roles.get("authenticated"))


def _needed(role_arn: str | None) -> str:
    if not role_arn:
        raise invalid_configuration()
    return role_arn


def _mapped(
    mapping: Mapping[str, Any], claims: Mapping[str, Any], roles: Mapping[str, str], custom_role_arn: str | None
) -> str:
    if mapping["Type"] == "Token":
        offered = claims.get("cognito:roles") or []
        if custom_role_arn is not None:
            if custom_role_arn not in offered:
                raise not_authorized("Custom role is not in the roles of the token.")
            return custom_role_arn
        chosen = claims.get("cognito:preferred_role") or (offered[0] if len(offered) == 1 else None)
    else:
        chosen = next((r["RoleARN"] for r in mapping["RulesConfiguration"]["Rules"] if _matches(r, claims)), None)
    if chosen:
        return str(chosen)
    if mapping.get("AmbiguousRoleResolution") == "Deny":
        raise not_authorized("Access to Identity is forbidden: no role mapping applies.")
    return _needed(roles.get("authenticated"))


def _matches(rule: Mapping[str, Any], claims: Mapping[str, Any]) -> bool:
    claim = claims.get(rule["Claim"])
    if claim is None:
        return False
    values = [str(v) for v in claim] if isinstance(claim, list) else [str(claim)]
    wanted = rule["Value"]
    match rule["MatchType"]:
        case "Equals":
            return values == [wanted]
        case "NotEqual":
            return values != [wanted]
        case "StartsWith":
            return any(v.startswith(wanted) for v in values)
        case _:
            return wanted in values if isinstance(claim, list) else wanted in values[0]


def check_trust(document: Mapping[str, Any], identity_pool_id: str, *, authenticated: bool) -> None:
    """Raises InvalidIdentityPoolConfigurationException where the role does not trust this pool.

    https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html
    """
    facts = {
        f"{FEDERATED}:aud": identity_pool_id,
        f"{FEDERATED}:amr": "authenticated" if authenticated else "unauthenticated",
    }
    if not any(_trusts(statement, facts) for statement in _listed(document.get("Statement"))):
        raise invalid_configuration()


def _trusts(statement: Mapping[str, Any], facts: Mapping[str, str]) -> bool:
    principal = statement.get("Principal")
    federated = _listed(principal.get("Federated")) if isinstance(principal, Mapping) else []
    if statement.get("Effect") != "Allow" or FEDERATED not in federated:
        return False
    if not any(fnmatch.fnmatch("sts:AssumeRoleWithWebIdentity", action) for action in _listed(statement.get("Action"))):
        return False
    for conditions in (statement.get("Condition") or {}).values():
        for key, patterns in conditions.items():
            fact = facts.get(key)
            if fact is not None and not any(fnmatch.fnmatchcase(fact, pattern) for pattern in _listed(patterns)):
                return False
    return True


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
