"""Reads the journal for a test, and makes clients whose calls are separate from those of other tests."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from harness.engine import Target
from harness.journal.records import Kind, Phase, Record

WAIT_SECONDS = 30


@dataclass(frozen=True)
class Journal:
    """The records of an engine since the test began."""

    url: str
    began: int
    headers: Mapping[str, str]

    def all(self, **query: Any) -> list[Record]:
        with httpx.Client(trust_env=False, timeout=30, headers=self.headers) as http:
            answer = http.get(self.url, params={"after": self.began, **query})
        return [Record.from_json(json.loads(line)) for line in answer.text.splitlines()]

    def wait(self, kind: Kind, where: Callable[[Record], bool], phase: Phase | None = None) -> Record:
        """The first record of a kind that is as wanted, as soon as it is there."""
        of_kind: list[Record] = []
        for record in self.follow():
            if record.kind is kind and phase in (None, record.phase):
                if where(record):
                    return record
                of_kind.append(record)
        seen = "\n".join(json.dumps(r.to_json())[:300] for r in of_kind[-20:])
        raise AssertionError(f"no {kind} as wanted came within {WAIT_SECONDS} seconds; there were:\n{seen}")

    def end(self, begun: Record) -> Record:
        """The end of an activity."""
        return self.wait(begun.kind, lambda r: r.activity == begun.activity, Phase.END)

    def causes(self, record: Record) -> list[Record]:
        """What led to a record: its cause, the cause of that, and so on to the root, or to the test's beginning."""
        by_activity = {r.activity: r for r in reversed(self.all())}
        chain = []
        while (cause := by_activity.get(record.cause or 0)) is not None:
            record = cause
            chain.append(record)
        return chain

    def follow(self) -> Iterator[Record]:
        """The records as they come, for as long as a test waits."""
        until = time.monotonic() + WAIT_SECONDS
        query = {"after": self.began, "follow": "1"}
        with httpx.stream(
            "GET", self.url, params=query, headers=self.headers, trust_env=False, timeout=WAIT_SECONDS
        ) as answer:
            for line in answer.iter_lines():
                if line:
                    yield Record.from_json(json.loads(line))
                if time.monotonic() > until:
                    return


@pytest.fixture
def journal(engine: Target, last: Callable[[], int]) -> Journal:
    return Journal(f"{engine.endpoint_url}/_harness/journal", last(), engine.harness_headers)


@pytest.fixture
def last(engine: Target) -> Callable[[], int]:
    """The sequence number of the newest record."""

    def of() -> int:
        with httpx.Client(trust_env=False, timeout=30, headers=engine.harness_headers) as http:
            return int(http.get(f"{engine.endpoint_url}/_harness/journal?after=999999999").headers["x-harness-last"])

    return of


@pytest.fixture
def records(engine: Target, last) -> Callable[..., list[Record]]:
    """`records(trace=...)`: what happened since the test began."""
    began = last()

    def read(**query: Any) -> list[Record]:
        with httpx.Client(trust_env=False, timeout=30, headers=engine.harness_headers) as http:
            answer = http.get(f"{engine.endpoint_url}/_harness/journal", params={"after": began, **query})
        return [Record.from_json(json.loads(line)) for line in answer.text.splitlines()]

    return read


@pytest.fixture
def trace() -> str:
    """The root of a unique trace."""
    return f"1-{uuid.uuid4().hex[:8]}-{uuid.uuid4().hex[:24]}"


@pytest.fixture
def traced(engine: Target, trace: str) -> Callable[[str], Any]:
    """`traced("sqs")`: a client whose calls belong to the test's trace."""

    def of(service: str) -> Any:
        client = engine.client(service)
        header = f"Root={trace}"
        client.meta.events.register(
            "before-call", lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": header})
        )
        return client

    return of
