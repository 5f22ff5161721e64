"""Whether the policy of a form allows an upload: a function of data, without the form's signature.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

EXEMPT = frozenset({"x-amz-signature", "file", "policy", "signature", "awsaccesskeyid"})
"""Fields that no condition needs to be about; neither those that begin with `x-ignore-`."""
_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ")


class InvalidPolicyError(ValueError):
    """The policy is none; the message is S3's."""


class ForbiddenError(ValueError):
    """The policy does not allow the upload; the message is S3's."""


class SizeError(ForbiddenError):
    """The file is larger, or smaller, than the policy allows. `limit` and `proposed` in bytes."""

    def __init__(self, message: str, *, proposed: int, limit: int, too_large: bool) -> None:
        super().__init__(message)
        self.proposed, self.limit, self.too_large = proposed, limit, too_large


@dataclass(frozen=True, slots=True)
class FormCondition:
    """What a field must be: `eq` or `starts-with`, the name with its `$`, the value."""

    operator: str
    name: str
    value: str

    def __str__(self) -> str:
        return json.dumps([self.operator, self.name, self.value], ensure_ascii=False)

    @property
    def field(self) -> str:
        return self.name.removeprefix("$").lower()

    def is_met(self, fields: Mapping[str, str]) -> bool:
        found = fields.get(self.field)
        if found is None or not self.name.startswith("$"):
            return False
        return found == self.value if self.operator == "eq" else found.startswith(self.value)


@dataclass(frozen=True, slots=True)
class Range:
    """How many bytes the file may have, both ends included."""

    smallest: int
    largest: int


@dataclass(frozen=True, slots=True)
class PostPolicy:
    expires_at: datetime
    conditions: tuple[FormCondition | Range, ...]


def parse(encoded: str) -> PostPolicy:
    """The form's field `policy`. Raises InvalidPolicyError, and ForbiddenError for a range of sizes that is no numbers."""
    try:
        document = json.loads(base64.b64decode(encoded))
    except (binascii.Error, ValueError):
        raise InvalidPolicyError("Invalid Policy: Invalid JSON.") from None
    if not isinstance(document, dict):
        raise InvalidPolicyError("Invalid Policy: Invalid JSON.")
    if "expiration" not in document:
        raise InvalidPolicyError("Invalid Policy: Policy missing expiration.")
    if not isinstance(document.get("conditions"), list):
        raise InvalidPolicyError("Invalid Policy: Policy missing conditions.")
    return PostPolicy(_expiration(document["expiration"]), tuple(_condition(each) for each in document["conditions"]))


def check(policy: PostPolicy, fields: Mapping[str, str], *, bucket: str, size: int, now: datetime) -> None:
    """Whether the policy allows the upload. `fields` are the form's, by their names in lower case; `size` is the file's in
    bytes. Raises ForbiddenError."""
    if now >= policy.expires_at:
        raise ForbiddenError("Invalid according to Policy: Policy expired.")
    known = {**fields, "bucket": bucket}
    covered = set()
    for condition in policy.conditions:
        if isinstance(condition, Range):
            _check_size(condition, size)
            continue
        covered.add(condition.field)
        if not condition.is_met(known):
            raise ForbiddenError(f"Invalid according to Policy: Policy Condition failed: {condition}")
    for name in known:
        if name not in covered and name not in EXEMPT and not name.startswith("x-ignore-"):
            raise ForbiddenError(f"Invalid according to Policy: Extra input fields: {name}")


def _expiration(written: Any) -> datetime:
    for each in _FORMATS:
        try:
            return datetime.strptime(str(written), each).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise InvalidPolicyError(f"Invalid Policy: Invalid 'expiration' value: '{written}'")


def _condition(written: Any) -> FormCondition | Range:
    if isinstance(written, dict):
        if len(written) != 1:
            raise InvalidPolicyError(
                "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
            )
        [(name, value)] = written.items()
        if not isinstance(value, str):
            raise InvalidPolicyError("Invalid Policy: Invalid Simple-Condition: value must be a string.")
        return FormCondition("eq", f"${name}", value)
    match written:
        case ["content-length-range", smallest, largest]:
            try:
                return Range(int(smallest), int(largest))
            except (TypeError, ValueError):
                said = f"Invalid according to Policy: Policy Condition failed: {json.dumps(written)}"
                raise ForbiddenError(said) from None
        case ["eq" | "starts-with" as operator, str(name), str(value)]:
            return FormCondition(operator, name, value)
    raise InvalidPolicyError(f"Invalid Policy: Invalid Condition: {json.dumps(written)}")


def _check_size(allowed: Range, size: int) -> None:
    if size > allowed.largest:
        said = "Your proposed upload exceeds the maximum allowed size"
        raise SizeError(said, proposed=size, limit=allowed.largest, too_large=True)
    if size < allowed.smallest:
        said = "Your proposed upload is smaller than the minimum allowed size"
        raise SizeError(said, proposed=size, limit=allowed.smallest, too_large=False)
