"""A click: the record that the collector puts into the stream and every consumer reads."""

import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

KINDS = ("open", "like", "share", "download")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_VISITOR = re.compile(r"[0-9a-f]{32}")
_AT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
_MAX_ALBUM_ID = 128
_SENT = {"click_id", "visitor_id", "album_id", "kind"}
_KEPT = {"click_id", "visitor", "album_id", "kind", "at"}


class InvalidClickError(ValueError):
    """The input is not a click. The message names the field and its valid values."""


@dataclass(frozen=True, slots=True)
class Click:
    """A visitor's action on an album.

    The browser sets `click_id` and repeats it when it sends the click again. `visitor` identifies one browser on one
    day only: it is a hash that cannot be joined with the hash of another day. `at` is when the collector received the
    click, RFC 3339 in UTC, to the millisecond.
    """

    click_id: str
    visitor: str
    album_id: str
    kind: str
    at: str

    @classmethod
    def sent(cls, body: Any, *, now: datetime) -> "Click":
        """The click that a browser sends. Raises InvalidClickError, also for an unknown field: no client may send more
        than the stream may keep."""
        _check_fields(body, _SENT)
        if not _is(_ID, body["visitor_id"]):
            raise InvalidClickError("visitor_id must be a UUID in lower case.")
        at = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        visitor = sha256(f"{at[:10]}/{body['visitor_id']}".encode()).hexdigest()[:32]
        return _checked(cls(body["click_id"], visitor, body["album_id"], body["kind"], at))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Click":
        """A click from the stream or a queue. Raises InvalidClickError."""
        try:
            body = json.loads(text)
        except ValueError as error:
            raise InvalidClickError(f"It is no JSON: {error}") from error
        _check_fields(body, _KEPT)
        if not _is(_VISITOR, body["visitor"]):
            raise InvalidClickError("visitor must be 32 hexadecimal digits.")
        if not _is(_AT, body["at"]):
            raise InvalidClickError("at must be a time such as 2026-01-31T12:00:00.000Z.")
        return _checked(cls(**body))

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @property
    def day(self) -> str:
        return self.at[:10]

    @property
    def minute(self) -> str:
        return self.at[:16]


def _check_fields(body: Any, wanted: set[str]) -> None:
    if not isinstance(body, dict):
        raise InvalidClickError("A click is a JSON object.")
    if missing := sorted(wanted - body.keys()):
        raise InvalidClickError(f"{', '.join(missing)} must be given.")
    if unknown := sorted(body.keys() - wanted):
        raise InvalidClickError(f"{', '.join(unknown)[:100]} must not be given: no such thing is kept.")


def _checked(click: Click) -> Click:
    if not _is(_ID, click.click_id):
        raise InvalidClickError("click_id must be a UUID in lower case.")
    if not isinstance(click.album_id, str) or not 0 < len(click.album_id) <= _MAX_ALBUM_ID:
        raise InvalidClickError(f"album_id must be a text of 1 to {_MAX_ALBUM_ID} characters.")
    if click.kind not in KINDS:
        raise InvalidClickError(f"kind must be one of {', '.join(KINDS)}.")
    return click


def _is(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and bool(pattern.fullmatch(value))
