"""Payloads as they may stand in a journal: without secrets, and not longer than a user would read.

What is secret is decided by AWS's own models, where a member's shape is marked sensitive, and everywhere by names and forms
(`harness.journal.redaction`). It is cut before a record enters the journal's memory. What is too long leaves its size and its
digest, so that two equal payloads can still be recognised.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from harness.emulator.journal.secrets import REDACTOR
from harness.journal.redaction.names import kind_of_name

MAX_TEXT_CHARACTERS = 8_192
MAX_PAYLOAD_CHARACTERS = 131_072
SHOWN_CHARACTERS = 512

NOT_SECRET = frozenset(
    {
        "Body",
        "ClientId",
        "Input",
        "Message",
        "MessageBody",
        "Output",
        "Payload",
        "Username",
        "cause",
        "error",
        "input",
        "output",
    }
)
"""Members that AWS's models mark because of what users may put there, and that a journal has to show."""
UNMARKED = {("apigateway", "ApiKey", "value"): "key", ("apigateway", "CreateApiKeyRequest", "value"): "key"}
"""Members of a service's shapes that are secret, though its model does not mark them and their name does not show it."""


def call_payload(operation: OperationModel, shape: Shape | None, payload: Any) -> Any:
    """The request or response of an AWS call, without what is secret in it."""
    if not isinstance(payload, Mapping):
        return payload
    if shape is None or not _has_secrets(operation.service_model.service_name, shape):
        return payload
    return _without_secrets(operation.service_model.service_name, shape, payload)


def text(body: bytes | str | None) -> Any:
    """A body as JSON where it is JSON, as text where it is text, else as base64."""
    if not body:
        return None
    try:
        decoded = body if isinstance(body, str) else body.decode()
    except UnicodeDecodeError:
        return {"$base64": base64.b64encode(body if isinstance(body, bytes) else body.encode()).decode()}
    try:
        return json.loads(decoded)
    except (ValueError, RecursionError):
        return decoded


def to_text(data: Mapping[str, Any]) -> str:
    """The data of a record as JSON text without secrets and of a bounded length."""
    written = REDACTOR.json(_ENCODER.encode(data))
    if len(written) <= MAX_TEXT_CHARACTERS:
        return written
    written = json.dumps(_cut(json.loads(written)), ensure_ascii=False, separators=(",", ":"))
    if len(written) <= MAX_PAYLOAD_CHARACTERS:
        return written
    return json.dumps({name: _marker(value) for name, value in json.loads(written).items()}, ensure_ascii=False)


def _other(value: Any) -> Any:
    if isinstance(value, bytes):
        return text(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    if hasattr(value, "read") or hasattr(value, "__next__"):
        # A body on its way; to look at it would take it away.
        return {"$stream": type(value).__name__}
    return str(value)


# Made once: json.dumps makes one for every call that has options.
_ENCODER = json.JSONEncoder(default=_other, ensure_ascii=False, separators=(",", ":"))


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT_CHARACTERS else _marker(value)
    if isinstance(value, dict):
        return {name: _cut(member) for name, member in value.items()}
    return [_cut(member) for member in value] if isinstance(value, list) else value


def _marker(value: Any) -> Any:
    written = value if isinstance(value, str) else json.dumps(value, default=_other, ensure_ascii=False)
    if len(written) <= SHOWN_CHARACTERS:
        return value if isinstance(value, str) else json.loads(written)
    data = written.encode()
    digest = hashlib.sha256(data).hexdigest()
    return {"$cut": {"bytes": len(data), "sha256": digest, "begins": written[:SHOWN_CHARACTERS]}}


def _kind(service: str, shape: Shape, name: str, member: Shape) -> str | None:
    """The kind of secret that a member is, by the models and by what they leave out."""
    if name in NOT_SECRET:
        return None
    if member.metadata.get("sensitive"):
        return kind_of_name(name) or "secret"
    return UNMARKED.get((service, shape.name, name))


_known: dict[tuple[str, str], bool] = {}


def _has_secrets(service: str, shape: Shape) -> bool:
    """Whether anything below a shape is secret; known after the first time."""
    key = (service, shape.name)
    if key not in _known:
        _known[key] = _search(service, shape, set())
    return _known[key]


def _search(service: str, shape: Shape, seen: set[str]) -> bool:
    if shape.name in seen:
        return False
    seen.add(shape.name)
    match shape:
        case StructureShape():
            return any(
                _kind(service, shape, name, member) or _search(service, member, seen)
                for name, member in shape.members.items()
            )
        case ListShape():
            return _search(service, shape.member, seen)
        case MapShape():
            return _is_sensitive(shape.value) or _search(service, shape.value, seen)
    return False


def _is_sensitive(shape: Shape) -> bool:
    return bool(shape.metadata.get("sensitive"))


def _without_secrets(service: str, shape: Shape, value: Any) -> Any:
    match shape:
        case StructureShape() if isinstance(value, Mapping):
            members = shape.members
            if service == "ssm" and value.get("Type", "SecureString") != "SecureString":
                # The model marks the values of all parameters.
                return value
            return {
                name: member
                if name not in members or member is None
                else REDACTOR.secret(kind, member)
                if (kind := _kind(service, shape, name, members[name]))
                else _without_secrets(service, members[name], member)
                for name, member in value.items()
            }
        case ListShape() if isinstance(value, list):
            return [_without_secrets(service, shape.member, member) for member in value]
        case MapShape() if isinstance(value, Mapping):
            return {
                name: REDACTOR.secret(kind_of_name(name) or "secret", member)
                if _is_sensitive(shape.value)
                else _without_secrets(service, shape.value, member)
                for name, member in value.items()
            }
    return value
