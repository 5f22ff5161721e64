"""What the functions of analytics take for a click, and for a burst."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.stack.conftest import STACK

NOW = datetime(2026, 1, 31, 12, 30, 15, 250_000, tzinfo=UTC)
SENT = {
    "click_id": "0b7a3f0e-6a0f-4c1d-9a0b-1f6f0a6d7e51",
    "visitor_id": "5b0b3f0e-6a0f-4c1d-9a0b-1f6f0a6d7e52",
    "album_id": "holidays",
    "kind": "open",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*SENT, "visitor", "at", "extra"]), inner),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def clicks() -> Iterator[ModuleType]:
    """The module that all functions share; loaded as Lambda does it, by its name in their folder."""
    folder = str(STACK / "analytics" / "functions")
    sys.path.insert(0, folder)
    try:
        import album_click

        yield album_click
    finally:
        sys.path.remove(folder)


@pytest.fixture
def burst(function: Callable[[str, str], ModuleType]) -> ModuleType:
    return function("analytics", "click_burst")


def test_a_click_comes_out_of_the_stream_as_it_went_in(clicks):
    click = clicks.Click.sent(SENT, now=NOW)
    assert (click.at, click.day, click.minute) == ("2026-01-31T12:30:15.250Z", "2026-01-31", "2026-01-31T12:30")
    assert clicks.Click.from_json(click.to_json()) == click


def test_visitor_id_changes_daily_and_is_anonymous(clicks):
    today, later, tomorrow = (
        clicks.Click.sent(SENT, now=now).visitor for now in (NOW, NOW.replace(hour=23), NOW.replace(month=2, day=1))
    )
    assert today == later != tomorrow
    assert SENT["visitor_id"] not in clicks.Click.sent(SENT, now=NOW).to_json()


@given(body=JSON)
def test_whatever_else_is_sent_is_refused_in_words(clicks, body: Any):
    with pytest.raises(clicks.InvalidClickError, match=r".+\."):
        clicks.Click.sent(body, now=NOW)
    with pytest.raises(clicks.InvalidClickError):
        clicks.Click.from_json(json.dumps(body))


@given(body=st.binary(max_size=64))
def test_bytes_that_are_no_click_are_refused(clicks, body: bytes):
    with pytest.raises(clicks.InvalidClickError):
        clicks.Click.from_json(body)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"album_id": "a", "minute": "2026-01-31", "clicks": 20}',
        '{"album_id": 1, "minute": "x", "clicks": 1}',
    ],
)
def test_invalid_burst_is_refused(burst, text: str):
    with pytest.raises(burst.InvalidBurstError):
        burst.Burst.from_json(text)


def test_burst_is_equal_after_json_round_trip(burst):
    announced = burst.Burst("holidays", "2026-01-31T12:30", 20)
    assert burst.Burst.from_json(announced.to_json()) == announced
