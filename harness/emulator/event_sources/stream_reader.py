"""Reads a stream for a mapping: each shard separately and in order, a shard's children after the shard.

A shard is read by as many *lanes* as the mapping's `ParallelizationFactor` says. Each has its own place in the shard and takes
the partition keys that are its own, so that the records of a key stay in order
(https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html#events-kinesis-processing).

What a batch does is in `shard_batches`.
"""

import logging
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from harness.emulator.event_sources import shard_batches
from harness.emulator.event_sources.arrivals import ARRIVALS, shard
from harness.emulator.event_sources.batching_windows import announce_record
from harness.emulator.event_sources.pauses import Pauses

LOG = logging.getLogger(__name__)

ITERATOR_SECONDS = 240.0
"""A shard iterator is valid for five minutes; one that is older than this is replaced."""
FINISHED = "finished"
_EXPIRED = ("ExpiredIteratorException", "TrimmedDataAccessException")


@dataclass
class Checkpoint:
    """How far the lanes of a mapping are in its shards."""

    known: set[str] = field(default_factory=set)
    """The shards that were there when the mapping began; all others are children of these, and read from their beginning."""
    last: dict[tuple[str, int], str] = field(default_factory=dict)
    """The sequence number of the last record handed over, by shard and lane; `FINISHED` where a closed shard is read."""


CHECKPOINTS: defaultdict[str, Checkpoint] = defaultdict(Checkpoint)
"""By the id of the mapping: a mapping that is changed or disabled continues at its position."""


def complete_pollers() -> None:
    shard_batches.complete_pollers()


def stream_of(source_arn: str) -> str:
    """The stream of a mapping whose source is an enhanced fan-out consumer of it; else the source itself."""
    return source_arn.partition("/consumer/")[0]


class StreamReader:
    """`run` reads until `stop` is called, which may be from any thread."""

    def __init__(self, poller: Any, mapping: Mapping[str, Any], progress: Any, stopped: threading.Event) -> None:
        self.poller, self.mapping, self.progress, self.stopped = poller, mapping, progress, stopped
        self.factor = int(mapping.get("ParallelizationFactor") or 1)
        self.checkpoint = CHECKPOINTS[mapping["UUID"]]
        self.wake = threading.Event()
        self._lanes: dict[tuple[str, int], _Lane] = {}

    def stop(self) -> None:
        shard_batches.stop_waiting(self.poller)
        self.wake.set()
        for lane in list(self._lanes.values()):
            lane.wake.set()

    def run(self) -> None:
        pauses = Pauses()
        while not self.stopped.is_set():
            self.wake.clear()
            try:
                self._begin_lanes()
                pauses.reset()
                # Woken when a lane comes to the end of a shard.
                self.wake.wait()
            except Exception as error:  # noqa: BLE001 - whatever it is, the mapping stays
                self.progress.source_failed(error)
                self.wake.wait(pauses.next())
        self.stop()
        for lane in self._lanes.values():
            lane.thread.join()

    def _begin_lanes(self) -> None:
        shards = {one["ShardId"]: one for one in self._shards()}
        if not self.checkpoint.known:
            self.checkpoint.known = set(shards)
        for shard_id, one in shards.items():
            parents = [one[name] for name in ("ParentShardId", "AdjacentParentShardId") if one.get(name) in shards]
            if (shard_id, 0) in self._lanes or not all(map(self._is_finished, parents)):
                continue
            for number in range(self.factor):
                if self.checkpoint.last.get((shard_id, number)) != FINISHED:
                    self._lanes[shard_id, number] = lane = _Lane(self, shard_id, number)
                    # LATEST is now.
                    lane.begin()

    def _is_finished(self, shard_id: str) -> bool:
        return all(self.checkpoint.last.get((shard_id, number)) == FINISHED for number in range(self.factor))

    def _shards(self) -> Iterator[dict[str, Any]]:
        after: dict[str, str] = {}
        while True:
            # Of Kinesis `StreamARN`, of a table's stream `StreamArn`.
            description = self.poller.source_client.describe_stream(**self.stream(), **after)["StreamDescription"]
            yield from description["Shards"]
            if not description.get("HasMoreShards"):
                return
            after = {"ExclusiveStartShardId": description["Shards"][-1]["ShardId"]}

    def stream(self) -> dict[str, str]:
        """The stream as a parameter of its API."""
        arn = stream_of(self.poller.source_arn)
        return {"StreamARN" if self.poller.stream_arn_param() else "StreamArn": arn}


