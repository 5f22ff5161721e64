"""Reads the journal of an engine as it is written."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import httpx

from harness.errors import JournalError
from harness.journal.records import Record

T = TypeVar("T")

CONNECT_SECONDS = 10.0
CATCH_UP_SECONDS = 30.0
# The engine sends an empty line every five seconds at least.
SILENCE_SECONDS = 30.0


class JournalStream:
    """The records of an engine from the call of `open` on, in order, as they happen.

    One stream serves a whole process. `listen` adds a function that receives every record, in the stream's thread.
    """

    def __init__(
        self,
        endpoint_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        trust_env: bool = False,
        shown: Callable[[str], str] | None = None,
    ) -> None:
        """`headers` prove to the engine that the caller may read its journal. `shown` transforms each line before it is parsed:
        it puts the secrets back (`engine.secrets`)."""
        self._headers = headers or {}
        self._url = f"{endpoint_url}/_harness/journal"
        self._trust_env = trust_env
        self._shown = shown
        self._listeners: list[Callable[[Record], None]] = []
        self._changed = threading.Condition()
        self._connected = threading.Event()
        self._closed = False
        self._failure: str | None = None
        self._first = 1
        self._last = 0
        self._wants_oldest = False
        # One connection for all requests: setting up a client takes longer than a request.
        self._http = httpx.Client(timeout=CONNECT_SECONDS, trust_env=trust_env, headers=self._headers)

    @property
    def first_sequence(self) -> int:
        """Of the oldest record that the engine kept when the stream was opened; older ones are deleted."""
        return self._first

    @property
    def last_sequence(self) -> int:
        """Of the newest record that was read."""
        return self._last

    def listen(self, listener: Callable[[Record], None]) -> None:
        self._listeners.append(listener)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No record arrives in this block, so that everything the listeners have collected is consistent."""
        with self._changed:
            yield

    def open(self, *, from_beginning: bool = False) -> None:
        """Begin with what happens now, or with the oldest record that is kept; returns when no later record can be missed.
        Raises JournalError."""
        self._first, self._last = self._kept()
        if from_beginning:
            self._last, self._wants_oldest = self._first - 1, True
        threading.Thread(target=self._follow, args=(self._last,), name="journal-stream", daemon=True).start()
        if not self._connected.wait(CONNECT_SECONDS):
            raise JournalError(
                f"The journal at {self._url} does not answer{': ' + self._failure if self._failure else ''}."
            )

    def close(self) -> None:
        self._closed = True
        self._http.close()

    def catch_up(self, timeout_seconds: float = CATCH_UP_SECONDS) -> None:
        """Return when everything that has happened until now has been read. Raises JournalError."""
        newest = self._newest()
        if self.wait(lambda: self._last >= newest or None, timeout_seconds=timeout_seconds) is None:
            raise JournalError(
                f"The journal at {self._url} could not be read to its record {newest} within {timeout_seconds:g} seconds; "
                f"the last that came is {self._last}. Try again when the machine has less to do."
            )

    def wait(self, found: Callable[[], T | None], *, timeout_seconds: float) -> T | None:
        """The first result of `found` that is not None; called again as records arrive. None if the time is over.

        Raises JournalError if the stream broke off, because no record would ever arrive.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while True:
                if (result := found()) is not None:
                    return result
                if self._failure is not None:
                    raise JournalError(f"The journal at {self._url} broke off: {self._failure}")
                if (remaining := deadline - time.monotonic()) <= 0:
                    return None
                self._changed.wait(remaining)

    def _newest(self) -> int:
        return self._kept()[1]

    def _kept(self) -> tuple[int, int]:
        """The sequence numbers of the oldest and the newest record."""
        try:
            answer = self._http.get(self._url, params={"after": 2**62}).raise_for_status()
            return int(answer.headers["x-harness-first"]), int(answer.headers["x-harness-last"])
        except (httpx.HTTPError, LookupError, ValueError) as error:
            raise JournalError(f"The journal at {self._url} cannot be read: {error!r}") from error

    def _follow(self, after: int) -> None:
        timeout = httpx.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS)
        try:
            with (
                httpx.Client(timeout=timeout, trust_env=self._trust_env, headers=self._headers) as http,
                http.stream("GET", self._url, params={"after": after, "follow": 1}) as answer,
            ):
                answer.raise_for_status()
                rest = b""
                for chunk in answer.iter_bytes():
                    if self._closed:
                        return
                    *lines, rest = (rest + chunk).split(b"\n")
                    self._take([self._record(line) for line in lines if line])
                    self._connected.set()
            self._fail("the engine ended it")
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            self._fail(repr(error))

    def _record(self, line: bytes) -> Record:
        return Record.from_json(json.loads(line if self._shown is None else self._shown(line.decode())))

    def _take(self, records: Sequence[Record]) -> None:
        """Records that arrive together are reported together, so that a waiting thread looks once."""
        if not records:
            return
        with self._changed:
            try:
                for record in records:
                    if self._wants_oldest:
                        # The engine may have deleted some since it reported the oldest.
                        self._first, self._wants_oldest = record.sequence, False
                    elif record.sequence != self._last + 1:
                        raise ValueError(f"records {self._last + 1} to {record.sequence - 1} are not kept any more")
                    self._last = record.sequence
                    for listener in self._listeners:
                        listener(record)
            finally:
                self._changed.notify_all()

    def _fail(self, why: str) -> None:
        with self._changed:
            if not self._closed:
                self._failure = why
            self._changed.notify_all()
