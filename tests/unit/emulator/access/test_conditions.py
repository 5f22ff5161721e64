"""Conditions, operator by operator.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import pytest

from harness.emulator.access.conditions import OPERATORS, UNKNOWN, ConditionError, met, parse


@pytest.mark.parametrize(
    ("operator", "expected", "value", "agrees"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", ["b", "a"], "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "*", "a", False),
        ("StringNotEquals", ["b", "c"], "a", True),
        ("StringNotEquals", ["b", "a"], "a", False),
        ("StringEqualsIgnoreCase", "A", "a", True),
        ("StringNotEqualsIgnoreCase", "A", "a", False),
        ("StringLike", "orders/*", "orders/1/2", True),
        ("StringLike", "orders/?", "orders/12", False),
        ("StringNotLike", "orders/*", "orders/1", False),
        ("NumericEquals", "5", "5.0", True),
        ("NumericNotEquals", "5", "6", True),
        ("NumericLessThan", "10", "9", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", "10", "11", True),
        ("NumericGreaterThanEquals", "10", "9", False),
        ("NumericLessThan", "10", "many", False),
        ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", True),
        ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00", False),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", True),
        ("DateLessThanEquals", "2026-01-01", "2026-01-01T00:00:00Z", True),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", False),
        ("DateGreaterThanEquals", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", True),
        ("Bool", "true", "true", True),
        ("Bool", False, "true", False),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
        ("IpAddress", "203.0.113.0/24", "203.0.113.9", True),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", True),
        ("IpAddress", "203.0.113.0/24", "198.51.100.1", False),
        ("NotIpAddress", "203.0.113.0/24", "198.51.100.1", True),
        ("ArnEquals", "arn:aws:sns:*:123456789012:t*", "arn:aws:sns:eu-west-1:123456789012:topic", True),
        ("ArnLike", "arn:aws:sns:*:*:t?pic", "arn:aws:sns:eu-west-1:123456789012:topic", True),
        ("ArnLike", "arn:aws:sns:*:111111111111:*", "arn:aws:sns:eu-west-1:222222222222:111111111111:x", False),
        ("ArnNotEquals", "arn:aws:s3:::b", "arn:aws:s3:::b", False),
        ("ArnNotLike", "arn:aws:s3:::b*", "arn:aws:s3:::c", True),
        ("Null", "true", "here", False),
        ("Null", "false", "here", True),
    ],
)
def test_an_operator_compares_as_documented(operator, expected, value, agrees):
    assert met(parse({operator: {"aws:Key": expected}}), {"aws:key": (value,)}) is agrees


def test_every_operator_is_in_the_table_above():
    mark = test_an_operator_compares_as_documented.pytestmark[0]
    assert {row[0].lower() for row in mark.args[1]} == set(OPERATORS)


@pytest.mark.parametrize(
    ("operator", "agrees"),
    [
        ("StringEquals", False),
        ("StringEqualsIfExists", True),
        ("StringNotEquals", True),
        ("StringNotEqualsIfExists", True),
        ("ArnLike", False),
        ("NumericLessThan", False),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
        ("Null", False),
    ],
)
def test_a_key_that_the_request_does_not_bring(operator, agrees):
    expected = "false" if operator == "Null" else "a"
    assert met(parse({operator: {"aws:Key": expected}}), {}) is agrees


@pytest.mark.parametrize(
    ("operator", "values", "agrees"),
    [
        ("ForAllValues:StringEquals", ("a", "b"), True),
        ("ForAllValues:StringEquals", ("a", "c"), False),
        ("ForAnyValue:StringEquals", ("a", "c"), True),
        ("ForAnyValue:StringEquals", ("c", "d"), False),
        ("ForAllValues:StringNotEquals", ("c", "d"), True),
        ("ForAllValues:StringNotEquals", ("a", "c"), False),
        ("ForAnyValue:StringNotEquals", ("a", "c"), True),
        ("ForAnyValue:StringLike", ("c", "a"), True),
    ],
)
def test_a_key_with_several_values(operator, values, agrees):
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html"""
    assert met(parse({operator: {"aws:TagKeys": ["a", "b"]}}), {"aws:tagkeys": values}) is agrees


def test_conditions_are_joined_by_and():
    block = parse({"StringEquals": {"aws:A": "1", "aws:B": "2"}, "Bool": {"aws:SecureTransport": "true"}})
    facts = {"aws:a": ("1",), "aws:b": ("2",), "aws:securetransport": ("true",)}
    assert met(block, facts)
    assert all(not met(block, {**facts, key: ("x",)}) for key in facts)


def test_a_variable_in_a_condition_is_filled_in():
    block = parse({"StringEquals": {"dynamodb:LeadingKeys": "${aws:userid}"}})
    assert met(block, {"dynamodb:leadingkeys": ("me",), "aws:userid": ("me",)})
    assert not met(block, {"dynamodb:leadingkeys": ("me",), "aws:userid": ("you",)})
    assert not met(block, {"dynamodb:leadingkeys": ("me",)})


def test_condition_on_an_unknown_fact_counts_as_met():
    block = parse({"ArnLike": {"aws:SourceArn": "arn:aws:lambda:*:*:function:f"}})
    assert met(block, {"aws:sourcearn": UNKNOWN})


@pytest.mark.parametrize("operator", ["StringSame", "ForEveryValue:StringEquals", "NullIfExists"])
def test_an_operator_that_iam_does_not_have_is_an_error(operator):
    with pytest.raises(ConditionError, match=operator):
        parse({operator: {"aws:Key": "a"}})
