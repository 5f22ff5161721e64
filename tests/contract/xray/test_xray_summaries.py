"""GetTraceSummaries.

https://docs.aws.amazon.com/xray/latest/api/API_GetTraceSummaries.html
"""

import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.contract.xray.conftest import document, new_trace_id, subsegment

HTTP = {"request": {"url": "http://shop/cart", "method": "PUT"}, "response": {"status": 500}}


def test_summary_says_what_the_trace_was(traces):
    made = traces.sent(2, http=HTTP, user="ana", annotations={"tier": "gold", "age": 30, "new": False})
    [found] = traces.summaries()
    assert (found["Id"], found["Duration"], found["ResponseTime"]) == (made["trace_id"], 2, 2)
    assert (found["HasFault"], found["HasError"], found["HasThrottle"], found["IsPartial"]) == (
        True,
        False,
        False,
        False,
    )
    assert found["Http"] == {"HttpURL": "http://shop/cart", "HttpMethod": "PUT", "HttpStatus": 500}
    values = {key: [each["AnnotationValue"] for each in found["Annotations"][key]] for key in found["Annotations"]}
    assert values == {"tier": [{"StringValue": "gold"}], "age": [{"NumberValue": 30}], "new": [{"BooleanValue": False}]}
    assert [each["UserName"] for each in found["Users"]] == ["ana"]
    assert (found["EntryPoint"]["Name"], found["ServiceIds"][0]["Name"]) == (traces.name, traces.name)
    assert abs(found["StartTime"] - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize(
    "expression", ["fault", 'user = "ana"', "annotation.age >= 30", "duration > 1 http.status = 500"]
)
def test_filter_expression_chooses_traces(traces, expression):
    made = traces.sent(2, http=HTTP, user="ana", annotations={"age": 30})
    traces.sent(0.1)
    assert [each["Id"] for each in traces.summaries(expression)] == [made["trace_id"]]
    assert len(traces.summaries(f"!({expression})")) == 1


def test_filter_expression_finds_downstream_failures(traces):
    """A failure that the service handles is found by service() and edge() alone
    (https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html#console-filters-syntax)."""
    call = subsegment("backend", namespace="remote", http={"response": {"status": 503}})
    traces.sent(subsegments=[call])
    assert not traces.summaries("fault")
    assert traces.summaries('service("backend") { fault }')
    assert traces.summaries(f'edge("{traces.name}", "backend") {{ fault }}')
    assert not traces.summaries(f'edge("{traces.name}", "backend") {{ error }}')


@pytest.mark.parametrize(
    "expression", ["speed > 1", "fault AND", "http.url > 2", "rootcause.fault.service { inferred }"]
)
def test_wrong_filter_expression_is_refused(traces, expression):
    with pytest.raises(ClientError) as error:
        traces.client.get_trace_summaries(**traces.time_range, FilterExpression=expression)
    assert error.value.response["Error"]["Code"] == "InvalidRequestException"
    assert "The filter expression" in error.value.response["Error"]["Message"]


def test_pages_have_every_trace_once(traces):
    sent = [document(traces.name, new_trace_id()) for _ in range(230)]
    assert traces.put(*sent) == []
    pages = [*traces.client.get_paginator("get_trace_summaries").paginate(
        **traces.time_range, FilterExpression=f'service("{traces.name}")'
    )]  # fmt: skip
    found = [each["Id"] for page in pages for each in page["TraceSummaries"]]
    assert len(pages) > 1
    assert sorted(found) == sorted(each["trace_id"] for each in sent)
    assert all(page["TracesProcessedCount"] >= len(page["TraceSummaries"]) for page in pages)


def test_token_of_another_query_is_refused(traces):
    with pytest.raises(ClientError, match="The NextToken is not valid"):
        traces.client.get_trace_summaries(**traces.time_range, NextToken="x")


def test_time_range_type_decides_what_is_in_range(traces):
    """https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html#xray-api-traces"""
    start = time.time() - 600
    made = document(traces.name, new_trace_id(start), 300, start_time=start)
    assert traces.put(made) == []
    middle = {"StartTime": start + 100, "EndTime": start + 200}
    end = {"StartTime": start + 250, "EndTime": start + 350}
    found = {
        (kind, name): bool(traces.summaries(TimeRangeType=kind, **period))
        for kind in ("TraceId", "Event", "Service")
        for name, period in (("middle", middle), ("end", end))
    }
    assert [each for each in found if found[each]] == [("Event", "middle"), ("Event", "end"), ("Service", "end")]


@pytest.mark.parametrize(
    ("hours", "message"), [(-1, "StartTime cannot be after EndTime"), (25, "Time range cannot be longer than 24 hours")]
)
def test_wrong_time_range_is_refused(traces, hours, message):
    """The limit of summaries, and all words but those for the graph's limit, are not confirmed."""
    start = time.time() - 100_000
    with pytest.raises(ClientError, match=message):
        traces.client.get_trace_summaries(StartTime=start, EndTime=start + hours * 3600)


def test_sampling_is_refused(traces):
    with pytest.raises(ClientError, match="does not support Sampling"):
        traces.client.get_trace_summaries(**traces.time_range, Sampling=True)
