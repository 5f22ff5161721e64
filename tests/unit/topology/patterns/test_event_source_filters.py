"""Filters of event source mappings (https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html)."""

import base64
import json

import pytest

from harness.topology.patterns import EventSourceFilters, InvalidFilterError


def sqs(body: object) -> dict[str, object]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"body": text, "eventSource": "aws:sqs", "messageAttributes": {"Kind": {"stringValue": "x"}}}


def kinesis(data: object) -> dict[str, object]:
    text = data if isinstance(data, str) else json.dumps(data)
    record = {"data": base64.b64encode(text.encode()).decode(), "partitionKey": "1"}
    return {"kinesis": record, "eventSource": "aws:kinesis"}


@pytest.mark.parametrize(
    ("pattern", "body", "expected"),
    [
        # The table of https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html, in its order.
        ({"body": ["ready"]}, "ready", True),
        ({"body": ["ready"]}, "steady", False),
        ({"eventSource": ["aws:sqs"]}, "ready", True),
        ({"body": {"state": ["ready"]}}, "ready", False),
        ({"body": ["ready"]}, {"state": "ready"}, False),
        ({"eventSource": ["aws:sqs"]}, {"state": "ready"}, True),
        ({"body": {"state": ["ready"]}}, {"state": "ready"}, True),
        ({"body": {"state": ["ready"]}}, {"state": "steady"}, False),
        ({"body": {"state": [{"exists": False}]}}, "no JSON", False),
        ({"body": {"size": [{"numeric": [">", 100]}]}}, {"size": 101}, True),
        ({"messageAttributes": {"Kind": {"stringValue": ["x"]}}}, "ready", True),
        ({"body": {"state": ["ready"]}}, "[1]", False),
    ],
)
def test_messages_of_a_queue(pattern, body, expected):
    assert bool(EventSourceFilters.parse("sqs", [json.dumps(pattern)]).match(sqs(body))) is expected


@pytest.mark.parametrize(
    ("pattern", "data", "expected"),
    [
        ({"data": {"city": ["Oslo"]}}, {"city": "Oslo"}, True),
        ({"data": {"city": ["Oslo"]}}, {"city": "Bergen"}, False),
        ({"data": {"city": ["Oslo"]}}, "Oslo", False),
        ({"partitionKey": ["1"]}, "Oslo", True),
        ({"partitionKey": ["2"]}, {"city": "Oslo"}, False),
    ],
)
def test_records_of_a_kinesis_stream(pattern, data, expected):
    assert bool(EventSourceFilters.parse("kinesis", [pattern]).match(kinesis(data))) is expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"eventName": ["INSERT"]}, True),
        ({"dynamodb": {"NewImage": {"size": {"N": ["5"]}}}}, True),
        # Numbers of items are strings (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html).
        ({"dynamodb": {"NewImage": {"size": {"N": [{"numeric": ["=", 5]}]}}}}, False),
        ({"dynamodb": {"NewImage": {"size": [{"exists": True}]}}}, False),
    ],
)
def test_records_of_a_table(pattern, expected):
    record = {"eventName": "INSERT", "dynamodb": {"NewImage": {"size": {"N": "5"}}}}
    assert bool(EventSourceFilters.parse("dynamodb", [pattern]).match(record)) is expected


def test_one_matching_filter_is_enough_and_no_filter_takes_all():
    filters = EventSourceFilters.parse("sqs", [{"body": {"a": [1]}}, {"body": {"a": [2]}}])
    assert filters.match(sqs({"a": 2}))
    assert EventSourceFilters.parse("sqs", []).match(sqs("anything"))
    refusals = filters.match(sqs({"a": 3})).refusals
    assert [refusal.location for refusal in refusals] == [(0, "body", "a"), (1, "body", "a")]


def test_dropped_record_is_explained():
    match = EventSourceFilters.parse("sqs", [{"body": {"state": ["ready"]}}]).match(sqs("ready"))
    assert (
        str(match)
        == "body: the filter wants a JSON object there, the record has no JSON: 'ready'. Lambda drops such a record."
    )


@pytest.mark.parametrize("pattern", ["simple string", '{"eventSource": "aws:sqs"}', '{"eventSource": []}', "[1]", ""])
def test_a_filter_that_aws_does_not_take_is_refused_in_its_words(pattern):
    with pytest.raises(InvalidFilterError, match=r"^Invalid filter pattern definition\.$"):
        EventSourceFilters.parse("sqs", [pattern])


def test_kinesis_refuses_a_filter_on_data_that_is_no_object():
    with pytest.raises(InvalidFilterError):
        EventSourceFilters.parse("kinesis", [{"data": ["plain"]}])
