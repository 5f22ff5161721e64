"""Pages of trace summaries: every trace once, whatever arrives between two pages."""

import pytest

from harness.emulator.xray.pages import PAGE, InvalidTokenError, page
from harness.emulator.xray.traces import CompiledTrace
from tests.unit.emulator.xray.traces_of_a_test import NOW, document

QUERY = {"StartTime": NOW, "EndTime": NOW + 60}


def _traces(*numbers):
    return [CompiledTrace(f"1-{int(NOW):08x}-{number:024x}", (document(),)) for number in numbers]


def test_trace_that_arrives_between_pages_hides_none():
    traces = _traces(*range(0, 2 * PAGE, 2))
    first, token = page([*traces, *_traces(500, 502)], QUERY)
    second, end = page([*traces, *_traces(1, 500, 502)], {**QUERY, "NextToken": token})
    assert (len(first), end) == (PAGE, None)
    assert sorted(each.id for each in first + second) == sorted(each.id for each in [*traces, *_traces(500, 502)])


@pytest.mark.parametrize("token", ["x", "W10=", "WyJhIiwgImIiLCAiYyJd", "é"])
def test_token_that_was_not_given_is_refused(token):
    with pytest.raises(InvalidTokenError):
        page(_traces(1), {**QUERY, "NextToken": token})


def test_token_of_another_query_is_refused():
    _, token = page(_traces(*range(PAGE + 1)), QUERY)
    with pytest.raises(InvalidTokenError, match="other parameters"):
        page(_traces(1), {**QUERY, "FilterExpression": "ok", "NextToken": token})
