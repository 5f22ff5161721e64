"""Secrets in JSON values: by the names of members, in pairs of a name and a value, in JSON, forms and base64 inside strings.

Only the secret is replaced. Its siblings, the names and the structure stay, so that a payload can be sent again.
"""

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from harness.journal.redaction import forms, signs
from harness.journal.redaction import text as texts
from harness.journal.redaction.forms import Mark
from harness.journal.redaction.names import CODE, MAYBE_CODE, PASSWORD, SECRET, SIGNATURE, kind_of_name

_DEEPEST = 24
_MOST_DECODED = 4 * 1024 * 1024
_WHOLLY_SCANNED = 1024 * 1024
"""Only the beginning of a longer text is shown; twice as much as is shown is scanned."""
_BEGINNING = 4_096

_CONTAINERS = frozenset({"authparameters", "challengeresponses", "privatechallengeparameters", "logins"})
"""Members all of whose values are secret, except those that identify the user."""
_WHO = frozenset(
    {"USERNAME", "USER_ID_FOR_SRP", "TIMESTAMP", "DEVICE_KEY", "ATTRIBUTES", "PREFERRED_CHALLENGE", "CHALLENGE_NAME"}
)
_TYPED = frozenset(
    {"S", "N", "B", "SS", "NS", "BS", "L", "M", "Value", "StringValue", "BinaryValue", "stringValue", "binaryValue"}
)
"""Members that contain the value of their container: a DynamoDB attribute, a message's attribute."""
_TYPES = frozenset({"Type", "DataType", "dataType", "type", "BOOL", "NULL"})
_NAMED_BY = ("Name", "name", "Key", "key", "ParameterKey", "parameterKey", "OutputKey", "OptionName", "AttributeName")
_HELD_IN = ("Value", "value", "ParameterValue", "parameterValue", "OutputValue", "ResolvedValue", "StringValue")
_PRIVATE_IN_JWK = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
_OAUTH = frozenset({"state", "grant_type", "client_id", "redirect_uri", "code_verifier", "session_state"})
_FORM = re.compile(r"[\w.%+*~\[\]-]{1,200}=[^\s\"<>{}]*$")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}$")
_BASE64_OF_JSON = ("eyJ", "eyI", "W3s", "ewog", "ewoJ")


