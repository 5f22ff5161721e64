"""Gives each record of a table's stream a mark, left by the call (or the expiry) that wrote the item.

One call may write several records (a batch, a transaction), and several calls may be read in one batch.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal import marks
from harness.emulator.journal.activity import leave


def install() -> None:
    when_loaded("dynamodb", _listen)


def _listen() -> None:
    from harness.emulator.dynamodb.streams import RECORD_LISTENERS

    RECORD_LISTENERS.append(_leave)


def _leave(table: Any, record: dict[str, Any]) -> None:
    stream = f"{table.table_arn}/stream/{table.latest_stream_label}"
    leave(marks.stream_record(stream, record["dynamodb"]["SequenceNumber"]))
