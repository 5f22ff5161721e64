"""The journal is bounded, and reports to a reader which records it has discarded."""

import json

from harness.emulator.journal.recorder import Journal
from harness.journal.records import Kind


def _filled(max_bytes, count):
    journal = Journal(max_bytes=max_bytes)
    for number in range(count):
        journal.note(Kind.TIMER, service="test", name=f"{number:04}")
    return journal


def test_the_oldest_records_go_first():
    size = len(_filled(10_000, 1).read(0)[0].text)
    journal = _filled(size * 10, 100)
    kept = [json.loads(line.text) for line in journal.read(0)]
    assert 8 <= len(kept) <= 10
    assert kept[-1]["name"] == "0099"
    assert [r["sequence"] for r in kept] == list(range(kept[0]["sequence"], 101))
    assert journal.first_sequence == kept[0]["sequence"]
    assert sum(len(line.text) for line in journal.read(0)) <= size * 10


def test_record_larger_than_the_journal_leaves_it_empty():
    journal = Journal(max_bytes=200)
    journal.note(Kind.TIMER, service="test", name="x" * 1000)
    assert (journal.read(0), journal.first_sequence) == ([], 2)
    journal.note(Kind.TIMER, service="test", name="y")
    assert [line.sequence for line in journal.read(0)] == [2]


def test_cleared_records_show_in_the_first_sequence():
    journal = _filled(10_000, 5)
    assert (journal.clear(), journal.first_sequence, journal.last_sequence) == (5, 6, 5)
    journal.note(Kind.TIMER, service="test", name="next")
    assert [line.sequence for line in journal.read(0)] == [6]


def test_a_journal_that_is_off_keeps_nothing(monkeypatch):
    monkeypatch.setenv("HARNESS_JOURNAL", "off")
    assert _filled(10_000, 5).read(0) == []
