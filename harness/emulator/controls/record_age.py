"""Makes the records of a stream older, if a test requests it: `MaximumRecordAgeInSeconds` (a minute at least) and the
retention of a stream (a day at least) then take effect at once.

https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
"""

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from harness.emulator.controls.timers import on_fire

KIND = "stream-record-age"
_lock = threading.Lock()
_aged: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
"""By the ARN of the stream: when its records were made older, and by how many seconds."""


def install() -> None:
    on_fire(KIND)(age_records)


def arrival(stream_arn: str, at: float) -> float:
    """When a record arrived that came at `at`, both in seconds since the epoch."""
    with _lock:
        return at - sum(seconds for until, seconds in _aged.get(stream_arn, ()) if at <= until)


def age_records(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The records that are in a stream by now are `seconds` older: `stream_arn`, of Kinesis or of a table.

    What they say of their arrival stays what it was.
    """
    stream, seconds = parameters.get("stream_arn"), parameters.get("seconds")
    if set(parameters) != {"stream_arn", "seconds"} or not isinstance(stream, str) or "stream/" not in stream:
        raise ValueError(
            f'{KIND} takes "stream_arn", the ARN of a Kinesis stream or of a table\'s stream, and "seconds"'
        )
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0:
        raise ValueError(f"seconds: {seconds!r} is not a number greater than 0")
    with _lock:
        _aged[stream].append((time.time(), float(seconds)))
    return {}
