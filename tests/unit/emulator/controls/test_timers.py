"""What is waited for is made due once, whenever that is asked for."""

import pytest

from harness.emulator.controls.timers import Timers, fire


@pytest.fixture
def due() -> list[str]:
    return []


@pytest.fixture
def timers(due: list[str]) -> Timers:
    made = Timers(size=2)
    made.set(1, lambda: due.append("one"))
    return made


def test_a_timer_is_made_due_once(timers, due):
    timers.make_due(1)
    timers.make_due(1)
    assert due == ["one"]


def test_finished_timer_cannot_be_made_due(timers, due):
    timers.over(1)
    timers.make_due(1)
    assert due == []


def test_timer_made_due_before_it_is_set_fires_at_once(timers, due):
    timers.make_due(2)
    timers.set(2, lambda: due.append("two"))
    assert due == ["two"]


def test_the_oldest_are_forgotten(timers, due):
    for number in (2, 3):
        timers.set(number, lambda number=number: due.append(str(number)))
    for number in (1, 2, 3):
        timers.make_due(number)
    assert due == ["2", "3"]


@pytest.mark.parametrize("parameters", [{}, {"activities": 1}, {"activities": ["1"]}, {"activities": [1], "all": True}])
def test_invalid_timer_number_is_refused(parameters):
    with pytest.raises(ValueError, match='timer takes "activities", the numbers of timers in the journal'):
        fire("timer", parameters)
