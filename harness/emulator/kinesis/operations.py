"""Putting and getting records: limits, responses and errors of Kinesis.

https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
"""

import base64
import time
from collections.abc import Mapping
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.api.kinesis import (
    ExpiredIteratorException,
    InvalidArgumentException,
    KMSNotFoundException,
    ResourceNotFoundException,
    ValidationException,
)
from localstack.services.moto import _proxy_moto

from harness.emulator.controls.faults import FAULTS
from harness.emulator.host.attachments import FIRST_NUMBER
from harness.emulator.kinesis import consumers, shards, streams
from harness.emulator.kinesis.iterators import ShardIterator, position
from harness.emulator.kinesis.streams import stream_of

RECORD_BYTES = 1024 * 1024
CALL_BYTES = 5 * RECORD_BYTES
CALL_RECORDS = 500
ANSWER_BYTES = 10 * RECORD_BYTES
ANSWER_RECORDS = 10_000


# ---- putting -----------------------------------------------------------------------------------------------------


def put_record(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    stream = stream_of(context, request)
    _check(request, "")
    answer = _put(stream, request)
    return {**answer, "EncryptionType": stream.encryption_type}


def put_records(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """A record may fail while its neighbours do not: here where a fault of PutRecord applies to it."""
    stream, records = stream_of(context, request), request["Records"]
    if not 1 <= len(records) <= CALL_RECORDS:
        bound = f"less than or equal to {CALL_RECORDS}" if records else "greater than or equal to 1"
        raise ValidationException(
            "1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length "
            f"{bound}"
        )
    for number, record in enumerate(records, 1):
        _check(record, f"records.{number}.member.")
    if sum(map(_size, records)) > CALL_BYTES:
        raise InvalidArgumentException("Records size exceeds 5 MB limit")
    entries = []
    for record in records:
        fault = FAULTS.strike("kinesis", "PutRecord", {"StreamName": stream.stream_name, **record})
        if fault is None:
            entries.append(_put(stream, record))
        else:
            entries.append({"ErrorCode": fault.code, "ErrorMessage": fault.message})
    return {
        "FailedRecordCount": sum("ErrorCode" in entry for entry in entries),
        "Records": entries,
        "EncryptionType": stream.encryption_type,
    }


def _put(stream: Any, record: Mapping[str, Any]) -> dict[str, Any]:
    data = base64.b64encode(record["Data"]).decode()
    number, shard_id = stream.put_record(record["PartitionKey"], record.get("ExplicitHashKey"), data)
    return {"ShardId": shard_id, "SequenceNumber": number}


def _size(record: Mapping[str, Any]) -> int:
    return len(record["Data"]) + len(record["PartitionKey"].encode())


def _check(record: Mapping[str, Any], at: str) -> None:
    key, hash_key = record["PartitionKey"], record.get("ExplicitHashKey")
    if not 1 <= len(key) <= 256:
        bound = "less than or equal to 256" if key else "greater than or equal to 1"
        raise ValidationException(
            f"1 validation error detected: Value '{key}' at '{at}partitionKey' failed to satisfy constraint: Member must have "
            f"length {bound}"
        )
    if _size(record) > RECORD_BYTES:
        raise ValidationException(
            f"1 validation error detected: Value at '{at}data' failed to satisfy constraint: Member must have length less than "
            f"or equal to {RECORD_BYTES}"
        )
    if hash_key is not None and not (hash_key.isdecimal() and int(hash_key) < shards.HASH_KEYS):
        raise InvalidArgumentException(
            f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was {hash_key}"
        )


# ---- getting -----------------------------------------------------------------------------------------------------


def get_shard_iterator(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    stream = stream_of(context, request)
    shard = stream.shards.get(request["ShardId"])
    if shard is None:
        raise ResourceNotFoundException(
            f"Shard {request['ShardId']} in stream {stream.stream_name} under account {stream.account_id} does not exist"
        )
    try:
        after = position(request["ShardIteratorType"], request, shards.retained(stream, shard), FIRST_NUMBER[shard])
    except ValueError as error:
        kind = ValidationException if "validation error" in str(error) else InvalidArgumentException
        raise kind(str(error)) from None
    return {"ShardIterator": ShardIterator(stream.arn, shard.shard_id, after).encode()}


def get_records(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    try:
        at = ShardIterator.decode(request["ShardIterator"])
    except ValueError as error:
        raise InvalidArgumentException(str(error)) from None
    if (limit := int(request.get("Limit") or ANSWER_RECORDS)) > ANSWER_RECORDS:
        raise ValidationException(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value less "
            f"than or equal to {ANSWER_RECORDS}"
        )
    if expired := at.expired(time.time()):
        raise ExpiredIteratorException(expired)
    stream = stream_of(context, {"StreamARN": at.stream})
    shard = stream.shards[at.shard_id]
    open_before = shard.is_open
    unread = [record for record in shards.retained(stream, shard) if record.sequence_number > at.after]
    read = _within_one_answer(unread[:limit])
    after = read[-1].sequence_number if read else at.after
    answer: dict[str, Any] = {
        "Records": [_as_answered(record, stream) for record in read],
        # How old the oldest is that was not read.
        "MillisBehindLatest": _millis_since(unread[len(read)]) if len(read) < len(unread) else 0,
    }
    if open_before or len(read) < len(unread):
        answer["NextShardIterator"] = ShardIterator(at.stream, at.shard_id, after).encode()
    else:
        answer["ChildShards"] = shards.children_of(stream, shard)
    return answer


def _within_one_answer(records: list[Any]) -> list[Any]:
    size = 0
    for number, record in enumerate(records):
        size += len(record.data) * 3 // 4
        if size > ANSWER_BYTES and number:
            return records[:number]
    return records


def _as_answered(record: Any, stream: Any) -> dict[str, Any]:
    return {
        "Data": base64.b64decode(record.data),
        "PartitionKey": record.partition_key,
        "SequenceNumber": str(record.sequence_number),
        "ApproximateArrivalTimestamp": record.created_at,
        **({"EncryptionType": stream.encryption_type} if stream.encryption_type != "NONE" else {}),
    }


def _millis_since(record: Any) -> int:
    return max(1, int((time.time() - record.created_at) * 1000))


# ---- settings ----------------------------------------------------------------------------------------------------


def start_stream_encryption(context: RequestContext, request: dict[str, Any]) -> Any:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StartStreamEncryption.html"""
    from localstack.aws.connect import connect_to

    key = request["KeyId"]
    if "alias/aws/" not in key:
        keys = connect_to(aws_access_key_id=context.account_id, region_name=context.region).kms
        try:
            keys.describe_key(KeyId=key)
        except keys.exceptions.NotFoundException as error:
            raise KMSNotFoundException(error.response["Error"]["Message"]) from None
    return _proxy_moto(context, request)


OURS = {
    **streams.OURS,
    "PutRecord": put_record,
    "PutRecords": put_records,
    "GetShardIterator": get_shard_iterator,
    "GetRecords": get_records,
    "StartStreamEncryption": start_stream_encryption,
    **consumers.OURS,
}
"""What of Kinesis we serve; the rest is moto's."""
