"""Time as a width: long pauses are squeezed, and nothing stands where it does not belong."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.report.timescale import Timescale

SPANS = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 20)), min_size=1, max_size=8)


def test_wait_of_seconds_leaves_width_for_milliseconds():
    scale = Timescale([(0.0, 0.1), (2.1, 0.1)])
    [pause] = scale.pauses
    assert (pause.began, pause.ended) == (0.1, 2.1)
    assert scale.width(0.0, 0.1) > 45
    assert scale.width(2.1, 0.1) > 45


def test_time_is_linear_without_pauses():
    scale = Timescale([(0.0, 1.0), (0.5, 1.5)])
    assert scale.pauses == []
    assert [scale.left(at) for at in (0, 1, 2)] == [0, 50, 100]


@given(SPANS)
def test_later_moments_are_farther_right_and_inside_the_scale(spans):
    scale = Timescale(spans)
    moments = sorted(at for began, seconds in spans for at in (began, began + seconds))
    places = [scale.left(at) for at in moments]
    assert all(one <= two + 1e-6 for one, two in itertools.pairwise(places))
    assert all(0 <= place <= 100 for place in places)
    assert abs(scale.left(scale.end) - 100) < 1e-6


@given(SPANS)
def test_no_time_is_written_over_another_or_over_a_pause(spans):
    scale = Timescale(spans)
    ticks = [left for left, _ in scale.ticks()]
    assert all(two - one >= 14 for one, two in itertools.pairwise(ticks))
    for pause in scale.pauses:
        assert not any(pause.left < tick < pause.left + pause.width for tick in ticks)


def test_times_are_as_exact_as_the_steps_between_them():
    assert [text for _, text in Timescale([(0.0, 4.4)]).ticks()] == ["0", "1 s", "2 s", "3 s", "4 s"]
    assert [text for _, text in Timescale([(0.0, 0.1), (2.0, 0.1)]).ticks()] == ["0", "50 ms", "2.05 s"]
