"""EventBridge's event patterns, by the operators of AWS's documentation
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html)."""

import pytest

from harness.topology.patterns import EventPattern, InvalidEventPatternError

EVENT = {
    "source": "lumen.users",
    "detail-type": "UserRegistered",
    "resources": [],
    "detail": {
        "plan": "pro",
        "age": 30,
        "score": 1.5,
        "large": 123456789012,
        "active": True,
        "nickname": None,
        "note": "",
        "tags": ["new", "vip"],
        "ip": "10.0.0.255",
        "ipv6": "2001:0db8:1234:1a00:0000:0000:0000:0001",
        "file": "/Users/ann/a/b/doc.TXT",
        "items": [{"sku": "a", "count": 1}, {"sku": "b", "count": 5}],
        "address": {"city": "Oslo", "empty": {}},
        "payload": '{"kind": "x"}',
        "joined.key": "there",
    },
}


def takes(**detail: object) -> bool:
    return bool(EventPattern.parse({"detail": detail}).match(EVENT))


@pytest.mark.parametrize(
    ("field", "accepted", "expected"),
    [
        ("plan", ["pro"], True),
        ("plan", ["Pro"], False),
        ("plan", ["free", "pro"], True),
        ("age", [30], True),
        ("age", [30.0], True),
        ("age", ["30"], False),
        ("large", [123456789012], True),
        ("active", [True], True),
        ("active", ["true"], False),
        ("nickname", [None], True),
        ("nickname", ["null"], False),
        ("nickname", [""], False),
        ("note", [""], True),
        ("note", [None], False),
        ("missing", [None], False),
        ("tags", ["vip"], True),
        ("tags", ["old", "vip"], True),
        ("tags", ["old"], False),
        ("plan", [{"prefix": "pr"}], True),
        ("plan", [{"prefix": "PR"}], False),
        ("plan", [{"prefix": ""}], True),
        ("age", [{"prefix": "3"}], False),
        ("plan", [{"prefix": {"equals-ignore-case": "PR"}}], True),
        ("file", [{"suffix": ".TXT"}], True),
        ("file", [{"suffix": ".txt"}], False),
        ("file", [{"suffix": {"equals-ignore-case": ".txt"}}], True),
        ("plan", [{"equals-ignore-case": "PRO"}], True),
        ("plan", [{"equals-ignore-case": "PR"}], False),
        ("plan", [{"anything-but": "free"}], True),
        ("plan", [{"anything-but": "pro"}], False),
        ("plan", [{"anything-but": ["free", "pro"]}], False),
        ("nickname", [{"anything-but": "free"}], True),
        ("missing", [{"anything-but": "free"}], False),
        ("age", [{"anything-but": [30, 31]}], False),
        ("age", [{"anything-but": "30"}], True),
        ("plan", [{"anything-but": {"prefix": "p"}}], False),
        ("plan", [{"anything-but": {"prefix": ["x", "y"]}}], True),
        ("file", [{"anything-but": {"suffix": ".TXT"}}], False),
        ("plan", [{"anything-but": {"equals-ignore-case": ["PRO", "x"]}}], False),
        ("file", [{"anything-but": {"wildcard": "*/b/*"}}], False),
        ("age", [{"anything-but": {"wildcard": "*/b/*"}}], True),
        # An element that is not excluded is enough.
        ("tags", [{"anything-but": "vip"}], True),
        ("age", [{"numeric": [">", 29, "<=", 30]}], True),
        ("age", [{"numeric": [">", 30]}], False),
        ("age", [{"numeric": ["=", 30.0]}], True),
        ("score", [{"numeric": ["<", 1.6]}], True),
        ("plan", [{"numeric": [">", 0]}], False),
        ("plan", [{"exists": True}], True),
        ("nickname", [{"exists": True}], True),
        ("missing", [{"exists": True}], False),
        ("missing", [{"exists": False}], True),
        ("plan", [{"exists": False}], False),
        # Exists is about single values: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-exists-matching
        ("address", [{"exists": True}], False),
        ("ip", [{"cidr": "10.0.0.0/24"}], True),
        ("ip", [{"cidr": "10.0.1.0/24"}], False),
        ("ipv6", [{"cidr": "2001:db8:1234:1a00::/64"}], True),
        ("ipv6", [{"cidr": "10.0.0.0/24"}], False),
        ("age", [{"cidr": "10.0.0.0/24"}], False),
        ("file", [{"wildcard": "/Users/*/doc.TXT"}], True),
        ("file", [{"wildcard": "/Users/*/b/x*"}], False),
        ("file", [{"wildcard": "*"}], True),
        ("file", [{"wildcard": ""}], False),
        ("joined", {"key": ["there"]}, True),
        ("address.city", ["Oslo"], True),
        ("address.city", {"x": ["Oslo"]}, False),
        ("payload", {"kind": ["x"]}, False),
        # Any of several, of different operators.
        ("age", [{"numeric": [">", 100]}, {"anything-but": "31"}], True),
        ("missing", [{"anything-but": ["roses"]}, {"exists": False}], True),
    ],
)
def test_a_field_is_accepted_or_refused(field, accepted, expected):
    assert takes(**{field: accepted}) is expected