class _Lane:
    """Reads its partition keys of a shard, in a separate thread."""

    def __init__(self, reader: StreamReader, shard_id: str, number: int) -> None:
        self._reader, self._shard_id, self._number = reader, shard_id, number
        self._parameters = reader.poller.stream_parameters
        self._batch: list[dict[str, Any]] = []
        self._due = 0.0
        self._iterator: str | None = None
        self._iterator_taken = 0.0
        self.wake = threading.Event()
        self.thread = threading.Thread(
            target=self._run,
            name=f"event-source-mapping-poller-{reader.mapping['UUID']}-{shard_id}-{number}",
            daemon=True,
        )

    def begin(self) -> None:
        self._take_iterator()
        self.thread.start()

    # ── where it is ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _checkpoint(self) -> Checkpoint:
        return self._reader.checkpoint

    def _take_iterator(self) -> None:
        last = self._batch[-1] if self._batch else None
        read = _sequence_number(last) if last else self._checkpoint.last.get((self._shard_id, self._number))
        if read:
            position: dict[str, Any] = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": read}
            if self._reader.poller.stream_arn_param():
                position["StartingSequenceNumber"] = position.pop("SequenceNumber")
        elif self._shard_id not in self._checkpoint.known:
            # It came of a split or a merge since.
            position = {"ShardIteratorType": "TRIM_HORIZON"}
        else:
            position = self._starting_position()
        poller = self._reader.poller
        answer = poller.source_client.get_shard_iterator(**self._reader.stream(), ShardId=self._shard_id, **position)
        self._iterator, self._iterator_taken = answer["ShardIterator"], time.monotonic()
        if position["ShardIteratorType"] == "LATEST":
            # An iterator does not last, and what comes from now on is the mapping's own.
            self._checkpoint.last[self._shard_id, self._number] = last_before(answer["ShardIterator"])

    def _starting_position(self) -> dict[str, Any]:
        wanted = str(self._parameters["StartingPosition"])
        if wanted == "AT_TIMESTAMP":
            return {"ShardIteratorType": wanted, "Timestamp": self._reader.mapping["StartingPositionTimestamp"]}
        return {"ShardIteratorType": wanted}

    # ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        pauses = Pauses()
        place = shard(stream_of(self._reader.poller.source_arn), self._shard_id)
        with ExitStack() as listening:
            listening.enter_context(ARRIVALS.listen(place, self.wake))
            while not self._reader.stopped.is_set():
                self.wake.clear()
                try:
                    if self._read():
                        self._checkpoint.last[self._shard_id, self._number] = FINISHED
                        self._reader.wake.set()
                        return
                    pauses.reset()
                except Exception as error:  # noqa: BLE001 - whatever it is, the mapping stays
                    if isinstance(error, ClientError) and error.response["Error"]["Code"] in _EXPIRED:
                        self._iterator = None
                        continue
                    self._reader.progress.source_failed(error)
                    self._iterator = None
                    self.wake.wait(pauses.next())

    def _read(self) -> bool:
        """Read what is there, hand over what is due, and wait for more. Whether the shard is closed and read."""
        if self._iterator is None or time.monotonic() - self._iterator_taken > ITERATOR_SECONDS:
            self._take_iterator()
        poller = self._reader.poller
        answer = poller.source_client.get_records(
            **({"StreamARN": self._reader.stream()["StreamARN"]} if poller.stream_arn_param() else {}),
            ShardIterator=self._iterator,
            Limit=min(self._parameters["BatchSize"], 10_000 if poller.stream_arn_param() else 1000),
        )
        closed, self._iterator_taken = not answer.get("NextShardIterator"), time.monotonic()
        self._iterator = answer.get("NextShardIterator")
        records = answer["Records"]
        if own := [record for record in records if self._is_own(record)]:
            self._gather(own)
        while self._batch and self._is_due(closed=closed and not records):
            size = self._parameters["BatchSize"]
            batch, self._batch = self._batch[:size], self._batch[size:]
            self._hand_over(batch)
            if self._reader.stopped.is_set():
                return False
        if not records and not self._batch:
            if closed:
                return True
            self.wake.wait()
        elif not records:
            self.wake.wait(max(0.0, self._due - time.time()))
        return False

    def _is_own(self, record: Mapping[str, Any]) -> bool:
        if self._reader.factor == 1:
            return True
        key = record["PartitionKey"] if "PartitionKey" in record else repr(sorted(record["dynamodb"]["Keys"].items()))
        return zlib.crc32(key.encode()) % self._reader.factor == self._number

    def _gather(self, records: list[dict[str, Any]]) -> None:
        window = self._parameters.get("MaximumBatchingWindowInSeconds") or 0
        if not self._batch:
            self._due = time.time() + window
        self._batch += records
        if window and len(self._batch) < self._parameters["BatchSize"]:
            mapping = self._reader.mapping
            for record in records:
                announce_record(stream_of(self._reader.poller.source_arn), mapping, self._due, self._end_window, record)

    def _end_window(self) -> None:
        self._due = 0.0
        self.wake.set()

    def _is_due(self, *, closed: bool) -> bool:
        return closed or len(self._batch) >= self._parameters["BatchSize"] or time.time() >= self._due

    def _hand_over(self, batch: list[dict[str, Any]]) -> None:
        """The checkpoint moves when all of the batch is handled or given up; not where the mapping stops meanwhile."""
        if shard_batches.hand_over(self._reader.poller, self._shard_id, batch):
            self._checkpoint.last[self._shard_id, self._number] = _sequence_number(batch[-1])
            self._reader.progress.succeeded()
        elif not self._reader.stopped.is_set():
            self._checkpoint.last[self._shard_id, self._number] = _sequence_number(batch[-1])
            self._reader.progress.function_failed()


def _sequence_number(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"] if "dynamodb" in record else record["SequenceNumber"])


def last_before(iterator: str) -> str:
    """The sequence number that a shard iterator is after."""
    from harness.emulator.kinesis.iterators import ShardIterator

    stream = iterator.partition("|")[0]
    if not stream.startswith("arn:"):
        return str(ShardIterator.decode(iterator).after)
    from moto.dynamodbstreams.models import dynamodbstreams_backends

    _, _, _, region, account, _ = stream.split(":", 5)
    return str(dynamodbstreams_backends[account][region].shard_iterators[iterator].sequence_number - 1)
