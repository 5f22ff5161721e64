"""Where a reader is in a shard: between two records, for five minutes.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html
"""

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

GOOD_FOR_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class ShardIterator:
    """Before the first record whose sequence number is greater than `after`."""

    stream: str
    shard_id: str
    after: int
    issued: float = field(default_factory=time.time)

    def encode(self) -> str:
        return base64.b64encode(
            json.dumps([self.stream, self.shard_id, str(self.after), self.issued]).encode()
        ).decode()

    @classmethod
    def decode(cls, text: str) -> "ShardIterator":
        """Raises ValueError for what is none."""
        try:
            stream, shard_id, after, issued = json.loads(base64.b64decode(text, validate=True))
            return cls(str(stream), str(shard_id), int(after), float(issued))
        except (ValueError, TypeError) as error:
            raise ValueError("Invalid ShardIterator.") from error

    def expired(self, now: float) -> str:
        """What AWS says of one that is too old; empty where it is not."""
        if now - self.issued <= GOOD_FOR_SECONDS:
            return ""
        then, today = (f"{datetime.fromtimestamp(t, UTC):%a %b %d %H:%M:%S UTC %Y}" for t in (self.issued, now))
        return (
            f"Iterator expired. The iterator was created at time {then} while right now it is {today} which is further in the "
            f"future than the tolerated delay of {int(GOOD_FOR_SECONDS * 1000)} milliseconds."
        )


def position(kind: str, request: Mapping[str, Any], records: Sequence[Any], first: int) -> int:
    """After which sequence number a new iterator begins. `records` are those that the shard has, `first` its first number.

    Raises ValueError for a type that does not exist and for one without the members that it needs; the message is AWS's.
    """
    match kind:
        case "TRIM_HORIZON":
            return first - 1
        case "LATEST":
            return int(records[-1].sequence_number) if records else first - 1
        case "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER":
            number = request.get("StartingSequenceNumber")
            if not number:
                raise ValueError(f"Must either specify (1) AT_TIMESTAMP iterator type and Timestamp or (2) {kind} "
                                 "iterator type and StartingSequenceNumber.")  # fmt: skip
            if not str(number).isdecimal():
                raise ValueError(f"Invalid sequence number: {number}")
            return int(number) - (kind == "AT_SEQUENCE_NUMBER")
        case "AT_TIMESTAMP":
            timestamp = request.get("Timestamp")
            if timestamp is None:
                raise ValueError("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.")
            since = timestamp.timestamp() if isinstance(timestamp, datetime) else float(timestamp)
            if since > time.time() + 1:
                raise ValueError(f"The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
                                 f"timestampInMillis: {int(since * 1000)}, currentTimestampInMillis: "
                                 f"{int(time.time() * 1000)}")  # fmt: skip
            before = [int(record.sequence_number) for record in records if record.created_at < since]
            return before[-1] if before else first - 1
    raise ValueError(f"1 validation error detected: Value '{kind}' at 'shardIteratorType' failed to satisfy constraint: "
                     "Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, "
                     "AT_SEQUENCE_NUMBER, TRIM_HORIZON]")  # fmt: skip