def test_every_field_must_match():
    assert EventPattern.parse({"source": ["lumen.users"], "detail": {"plan": ["pro"]}}).match(EVENT)
    assert not EventPattern.parse({"source": ["lumen.users"], "detail": {"plan": ["free"]}}).match(EVENT)
    assert not EventPattern.parse({"Source": ["lumen.users"]}).match(EVENT)


def test_an_empty_array_holds_nothing():
    assert not EventPattern.parse({"resources": [None]}).match(EVENT)
    assert not EventPattern.parse({"resources": [{"exists": True}]}).match(EVENT)
    assert EventPattern.parse({"resources": [{"exists": False}]}).match(EVENT)


def test_or_pattern_needs_its_sibling_fields_in_every_branch():
    pattern = {"source": ["lumen.users"], "detail": {"$or": [{"plan": ["free"]}, {"age": [{"numeric": ["<", 31]}]}]}}
    assert EventPattern.parse(pattern).match(EVENT)
    assert not EventPattern.parse({**pattern, "source": ["other"]}).match(EVENT)
    neither = EventPattern.parse({"detail": {"$or": [{"plan": ["free"]}, {"age": [31]}]}}).match(EVENT)
    assert not neither
    assert "the nearest of 2 alternatives" in str(neither)


def test_fields_inside_an_array_must_match_in_the_same_element():
    """https://github.com/aws/event-ruler: "arrays of objects" are matched element by element."""
    assert takes(items={"sku": ["b"], "count": [5]})
    split = EventPattern.parse({"detail": {"items": {"sku": ["a"], "count": [5]}}}).match(EVENT)
    assert "not within the same element" in str(split)


def test_an_escaped_star_is_a_star():
    pattern = EventPattern.parse(r'{"a": [{"wildcard": "x\\*y\\\\*"}]}')
    assert pattern.match({"a": r"x*y\anything"})
    assert not pattern.match({"a": r"xzy\anything"})


@pytest.mark.parametrize(
    ("pattern", "field", "says"),
    [
        (
            {"detail-type": ["UserRegisterd"]},
            "detail-type",
            "detail-type: it wants 'UserRegisterd', the event has 'UserRegistered'.",
        ),
        ({"detail": {"plan": ["PRO"]}}, "detail.plan", "it wants 'PRO', the event has 'pro' (case counts)."),
        ({"detail": {"age": ["30"]}}, "detail.age", "the event has 30 (a number, and it wants a string)."),
        ({"detail": {"pla": ["pro"]}}, "detail.pla", "the event has no such field (it has detail.plan)."),
        ({"Source": ["lumen.users"]}, "Source", "the event has no such field (it has source; case counts)."),
        ({"detail": {"address": ["Oslo"]}}, "detail.address", "an object there, and patterns look at single values."),
        ({"detail": {"payload": {"kind": ["x"]}}}, "detail.payload.kind", "JSON that is encoded as text"),
        ({"resources": ["x"]}, "resources", "the event has an empty array."),
        ({"detail": {"tags": ["old"]}}, "detail.tags", "the event has ['new', 'vip']."),
        (
            {"detail": {"age": [{"numeric": [">", 30, "<=", 50]}, {"exists": False}]}},
            "detail.age",
            "it wants a number > 30 and <= 50 or no such field, the event has 30.",
        ),
    ],
)
def test_refusal_names_field_actual_and_expected_value(pattern, field, says):
    [refusal] = EventPattern.parse(pattern).match(EVENT).refusals
    assert refusal.field == field
    assert says in refusal.sentence


