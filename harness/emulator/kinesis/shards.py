"""Shards as Kinesis has them: a range of hash keys, open until it is split or merged, with its records for as long as the
stream retains them.

https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html
"""

import base64
import hashlib
import json
import threading
import time
from typing import Any

from moto.kinesis.models import Shard, Stream
from moto.kinesis.responses import KinesisResponse

from harness.emulator.controls.record_age import arrival
from harness.emulator.host.attachments import FIRST_NUMBER, LAST_NUMBER
from harness.emulator.patches import patched

HASH_KEYS = 2**128
_LOCK = threading.RLock()
_FIRST = 49 * 10**54
"""AWS's numbers have 56 digits and begin with 49."""
_last_number = _FIRST


def next_number() -> int:
    """A sequence number after all others of this engine, in whatever stream and shard."""
    global _last_number
    with _LOCK:
        _last_number = max(_last_number + 1, _FIRST + time.time_ns() * 10**12)
        return _last_number


def complete_moto() -> None:
    patched(
        Shard.__init__,
        because="moto's shards differ from Kinesis's when they are split, merged or trimmed",
        source="https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html",
    )(_init)

    patched(
        Shard.put_record,
        because="moto's shards differ from Kinesis's when they are split, merged or trimmed",
        source="https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html",
    )(_put_record)

    patched(
        Shard.to_json,
        because="moto's shards differ from Kinesis's when they are split, merged or trimmed",
        source="https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html",
    )(_to_json)

    patched(
        KinesisResponse.list_streams,
        because="moto's ListStreams knows no NextToken and fails where a stream is gone",
        source="https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListStreams.html",
    )(_list_streams)

    patched(
        Stream.get_shard_for_key,
        because="moto puts records into closed shards",
        source="https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html",
    )(_get_shard_for_key)

    patched(
        Stream.split_shard,
        because="moto's shards differ from Kinesis's when they are split, merged or trimmed",
        source="https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html",
    )(_split_shard)

    patched(
        Stream.merge_shards,
        because="moto's shards differ from Kinesis's when they are split, merged or trimmed",
        source="https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html",
    )(_merge_shards)


def _init(original: Any, self: Any, *args: Any, **options: Any) -> None:
    original(self, *args, **options)
    self.ending_hash = min(self.ending_hash, HASH_KEYS - 1)
    FIRST_NUMBER[self] = next_number()
    LAST_NUMBER[self] = None


def _put_record(_original: Any, self: Any, partition_key: str, data: str, explicit_hash_key: str) -> str:
    from moto.kinesis.models import Record

    with _LOCK:
        number = next_number()
        self.records[number] = Record(partition_key, data, number, explicit_hash_key)
    return str(number)


def _to_json(original: Any, self: Any) -> dict[str, Any]:
    described = dict(original(self))
    described["SequenceNumberRange"] = {
        "StartingSequenceNumber": str(FIRST_NUMBER[self]),
        **({"EndingSequenceNumber": str(LAST_NUMBER[self])} if LAST_NUMBER[self] else {}),
    }
    return described


def _list_streams(_original: Any, self: Any) -> str:
    """By name, so that a page continues even if the stream that ended the last one is deleted; moto fails there, and
    knows no NextToken (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListStreams.html)."""
    token = self._get_param("NextToken")
    after = base64.b64decode(token).decode() if token else self._get_param("ExclusiveStartStreamName") or ""
    streams = sorted(self.kinesis_backend.list_streams(), key=lambda stream: str(stream.stream_name))
    following = [stream for stream in streams if stream.stream_name > after]
    page = following[: int(self._get_param("Limit") or 100)]
    answer: dict[str, Any] = {
        "StreamNames": [stream.stream_name for stream in page],
        "StreamSummaries": [stream.to_json_summary()["StreamDescriptionSummary"] for stream in page],
        "HasMoreStreams": len(page) < len(following),
    }
    if answer["HasMoreStreams"]:
        answer["NextToken"] = base64.b64encode(page[-1].stream_name.encode()).decode()
    return json.dumps(answer)


def _get_shard_for_key(_original: Any, self: Any, partition_key: str, explicit_hash_key: str | None) -> Any:
    return shard_of(self, partition_key, explicit_hash_key)


def _split_shard(original: Any, self: Any, shard_to_split: str, new_starting_hash_key: str) -> None:
    with _LOCK:
        shard = self.shards[shard_to_split]
        records, shard.records = shard.records, type(shard.records)()
        try:
            original(self, shard_to_split, new_starting_hash_key)
        finally:
            # Those that are there stay, and are read before those of its children.
            shard.records = records
        _close(self, shard)


def _merge_shards(original: Any, self: Any, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
    with _LOCK:
        both = [self.shards[one] for one in (shard_to_merge, adjacent_shard_to_merge)]
        if not all(shard.is_open for shard in both):
            from moto.kinesis.exceptions import InvalidArgumentError

            raise InvalidArgumentError(
                f"Shard {next(s for s in both if not s.is_open).shard_id} in stream {self.stream_name} under account "
                f"{self.account_id} has already been merged or split, and thus is not eligible for merging or splitting."
            )
        records = [shard.records for shard in both]
        for shard in both:
            shard.records = type(shard.records)()
        try:
            original(self, shard_to_merge, adjacent_shard_to_merge)
        finally:
            for shard, kept in zip(both, records, strict=True):
                shard.records = kept
        child = self.shards[max(self.shards)]
        child.starting_hash = min(shard.starting_hash for shard in both)
        child.ending_hash = max(shard.ending_hash for shard in both)
        for shard in both:
            _close(self, shard)


def _close(stream: Any, shard: Any) -> None:
    LAST_NUMBER[shard] = next_number()
    stream.shard_count = sum(one.is_open for one in stream.shards.values())


def shard_of(stream: Any, partition_key: str, explicit_hash_key: str | None) -> Any:
    """The open shard that takes a record.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html
    """
    if explicit_hash_key:
        hash_key = int(explicit_hash_key)
    else:
        hash_key = int(hashlib.md5(partition_key.encode(), usedforsecurity=False).hexdigest(), 16)
    shards = list(stream.shards.values())
    return next(s for s in shards if s.is_open and s.starting_hash <= hash_key <= s.ending_hash)


def children_of(stream: Any, shard: Any) -> list[dict[str, Any]]:
    """What the last GetRecords of a closed shard says of those that continue it."""
    found = []
    for one in stream.shards.values():
        parents = [parent for parent in (one.parent, one.adjacent_parent) if parent]
        if shard.shard_id in parents:
            keys = {"StartingHashKey": str(one.starting_hash), "EndingHashKey": str(one.ending_hash)}
            found.append({"ShardId": one.shard_id, "ParentShards": parents, "HashKeyRange": keys})
    return found


def retained(stream: Any, shard: Any) -> list[Any]:
    """The records that a shard still has, in order; those that are too old are dropped
    (https://docs.aws.amazon.com/streams/latest/dev/kinesis-extended-retention.html)."""
    oldest = time.time() - stream.retention_period_hours * 3600
    with _LOCK:
        for number, record in list(shard.records.items()):
            if arrival(stream.arn, record.created_at) >= oldest:
                break
            del shard.records[number]
        return list(shard.records.values())
