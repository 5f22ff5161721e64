"""Passwords: a pool's policy, with AWS's words for what is missing, and generated temporary passwords."""

import re
import secrets
import string
from typing import Any

from harness.emulator.cognito.errors import CognitoError, invalid_parameter

SYMBOLS = "^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+="
DEFAULT_TEMPORARY_VALIDITY_DAYS = 7
MAXIMUM_LENGTH = 256

# https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users-passwords.html
_RULES = (
    ("RequireLowercase", "[a-z]", "Password must have lowercase characters"),
    ("RequireUppercase", "[A-Z]", "Password must have uppercase characters"),
    ("RequireNumbers", "[0-9]", "Password must have numeric characters"),
    ("RequireSymbols", "[" + re.escape(SYMBOLS) + " ]", "Password must have symbol characters"),
)


def policy_of(pool_config: dict[str, Any]) -> dict[str, Any]:
    policy: dict[str, Any] = (pool_config.get("Policies") or {}).get("PasswordPolicy") or {}
    return policy


def check_password(password: str | None, policy: dict[str, Any]) -> None:
    """Raises InvalidPasswordException where the password breaks the policy (`PasswordPolicy` of the pool)."""
    if not password or len(password) > MAXIMUM_LENGTH or not re.fullmatch(r"[\S]+.*[\S]+", password):
        raise invalid_parameter(
            "1 validation error detected: Value at 'password' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: ^[\S]+.*[\S]+$"
        )
    broken = None
    if len(password) < int(policy.get("MinimumLength", 8)):
        broken = "Password not long enough"
    else:
        broken = next(
            (text for rule, chars, text in _RULES if policy.get(rule) and not re.search(chars, password)), None
        )
    if broken is not None:
        raise CognitoError("InvalidPasswordException", f"Password did not conform with policy: {broken}")


def temporary_password(policy: dict[str, Any]) -> str:
    """A random password that satisfies any policy of this pool."""
    alphabets = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!@#$%&*-_=+")
    length = max(int(policy.get("MinimumLength", 8)), 8)
    characters = [secrets.choice(alphabet) for alphabet in alphabets]
    characters += [secrets.choice("".join(alphabets)) for _ in range(length - len(characters))]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


def temporary_validity_days(pool_config: dict[str, Any]) -> int:
    # API and CloudFormation accept 0 for "the default"; UnusedAccountValidityDays is the older name of the setting.
    older = (pool_config.get("AdminCreateUserConfig") or {}).get("UnusedAccountValidityDays")
    newer = policy_of(pool_config).get("TemporaryPasswordValidityDays")
    return int(newer or older or DEFAULT_TEMPORARY_VALIDITY_DAYS)