def test_a_refusal_knows_its_place_in_the_pattern():
    pattern = {"detail": {"$or": [{"plan": ["free"], "age": [31]}, {"tags": ["old"]}]}}
    [refusal] = EventPattern.parse(pattern).match(EVENT).refusals
    assert refusal.location == ("detail", "$or", 1, "tags")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ({"a": "b"}, '"a" must be an object or an array'),
        ({"a": []}, "Empty arrays are not allowed"),
        ({"a": {}}, "Empty objects are not allowed"),
        ({}, "Empty objects are not allowed"),
        ({"a": [["b"]]}, "Match value must be String, number, true, false, or null"),
        ({"a": [{"Prefix": "x"}]}, "Unrecognized match type Prefix"),
        ({"a": [{"prefix": "x", "suffix": "y"}]}, "Only one key allowed in match expression"),
        ({"a": [{"prefix": 1}]}, "prefix match pattern must be a string"),
        ({"a": [{"suffix": {"prefix": "x"}}]}, "Unsupported suffix pattern: prefix"),
        ({"a": [{"exists": "yes"}]}, "exists match pattern must be either true or false."),
        ({"a": [{"numeric": [">", 1, "<", 1]}]}, "Bottom must be less than top"),
        ({"a": [{"numeric": ["=", "1"]}]}, "Value of equals must be numeric"),
        ({"a": [{"numeric": ["<", 6e9]}]}, "Value must be between -5.0E9 and 5.0E9, inclusive"),
        ({"a": [{"anything-but": ["x", 1]}]}, "either all values are number or string, mixed type is not supported"),
        ({"a": [{"anything-but": {"exists": True}}]}, "Unsupported anything-but pattern: exists"),
        ({"a": [{"cidr": "10.0.0.0"}]}, "Malformed CIDR, one '/' required"),
        ({"a": [{"cidr": "10.0.0.0/32"}]}, "IPv4 mask bits must be < 32"),
        ({"a": [{"wildcard": "x**"}]}, "Consecutive wildcard characters at pos 2"),
        ({"a": [{"wildcard": "x\\y"}]}, "Invalid escape character at pos 2"),
        ({"a": [{"wildcard": "*:*:*:*:*:*:*"}]}, "Rule is too complex"),
        ({"$or": [{"a": ["b"]}]}, "There must have at least 2 Objects in $or relationship."),
        ({"$or": {"a": ["b"]}}, "It must be an Array followed with $or."),
        ({"$or": ["a", "b"]}, "Only JSON object is allowed in array of $or relationship."),
        (
            {"$or": [{"prefix": ["b"]}, {"a": ["b"]}]},
            "prefix is Ruler reserved fieldName which cannot be used inside $or.",
        ),
        ('{"a": ["b"', "Unexpected end-of-input: expected close marker for Array"),
        ('{"a" ["b"]}', "Unexpected character ('[' (code 91)): was expecting a colon"),
        (
            '{"a": ["b"] "c": 1}',
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
        ),
        ('{"a": ["b}', "Unexpected end-of-input: was expecting closing quote for a string value"),
        ('{"a": [-x]}', "in numeric value"),
    ],
)
def test_invalid_syntax_is_refused_with_the_message_of_aws(pattern, message):
    with pytest.raises(InvalidEventPatternError) as caught:
        EventPattern.parse(pattern)
    assert str(caught.value).startswith("Event pattern is not valid. Reason: ")
    assert message in str(caught.value)


def test_a_long_pattern_is_quoted_by_its_beginning():
    with pytest.raises(InvalidEventPatternError, match=r"\[truncated 113 chars\]; line: 1, column: 607\]"):
        EventPattern.parse('{"' + "a" * 600 + '": "wrong"}')
