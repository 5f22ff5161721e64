"""User attributes: the pool's schema, what an app client may write, sign-in names and their uniqueness.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-attributes.html
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from harness.emulator.cognito.errors import CognitoError, invalid_parameter, not_authorized
from harness.emulator.cognito.user_pool import AppClient, UserPool

EMAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+\.[^\s@<>,;:\"()\[\]\\.]+")
PHONE_NUMBER = re.compile(r"\+[1-9]\d{1,14}")
_ITS_OWN = frozenset({"sub", "identities", "cognito:user_status"})
_NAMED = {"email": "email", "phone_number": "phone number"}


def flat(attributes: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """`[{"Name": n, "Value": v}]` as `{n: v}`."""
    return {a["Name"]: a.get("Value") or "" for a in attributes or ()}


def listed(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


def sign_in_attribute(pool: UserPool, username: str) -> str | None:
    """Which attribute a user name is, where the pool signs in by email or phone number; None where by name.

    Raises InvalidParameterException where the name is none that the pool allows.
    """
    names = pool.username_attributes
    if not names:
        for alias, pattern in (("email", EMAIL), ("phone_number", PHONE_NUMBER)):
            if alias in pool.alias_attributes and pattern.fullmatch(username):
                form = "email" if alias == "email" else "phone number"
                raise invalid_parameter(
                    f"Username cannot be of {form} format, since user pool is configured for {form} alias."
                )
        if not re.fullmatch(r"\S+", username):
            raise invalid_parameter(
                "1 validation error detected: Value at 'username' failed to satisfy constraint: "
                r"Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+"
            )
        return None
    if "email" in names and EMAIL.fullmatch(username):
        return "email"
    if "phone_number" in names and PHONE_NUMBER.fullmatch(username):
        return "phone_number"
    if len(names) == 2:
        raise invalid_parameter("Username should be either an email or a phone number.")
    raise invalid_parameter(
        "Username should be an email." if "email" in names else "Username should be a phone number."
    )


def check_schema(pool: UserPool, attributes: Mapping[str, str]) -> None:
    """Raises InvalidParameterException where an attribute is unknown to the pool or has a value it cannot have."""
    for name, value in attributes.items():
        schema = pool.moto.schema_attributes.get(name)
        if schema is None or name in _ITS_OWN:
            raise _nonconforming(f"Type for attribute {{{name}}} could not be determined")
        if name == "email" and value and not EMAIL.fullmatch(value):
            raise invalid_parameter("Invalid email address format.")
        if name == "phone_number" and value and not PHONE_NUMBER.fullmatch(value):
            raise invalid_parameter("Invalid phone number format.")
        _check_constraints(name, value, schema)


def _check_constraints(name: str, value: str, schema: Any) -> None:
    string, number = schema.string_constraints or {}, schema.number_constraints or {}
    if schema.data_type == "Boolean" and value.lower() not in ("true", "false"):
        raise _nonconforming(f"{name}: Value {value} is not a boolean")
    if schema.data_type == "Number":
        if not re.fullmatch(r"-?\d+", value):
            raise _nonconforming(f"{name}: Value {value} is not a number")
        if number.get("MinValue") is not None and int(value) < int(number["MinValue"]):
            raise _nonconforming(f"{name}: Attribute value cannot be less than {number['MinValue']}")
        if number.get("MaxValue") is not None and int(value) > int(number["MaxValue"]):
            raise _nonconforming(f"{name}: Attribute value cannot be more than {number['MaxValue']}")
    if schema.data_type == "String" and value:
        if string.get("MinLength") is not None and len(value) < int(string["MinLength"]):
            raise _nonconforming(f"{name}: String must be at least {string['MinLength']} characters long")
        if string.get("MaxLength") is not None and len(value) > int(string["MaxLength"]):
            raise _nonconforming(f"{name}: String must be no longer than {string['MaxLength']} characters")


def check_required(pool: UserPool, attributes: Mapping[str, str]) -> None:
    missing = required_and_missing(pool, attributes)
    if missing:
        raise _nonconforming(f"{missing[0]}: The attribute {missing[0]} is required")


def required_and_missing(pool: UserPool, attributes: Mapping[str, str]) -> list[str]:
    return [
        name
        for name, schema in pool.moto.schema_attributes.items()
        if schema.required and name not in _ITS_OWN and not attributes.get(name)
    ]


def _nonconforming(detail: str) -> CognitoError:
    return invalid_parameter(f"Attributes did not conform to the schema: {detail}\n")


def check_writable(client: AppClient, attributes: Iterable[str]) -> None:
    """Raises NotAuthorizedException for what the client may not write.

    No client writes the `_verified` flags, nor what is the developer's only.
    """
    allowed = client.config.get("WriteAttributes")
    for name in attributes:
        if (
            name in ("email_verified", "phone_number_verified")
            or name.startswith("dev:")
            or (allowed and name not in allowed)
        ):
            raise not_authorized("A client attempted to write unauthorized attribute")


def check_mutable(pool: UserPool, user: Any, attributes: Mapping[str, str]) -> None:
    for name, value in attributes.items():
        schema = pool.moto.schema_attributes.get(name)
        if schema is not None and not schema.mutable and user.attribute_lookup.get(name) not in (None, value):
            raise invalid_parameter(f"user.{name}: Attribute cannot be updated.\n")


def check_sign_in_names_are_free(pool: UserPool, attributes: Mapping[str, str], user: Any | None = None) -> None:
    """Raises AliasExistsException where another user signs in by one of these values.

    An alias attribute is taken only once it is verified; a username attribute at once.
    """
    for name in pool.username_attributes:
        _check_free(name, attributes.get(name), user, _username_attribute_holder(pool, name, attributes))
    for name in pool.alias_attributes:
        verified = name == "preferred_username" or str(attributes.get(f"{name}_verified")).lower() == "true"
        if verified and attributes.get(name):
            _check_free(name, attributes[name], user, pool.holder_of_alias(attributes[name]))


def _username_attribute_holder(pool: UserPool, name: str, attributes: Mapping[str, str]) -> Any | None:
    value = attributes.get(name)
    if not value:
        return None
    folded = pool.fold(value)
    users = list(pool.moto.users.values())
    return next((u for u in users if pool.fold(u.attribute_lookup.get(name) or "") == folded), None)


def _check_free(name: str, value: str | None, user: Any | None, holder: Any | None) -> None:
    if value and holder is not None and holder is not user:
        label = _NAMED.get(name, name)
        raise CognitoError("AliasExistsException", f"An account with the given {label} already exists.")


def check_username_is_free(pool: UserPool, username: str, attribute: str | None) -> None:
    """Raises UsernameExistsException."""
    if pool.find_user(username) is None:
        return
    if attribute is None:
        raise CognitoError("UsernameExistsException", "User already exists")
    raise CognitoError("UsernameExistsException", f"An account with the given {_NAMED[attribute]} already exists.")
