"""The share of the journal's records that belong to a flow, over the whole scenario suite. Lists the other records.

    .venv/bin/python benchmarks/joined_records.py [pytest arguments]

No engine may be running: it starts the project's engine and stops it. Aim: at least 99.5 %.

A record belongs to a flow if its causes and the marks that it takes lead to an activity that a client, a test or a
timer began. Causes and marks are identifiers; no record is joined by its time, so no guess is counted.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from harness import Kind
from harness.engine import token
from harness.journal.records import Phase, Record

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
AIM = 0.995


def harness(*arguments: str) -> str:
    return subprocess.run([BIN / "harness", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def read(url: str, after: int, headers: Mapping[str, str]) -> list[Record]:
    """All records since then. Raises SystemExit if the journal has discarded some of them."""
    answer = httpx.get(
        f"{url}/_harness/journal", params={"after": after}, headers=headers, timeout=120, trust_env=False
    ).raise_for_status()
    if (first := int(answer.headers["x-harness-first"])) > after + 1:
        sys.exit(f"The records {after + 1} to {first - 1} are not kept any more.")
    return [Record.from_json(json.loads(line)) for line in answer.text.splitlines()]


class Joined:
    """Which activities lead to a beginning."""

    def __init__(self, records: list[Record]) -> None:
        self.begun: dict[int, Record] = {r.activity: r for r in records if r.phase is not Phase.END}
        self.leavers: dict[str, list[int]] = {}
        self.takes: dict[int, set[str]] = {}
        for record in records:
            self.takes.setdefault(record.activity, set()).update(record.takes)
            for mark in record.leaves:
                self.leavers.setdefault(mark, []).append(record.activity)
        # The result for each activity, computed once; an activity that is met again meanwhile adds nothing new.
        self._known: dict[int, bool] = {}

    def __contains__(self, activity: int) -> bool:
        open_, seen = [activity], {activity}
        while open_:
            one = open_.pop()
            if self._known.get(one) or self._is_beginning(one):
                self._known[activity] = True
                return True
            for before in self._led_to(one) - seen:
                seen.add(before)
                open_.append(before)
        self._known[activity] = False
        return False

    def _led_to(self, activity: int) -> set[int]:
        record = self.begun.get(activity)
        caused = {record.cause} if record is not None and record.cause is not None else set()
        left = {leaver for mark in self.takes.get(activity, ()) for leaver in self.leavers.get(mark, ())}
        return {one for one in caused | left if one in self.begun}

    def _is_beginning(self, activity: int) -> bool:
        record = self.begun.get(activity)
        if record is None or record.cause is not None:
            return False
        caller: Any = record.data.get("caller", {}).get("kind")
        return (
            caller == "client"
            or record.kind is Kind.REQUEST
            or record.data.get("what") in ("schedule", "alarm", "fire")
        )


def main(arguments: list[str]) -> None:
    harness("up")
    try:
        url = json.loads(harness("status", "--json"))["endpoint_url"]
        headers = token.headers(token.token_of(ROOT / ".harness"))
        newest = httpx.get(f"{url}/_harness/journal?after={2**62}", headers=headers, trust_env=False)
        after = int(newest.headers["x-harness-last"])
        suite = [BIN / "pytest", "-q", "-n", "2", *(arguments or ["scenarios"])]
        subprocess.run(suite, cwd=ROOT, check=True)
        records = read(url, after, headers)
    finally:
        harness("down")
    joined = Joined(records)
    # An activity in progress since before the suite has its begin there.
    counted = [record for record in records if record.activity in joined.begun]
    rest = [record for record in counted if record.activity not in joined]
    share = 1 - len(rest) / len(counted)
    print(f"{len(counted)} records, {len(counted) - len(rest)} of them in a flow: {share:.3%} (aim >= {AIM:.1%})")
    for (kind, service, name), count in Counter((r.kind, r.service, r.name) for r in rest).most_common():
        print(f"  {count:6} {kind} {service} {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
