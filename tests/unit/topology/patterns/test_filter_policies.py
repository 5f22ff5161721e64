"""SNS's filter policies (https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html)."""

import json

import pytest

from harness.topology.patterns import FilterPolicy, InvalidFilterPolicyError


def attribute(value: str, kind: str = "String") -> dict[str, dict[str, str]]:
    return {"store": {"DataType": kind, "StringValue": value}}


@pytest.mark.parametrize(
    ("accepted", "attributes", "expected"),
    [
        (["oslo"], attribute("oslo"), True),
        (["oslo"], {"store": {"Type": "String", "Value": "oslo"}}, True),
        (["oslo"], attribute("bergen"), False),
        (["oslo"], {}, False),
        # https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html
        (["oslo"], attribute('["oslo", "bergen"]', "String.Array"), True),
        (["oslo"], attribute('["bergen", 5]', "String.Array"), False),
        ([5], attribute('["bergen", 5]', "String.Array"), True),
        ([True], attribute("[true, null]", "String.Array"), True),
        (["no array"], attribute("no array", "String.Array"), True),
        # https://docs.aws.amazon.com/sns/latest/dg/numeric-value-matching.html
        ([{"numeric": [">", 0, "<=", 100]}], attribute("99", "Number"), True),
        ([{"numeric": [">", 0, "<=", 100]}], attribute("111", "Number"), False),
        ([{"numeric": [">", 0, "<=", 100]}], attribute("99", "String"), False),
        ([99], attribute("99.0", "Number"), True),
        (["99"], attribute("99", "Number"), False),
        # https://docs.aws.amazon.com/sns/latest/dg/attribute-key-matching.html
        ([{"exists": True}], attribute("99", "Number"), True),
        ([{"exists": True}], {"other": {"DataType": "Number", "StringValue": "1"}}, False),
        ([{"exists": False}], {"other": {"DataType": "Number", "StringValue": "1"}}, True),
        ([{"exists": False}], attribute("oslo"), False),
        # A binary attribute is ignored (https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html).
        ([{"exists": True}], {"store": {"DataType": "Binary", "BinaryValue": b"x"}}, False),
        ([None, {"anything-but": "x"}], {}, False),
        ([{"anything-but": "x"}], attribute("oslo"), True),
        ([{"anything-but": ["x", "oslo"]}], attribute("oslo"), False),
        ([{"anything-but": {"prefix": "os"}}], attribute("oslo"), False),
        ([{"prefix": "os"}], attribute("oslo"), True),
        ([{"suffix": "lo"}], attribute("oslo"), True),
        ([{"equals-ignore-case": "OSLO"}], attribute("oslo"), True),
        ([{"cidr": "10.0.0.0/24"}], attribute("10.0.0.7"), True),
    ],
)
def test_a_policy_on_attributes(accepted, attributes, expected):
    assert bool(FilterPolicy.parse({"store": accepted}).match("a message", attributes)) is expected


S3_POLICY = {"Records": {"s3": {"object": {"key": [{"prefix": "auto-"}]}}, "eventName": [{"prefix": "ObjectCreated:"}]}}


def s3(name: str, key: str, nested: bool = False) -> dict[str, object]:
    return {"eventName": name, "s3": {"object": [[{"key": key}]] if nested else {"key": key}}}


@pytest.mark.parametrize(
    ("policy", "body", "expected"),
    [
        ({"object": {"key": [{"prefix": "auto-"}, "x"]}, "test": [{"exists": False}]}, {"object": {"key": "x"}}, True),
        ({"object": {"key": ["x"]}, "test": [{"exists": False}]}, {"object": {"key": "x"}, "test": 1}, False),
        ({"object": {"key": ["x"]}}, {"test": "x"}, False),
        ({"object.nested": ["v"]}, {"object": {"nested": "v"}}, True),
        ({"object.nested.test": ["v"]}, {"object": {"nested.test": "v"}}, True),
        ({"headers": {"route-to": ["queue1"]}}, {"headers": {"route-to": ["queue1", "queue2"]}}, True),
        ({"headers": {"route-to": ["queue1"]}}, {"headers": {"route-to": ["queue3"]}}, False),
        (S3_POLICY, {"Records": [s3("ObjectCreated:Put", "auto-1")]}, True),
        (S3_POLICY, {"Records": [s3("ObjectCreated:Put", "auto-1", True), s3("ObjectRemoved:Delete", "home")]}, True),
        (S3_POLICY, {"Records": [s3("ObjectRemoved:Delete", "auto-1")]}, False),
        (S3_POLICY, {"Records": [s3("ObjectRemoved:Delete", "auto-1"), s3("ObjectCreated:Put", "home")]}, False),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}], "c": {"d": ["z"]}}, {"b": "y", "c": {"d": "z"}}, True),
        ({"$or": [{"a": ["x"]}, {"b": ["y"]}], "c": {"d": ["z"]}}, {"b": "y", "c": {"d": "w"}}, False),
        ({"detail": {"version": [""]}}, {"resources": [], "detail": {"version": "", "elements": None}}, True),
        ({"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}}, {"detail": {"ip": "10.0.0.256"}}, False),
    ],
)
def test_a_policy_on_the_body(policy, body, expected):
    assert bool(FilterPolicy.parse(policy, "MessageBody").match(json.dumps(body))) is expected


@pytest.mark.parametrize("message", ["plain text", '"a JSON string"', "[1]"])
def test_a_body_that_is_no_json_object_is_filtered_out(message):
    match = FilterPolicy.parse({"a": [{"exists": False}]}, "MessageBody").match(message)
    assert "must be a JSON object" in str(match)


def test_attribute_policy_meant_for_the_body_is_explained():
    match = FilterPolicy.parse({"kind": ["x"]}).match('{"kind": "x"}')
    assert "scope is MessageAttributes, not MessageBody" in str(match)
    assert match.refusals[0].location == ("kind",)


@pytest.mark.parametrize(
    ("policy", "scope", "message"),
    [
        ({"a": {"b": ["c"]}}, None, "Filter policy scope MessageAttributes does not support nested filter policy"),
        ({"a": ["c"]}, "Body", "FilterPolicyScope: Invalid value [Body]. Please use either MessageBody or MessageAttributes"),
        ({key: ["v"] for key in "abcdef"}, None, "FilterPolicy: Filter policy can not have more than 5 keys"),
        ({"a": list(range(151))}, None, "FilterPolicy: Filter policy is too complex"),
        ({"a": {"b": {"c": [1, 2, 3, 4]}}, "d": {"e": [1, 2, 3]}, "f": [1, 2, 3]}, "MessageBody",
         "FilterPolicy: Filter policy is too complex"),
        ({"a": [{"anything-but": {"suffix": "x"}}]}, None, "FilterPolicy: Unsupported anything-but pattern: suffix"),
        ({"a": [{"prefix": {"equals-ignore-case": "x"}}]}, None, "FilterPolicy: prefix match pattern must be a string"),
        ({"a": [{"wildcard": "x*"}]}, None, "FilterPolicy: Unrecognized match type wildcard"),
    ],
)  # fmt: skip
def test_invalid_syntax_is_refused_with_the_message_of_aws(policy, scope, message):
    with pytest.raises(InvalidFilterPolicyError) as caught:
        FilterPolicy.parse(policy, scope)
    assert str(caught.value).startswith(f"Invalid parameter: {message}")


def test_as_many_combinations_as_allowed_are_taken():
    assert FilterPolicy.parse({"a": list(range(150))})
    assert FilterPolicy.parse({"a": {"b": list(range(75))}}, "MessageBody")
