"""A burst of clicks: the message that the aggregation publishes to the subscribers of BurstsTopic."""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

_MINUTE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")


class InvalidBurstError(ValueError):
    """What is no burst; the message says why."""


@dataclass(frozen=True, slots=True)
class Burst:
    """An album got many clicks within one minute (UTC, as 2026-01-31T12:00); `clicks` are those counted so far."""

    album_id: str
    minute: str
    clicks: int

    @classmethod
    def from_json(cls, text: str) -> "Burst":
        """Raises InvalidBurstError."""
        try:
            burst = cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise InvalidBurstError(f"It is no burst: {error}") from error
        fields: list[Any] = [burst.album_id, burst.minute]
        if not all(isinstance(each, str) for each in fields) or not _MINUTE.fullmatch(burst.minute):
            raise InvalidBurstError("album_id must be a text and minute a minute such as 2026-01-31T12:00.")
        return burst

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))
