"""DynamoDB on moto, where moto differs from AWS in what a stream's reader or a concurrent writer sees.

Stream records are AWS's: one for each item that really changed, with the images that the view type asks for and no
empty ones, none for a transaction that was cancelled, and `userIdentity` where time to live deleted the item
(https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html).
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from localstack.services.lambda_.event_source_mapping.pollers.dynamodb_poller import DynamoDBPoller
from moto.core.exceptions import RESTError, ServiceException
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import StreamShard, Table
from moto.dynamodb.parsing import partiql
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.models import DynamoDBStreamsBackend

from harness.emulator.patches import patched, replaced

_pending: ContextVar[list[tuple[StreamShard, Any, Any]] | None] = ContextVar("pending_stream_records", default=None)
"""Changes that become stream records when the operation succeeds; None outside an operation."""

deleted_by_time_to_live: ContextVar[bool] = ContextVar("deleted_by_time_to_live", default=False)

TIME_TO_LIVE_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html"""

_NOT_WELL_FORMED = "Statement wasn't well formed, can't be processed"

MAX_SHARD_ITERATORS = 10_000

RECORD_LISTENERS: list[Callable[[Table, dict[str, Any]], None]] = []
"""Called with each stream record that is written, in the thread that wrote the item."""


def _attributes(item: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = item.to_json()["Attributes"]
    return attributes


def _size(attributes: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + int(DynamoType(value).size()) for name, value in attributes.items())


def stream_record(table: Table, old: Any, new: Any, sequence_number: int) -> dict[str, Any]:
    """The record of one change, as GetRecords of the streams API returns it."""
    view = table.stream_specification["StreamViewType"]
    names = [n for n in (table.hash_key_attr, table.range_key_attr) if n is not None]
    attributes = _attributes(old if old is not None else new)
    keys = {name: attributes[name] for name in names}
    images: dict[str, Any] = {}
    if new is not None and view in ("NEW_IMAGE", "NEW_AND_OLD_IMAGES"):
        images["NewImage"] = _attributes(new)
    if old is not None and view in ("OLD_IMAGE", "NEW_AND_OLD_IMAGES"):
        images["OldImage"] = _attributes(old)
    record: dict[str, Any] = {
        "eventID": uuid.uuid4().hex,
        "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": table.region_name,
        "dynamodb": {
            "ApproximateCreationDateTime": datetime.now(UTC).replace(microsecond=0).isoformat(),
            "Keys": keys,
            **images,
            "SequenceNumber": str(sequence_number),
            "SizeBytes": _size(keys) + sum(_size(image) for image in images.values()),
            "StreamViewType": view,
        },
    }
    if deleted_by_time_to_live.get():
        record["userIdentity"] = {"Type": "Service", "PrincipalId": TIME_TO_LIVE_IDENTITY["principalId"]}
    return record


class _Record:
    """What moto keeps in a shard."""

    def __init__(self, record: dict[str, Any]):
        self.record = record

    def to_json(self) -> dict[str, Any]:
        return self.record


def _append(shard: StreamShard, old: Any, new: Any) -> None:
    if old is None and new is None:
        return
    if old is not None and new is not None and _attributes(old) == _attributes(new):
        return  # "If you perform a PutItem or UpdateItem that does not change any data, no stream record is written."
    sequence_number = shard.starting_sequence_number + len(shard.items)
    record = stream_record(shard.table, old, new, sequence_number)
    shard.items.append(_Record(record))
    for listener in RECORD_LISTENERS:
        listener(shard.table, record)


@contextmanager
def _records_of_one_operation() -> Iterator[None]:
    """Gather the changes and write their records when the operation has succeeded.

    moto's UpdateItem adds a record with the keys alone before the one with the whole new item, so of the changes of
    one item within an operation only the first old state and the last new one count.
    """
    if _pending.get() is not None:  # a transaction's own writes
        yield
        return
    changes: list[tuple[StreamShard, Any, Any]] = []
    token = _pending.set(changes)
    try:
        yield
    finally:
        _pending.reset(token)
    merged: dict[tuple[int, Any, Any], tuple[StreamShard, Any, Any]] = {}
    for shard, old, new in changes:
        item = old if old is not None else new
        key = (id(shard), item.hash_key, item.range_key)
        first = merged.get(key)
        merged[key] = (shard, first[1] if first else old, new)
    for shard, old, new in merged.values():
        _append(shard, old, new)


def complete_moto() -> None:
    """Put AWS's behaviour into moto's DynamoDB and into LocalStack's poller of its streams."""

    patched(
        StreamShard.add,
        because="moto's streams have records that AWS's have not, and lack others",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html",
    )(_add)

    # moto restores a table after a cancelled transaction from a deep copy; readers of the stream keep the shard of the
    # table as it was, and would never see another record.
    replaced(
        StreamShard,
        "__deepcopy__",
        lambda self, _memo: self,
        because="moto restores a table from a deep copy, whose shard no reader of the stream looks at",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html",
        is_new=True,
    )

    patched(
        DynamoDBBackend.update_item,
        because="moto's streams have records that AWS's have not, and lack others",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html",
    )(_update_item)

    patched(
        DynamoDBBackend.transact_write_items,
        because="a cancelled transaction leaves no stream records",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html",
    )(_transact_write_items)

    patched(
        DynamoDBStreamsBackend.get_records,
        because="moto keeps every iterator for good",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html",
    )(_get_records)

    patched(
        DynamoDBBackend.list_tables,
        because="moto ends a listing where the table is gone at which it continues",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTables.html",
    )(_list_tables)

    _refuse_statements_that_cannot_be_read()

    patched(
        DynamoHandler.list_exports,
        because="moto's ListExports lists nothing where no table is named",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListExports.html",
    )(_list_exports)

    patched(
        DynamoDBPoller.transform_into_events,
        because="LocalStack leaves out userIdentity, which says that time to live deleted the item",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html",
    )(_transform_into_events)


def _add(_original: Any, self: StreamShard, old: Any, new: Any) -> None:
    changes = _pending.get()
    if changes is None:
        _append(self, old, new)
    else:
        changes.append((self, old, new))


def _update_item(original: Any, self: DynamoDBBackend, *arguments: Any, **options: Any) -> Any:
    with _records_of_one_operation():
        return original(self, *arguments, **options)


def _transact_write_items(original: Any, self: DynamoDBBackend, *arguments: Any, **options: Any) -> Any:
    with _records_of_one_operation():
        try:
            return original(self, *arguments, **options)
        finally:
            # The restored copy of a table is the one that the shared shard belongs to from now on.
            for table in self.tables.values():
                if table.stream_shard is not None:
                    table.stream_shard.table = table


def _get_records(original: Any, self: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> Any:
    # moto keeps every iterator for good, and an event source mapping takes a new one with each poll.
    while len(self.shard_iterators) > MAX_SHARD_ITERATORS:
        self.shard_iterators.pop(next(dict.__iter__(self.shard_iterators)))
    return original(self, iterator_arn, limit)


def _list_tables(_original: Any, self: DynamoDBBackend, limit: int, after: str | None) -> tuple[list[str], str | None]:
    """moto ends the listing if the table at which it continues is deleted."""
    names = sorted(name for name in self.tables if name > (after or ""))
    page = names[:limit] if limit else names
    return page, page[-1] if len(page) < len(names) else None


def _list_exports(original: Any, self: DynamoHandler) -> Any:
    """A listing without a table is of all (API_ListExports)."""
    if self.body.get("TableArn"):
        return original(self)
    exports = self.dynamodb_backend.table_exports.values()
    shown = [{"ExportArn": e.arn, "ExportStatus": e.status, "ExportType": e.export_type} for e in exports]
    return json.dumps({"ExportSummaries": shown})


def _transform_into_events(original: Any, self: Any, records: list[dict[str, Any]], shard_id: str) -> Any:
    """LocalStack leaves out who made the change."""
    events = original(self, records, shard_id)
    for record, event in zip(records, events, strict=True):
        if "userIdentity" in record:
            event["userIdentity"] = dict(TIME_TO_LIVE_IDENTITY)
    return events


def _refuse_statements_that_cannot_be_read() -> None:
    """moto's parser of PartiQL raises what it happens to raise, or nothing. A batch answers for each statement
    (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html)."""

    def parsed(parse: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        try:
            found = parse(*arguments, **options)
        except (RESTError, ServiceException):
            raise
        except Exception as error:
            raise MockValidationException(f"{_NOT_WELL_FORMED}: {error or type(error).__name__}") from error
        if found is None:
            raise MockValidationException(f"{_NOT_WELL_FORMED}: it is no statement")
        return found

    for name in ("query", "get_query_metadata"):
        patched(
            partiql,
            name,
            because="moto's parser of PartiQL raises whatever it happens to, or nothing, for what it cannot read",
            source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html",
        )(parsed)

    @patched(
        DynamoDBBackend.batch_execute_statement,
        because="one statement that cannot be read fails the whole batch",
        source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html",
    )
    def batch_execute_statement(original: Any, self: DynamoDBBackend, statements: list[dict[str, Any]]) -> Any:
        answers: list[dict[str, Any] | None] = []
        for statement in statements:
            try:
                partiql.get_query_metadata(statement["Statement"]).get_table_names()[0]
                answers.append(None)
            except (MockValidationException, IndexError) as error:
                answers.append(
                    {"Error": {"Code": "ValidationError", "Message": getattr(error, "message", _NOT_WELL_FORMED)}}
                )
        readable = [statement for statement, answer in zip(statements, answers, strict=True) if answer is None]
        executed = iter(original(self, readable))
        return [next(executed) if answer is None else answer for answer in answers]