class Structure:
    """Replaces the secrets of a value with the marks of `mark`.

    What a scan of the whole value as text rules out is not searched for in each of its strings.
    """

    def __init__(self, mark: Mark, *, may_name: bool = True, may_form: bool = True) -> None:
        self._mark = mark
        self._may_name = may_name
        self._may_form = may_form

    def clean(self, value: Any, depth: int = 0) -> Any:
        """The value without its secrets; the value itself if it has none."""
        if isinstance(value, str):
            return self.string(value, depth)
        if depth > _DEEPEST:
            # As text: a value so deep is no payload that a user reads.
            return self._as_written(value) if isinstance(value, dict | list) else value
        if isinstance(value, dict):
            return self._members(value, depth)
        if isinstance(value, list):
            return [self.clean(each, depth + 1) for each in value]
        return value

    def secret(self, kind: str, value: Any) -> Any:
        """A value that is secret as a whole; in a structure each value is."""
        if isinstance(value, Mapping):
            return {name: member if name in _WHO else self.secret(kind, member) for name, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.secret(kind, each) for each in value]
        if isinstance(value, bytes | bytearray):
            return texts.value(kind, _as_text(bytes(value)), self._mark)
        if isinstance(value, str):
            return texts.value(kind, value, self._mark) if value else value
        if isinstance(value, bool) or value is None:
            return value
        return self._mark(kind, str(value))

    def string(self, given: str, depth: int = 0) -> str:
        """A string with any content."""
        if len(given) > _WHOLLY_SCANNED:
            return texts.cut(given[:_BEGINNING], self._mark) + given[_BEGINNING:]
        if len(given) < 6:
            return given
        if given[0] in "{[" and depth < _DEEPEST:
            if not (self._names(given) or (self._may_form and forms.may_hold_one(given)) or signs.place_in(given)):
                return given
            try:
                parsed = json.loads(given)
            except (ValueError, RecursionError):
                return self.text(given, depth)
            cleaned = self.clean(parsed, depth + 1)
            return given if cleaned == parsed else _written_alike(cleaned, given)
        if given.startswith(_BASE64_OF_JSON):
            return self._text(self.base64(given, depth))
        if depth < _DEEPEST and "=" in given and _FORM.match(given) and self._names(given):
            return self._form(given, depth)
        return self.text(given, depth)

    def text(self, given: str, depth: int = 0) -> str:
        """A text whose lines may be, or end with, JSON: what functions log."""
        if "{" not in given or '"' not in given or depth > _DEEPEST:
            return self._text(given)
        lines = given.split("\n")
        for number, line in enumerate(lines):
            at = line.find("{")
            if at < 0 or not line.rstrip().endswith("}") or len(line) > _WHOLLY_SCANNED:
                continue
            try:
                parsed = json.loads(line[at:])
            except (ValueError, RecursionError):
                continue
            cleaned = self.clean(parsed, depth + 1)
            if cleaned != parsed:
                lines[number] = line[:at] + _written_alike(cleaned, line)
        return self._text("\n".join(lines))

    def _text(self, given: str) -> str:
        if self._may_form:
            given = forms.cut(given, self._mark)
        return texts.named(given, self._mark) if self._names(given) else given

    def _names(self, given: str) -> bool:
        if not self._may_name or len(given) < 6:
            return False
        return _short_text_may_name_one(given) if len(given) <= 256 else signs.may_name_one(given)

    def base64(self, given: str, depth: int = 0) -> str:
        """Base64 of a text, or of a compressed text as CloudWatch Logs sends it."""
        if len(given) > _MOST_DECODED or not _BASE64.match(given):
            return given
        urlsafe = "-" in given or "_" in given
        try:
            padded = given + "=" * (-len(given) % 4)
            content = (base64.urlsafe_b64decode if urlsafe else base64.b64decode)(padded)
            packed = content[:2] == b"\x1f\x8b"
            unpacked = zlib.decompressobj(31).decompress(content, _MOST_DECODED) if packed else content
            decoded = unpacked.decode()
        except (binascii.Error, ValueError, zlib.error):
            return given
        cleaned = Structure(self._mark).string(decoded, depth + 1)
        if cleaned == decoded:
            return given
        written = cleaned.encode(errors="surrogatepass")
        if packed:
            packer = zlib.compressobj(wbits=31)
            written = packer.compress(written) + packer.flush()
        return (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(written).decode()

    def _as_written(self, value: Any) -> str:
        try:
            return texts.cut(json.dumps(value, default=str), self._mark)
        except RecursionError:
            return "(too deep to be shown)"

    def _members(self, given: dict[Any, Any], depth: int) -> dict[Any, Any]:
        named = next((given[name] for name in _NAMED_BY if isinstance(given.get(name), str)), "")
        promised = kind_of_name(str(named).rpartition("/")[2]) if named else None
        is_secure = given.get("Type") == "SecureString" or given.get("type") == "SecureString"
        is_encoded = given.get("isBase64Encoded") is True
        is_jwk = "kty" in given
        return {
            name: self.secret(promised or SECRET, member)
            if name in _HELD_IN and (promised or is_secure)
            else self.secret("key", member)
            if is_jwk and name in _PRIVATE_IN_JWK
            else self.base64(member, depth)
            if is_encoded and name == "body" and isinstance(member, str)
            else self._member(str(name), member, given, depth)
            for name, member in given.items()
        }

    def _member(self, name: str, member: Any, beside: Mapping[Any, Any], depth: int) -> Any:
        kind = kind_of_name(name)
        if kind is None or member is None or isinstance(member, bool):
            if isinstance(member, dict):
                return self._container(name, member, depth)
            if isinstance(member, str) and name in ("data", "Data", "$base64", "B", "rawData", "Payload", "payload"):
                return self.string(self.base64(member, depth), depth)
            return self.clean(member, depth + 1)
        if kind == SIGNATURE and any(
            each in beside for each in ("SignatureVersion", "SigningCertURL", "SigningCertUrl")
        ):
            # The signature of an SNS notification: every receiver may verify it, and it grants no access.
            return member
        if kind == MAYBE_CODE and isinstance(member, str) and not _OAUTH.isdisjoint(beside):
            kind = CODE
        if isinstance(member, str):
            if member[:1] in "{[" and kind != "cookie":
                # {"secret": "{\"username\": ...}"}: the name covers all of it.
                return self._whole(kind, member, depth)
            return texts.value(kind, member, self._mark) if member else member
        if isinstance(member, list):
            return [self._member(name, each, beside, depth + 1) for each in member]
        if isinstance(member, dict):
            if member.keys() and member.keys() <= _TYPED | _TYPES:
                return {
                    each: value
                    if each in _TYPES or (each == "N" and kind == MAYBE_CODE)
                    else self._member(name, value, {}, depth + 1)
                    for each, value in member.items()
                }
            return self._container(name, member, depth)
        return self._mark(kind, str(member)) if kind in (PASSWORD, CODE) else member

    def _container(self, name: str, member: dict[Any, Any], depth: int) -> dict[Any, Any]:
        small = name.replace("_", "").lower()
        if small in _CONTAINERS:
            return {
                each: value if each in _WHO else self.secret(kind_of_name(str(each)) or SECRET, value)
                for each, value in member.items()
            }
        if small == "environment" and isinstance(variables := member.get("Variables"), dict):
            # https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html: "sensitive" in AWS's model.
            kept = {each: self.secret(kind_of_name(str(each)) or SECRET, held) for each, held in variables.items()}
            return {
                **self.clean({each: held for each, held in member.items() if each != "Variables"}, depth + 1),
                "Variables": kept,
            }
        cleaned: dict[Any, Any] = self.clean(member, depth + 1)
        return cleaned

    def _whole(self, kind: str, member: str, depth: int) -> str:
        if kind == MAYBE_CODE:
            return self.string(member, depth)
        return texts.value(kind, member, self._mark)

    def _form(self, given: str, depth: int) -> str:
        """`application/x-www-form-urlencoded`, and query strings."""
        parts = given.split("&")
        fields = dict.fromkeys(unquote_plus(part.partition("=")[0]) for part in parts)
        decode, encode = (unquote_plus, quote_plus) if "+" in given else (unquote, quote)
        said = []
        for part in parts:
            name, equals, held = part.partition("=")
            if not held:
                said.append(part)
                continue
            decoded = decode(held)
            if decoded == held and kind_of_name(decode(name)) is None:
                cleaned = self._text(held)
            else:
                cleaned = self._member(decode(name), decoded, fields, depth + 1)
            said.append(part if cleaned == decoded else f"{name}{equals}{_encoded(cleaned, encode)}")
        return "&".join(said)


@lru_cache(maxsize=8192)
def _short_text_may_name_one(given: str) -> bool:
    """Cached, because names, ARNs and addresses recur in every record."""
    return any(character in given for character in "=:< ") and signs.may_name_one(given)


def _encoded(cleaned: str, encode: Callable[..., str]) -> str:
    """Encoded again, but with readable marks."""
    return cleaned if cleaned.startswith("<secret:") and cleaned.count("<") == 1 else encode(cleaned, safe="<>#: /")


def _written_alike(value: Any, before: str) -> str:
    separators = (", ", ": ") if '": ' in before[:4096] else (",", ":")
    return json.dumps(value, separators=separators, ensure_ascii=False)


def _as_text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return base64.b64encode(content).decode()
