"""Filter expressions: the examples of AWS's page, and what is refused.

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.xray.filter_expressions import (
    MAX_CHARACTERS,
    AllOf,
    AnyOf,
    FilterCondition,
    FilterExpressionError,
    Not,
    parse,
)
from harness.emulator.xray.matching import matches
from tests.unit.emulator.xray.traces_of_a_test import NOW, document, http, subsegment, trace

TABLE = subsegment("DynamoDB", 0.1, namespace="aws", aws={"table_name": "scores"}, http=http(400))
BACKEND = subsegment("backend.example.com", 0.4, namespace="remote", http=http(500))
TRACE = trace(
    document(
        "api.example.com",
        6,
        origin="AWS::EC2::Instance",
        user="5M388M1E",
        http=http(200, url="http://api.example.com/v2/game", method="POST", user_agent="curl/8", client_ip="10.0.0.1"),
        annotations={"gameid": "817DL6VO", "age": 30, "adult": True, "with space": 1},
        aws={"ec2": {"instance_id": "i-1", "availability_zone": "us-west-2c"}},
        subsegments=[TABLE, BACKEND],
    ),
    document("worker", None, parent_id=BACKEND["id"], resource_arn="arn:aws:sqs:us-west-2:1:jobs", user="ben"),
)

TRUE = [
    "responsetime > 5",
    "responseTime > 5",
    "duration >= 5 AND duration <= 8",
    "ok",
    "!error",
    "ok = true",
    "fault != true",
    "partial",
    "inferred",
    "root",
    "http.status = 200",
    'http.url CONTAINS "/v2/"',
    "http.url AND responsetime > 2",
    'http.url BEGINSWITH "http://api.example.com/" AND http.url ENDSWITH "game"',
    'http.method = "POST" http.useragent = "curl/8" http.clientip = "10.0.0.1"',
    'user CONTAINS ""',
    'user = "ben"',
    'user != "ben"',
    'name = "api.example.com" and type = "AWS::EC2::Instance"',
    'availabilityzone = "us-west-2c" AND instance.id = "i-1" AND resource.arn ENDSWITH "jobs"',
    'annotation.gameid = "817DL6VO"',
    "annotation.age",
    "annotation.age > 29",
    "annotation.adult = true",
    "annotation[age] = 30",
    "annotation[with space] = 1",
    "!annotation.other",
    "service()",
    "service() { error }",
    'service("scores") { error AND inferred }',
    'service("api.example.com") { root = true AND ok }',
    'service(id(name: "scores", type: "AWS::DynamoDB::Table"))',
    'service(id(type: "AWS::EC2::Instance"))',
    'service(id(account.id: "123456789012"))',
    'service("worker") { partial AND user = "ben" }',
    'edge("api.example.com", "scores") { error }',
    'edge("api.example.com", "worker") { fault }',
    'edge(id(type: "AWS::EC2::Instance"), id(name: "scores")) { duration < 0.2 }',
    "fault OR (error OR ok) AND duration > 1",
    "!(fault AND ok)",
    "!!ok",
]
FALSE = [
    "responsetime > 6",
    "error",
    "!ok",
    "ok = false",
    "throttle",
    "http.status != 200",
    'user = "BEN"',
    'annotation.age = "30"',
    'annotation.gameid CONTAINS "x"',
    "annotation.adult = false",
    'service("nothing")',
    'service("worker") { ok AND !partial }',
    'service(id(name: "scores", type: "AWS::SNS"))',
    'service("scores") { user }',
    'edge("scores", "api.example.com")',
    'edge("api.example.com", "scores") { fault }',
    "ok AND fault OR error",
]


@pytest.mark.parametrize("text", TRUE)
def test_expression_finds_the_trace(text):
    assert matches(TRACE, parse(text), "123456789012")


@pytest.mark.parametrize("text", FALSE)
def test_expression_does_not_find_the_trace(text):
    assert not matches(TRACE, parse(text), "123456789012")


def test_duration_is_of_the_trace_and_response_time_of_its_root():
    """https://docs.aws.amazon.com/xray/latest/api/API_TraceSummary.html"""
    made = trace(document("front", 1), document("later", 4, start=NOW + 2, parent_id="00000000000000ff"))
    assert matches(made, parse("duration = 6 AND responsetime = 1"), "1")
    assert matches(made, parse('service("later") { duration = 4 }'), "1")


def test_and_binds_closer_than_or_and_may_be_omitted():
    ok, fault, slow = FilterCondition("ok"), FilterCondition("fault"), FilterCondition("duration", "<", 3.0)
    assert parse("ok !partial duration <3") == AllOf((ok, Not(FilterCondition("partial")), slow))
    assert parse("fault OR ok AND duration < 3") == AnyOf((fault, AllOf((ok, slow))))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed > 5", "unknown keyword: 'speed' at character 1"),
        ("responsetime >", "its end where a number is expected"),
        ('responsetime > "5"', "'\"5\"' at character 16 where a number is expected"),
        ("responsetime CONTAINS 5", "'CONTAINS' at character 14 where =, !=, <, <=, > or >= is expected"),
        ("http.url > 5", "'>' at character 10 where =, !=, CONTAINS, BEGINSWITH or ENDSWITH is expected"),
        ("user = ana", "'ana' at character 8 where a value in quotation marks is expected"),
        ("ok = 1", "where true or false is expected"),
        ("annotation.age CONTAINS 3", "its value allows =, !=, <, <=, > or >="),
        ("ok AND", "its end where a keyword is expected"),
        ("ok OR OR fault", "unknown keyword: 'OR' at character 7"),
        ("(ok", "its end where ')' is expected"),
        ("ok)", "')' at character 3 where AND, OR or the end of the expression is expected"),
        ('service("a" { fault }', "'{' at character 13 where ')' is expected"),
        ("service(a)", "where a name in quotation marks or id("),
        ('service(id(colour: "red"))', "where name, type or account.id is expected"),
        ('service("a") { annotation.b }', "'annotation.b' at character 16 inside the braces"),
        ('service() { edge("a", "b") }', "'edge' at character 13 inside the braces"),
        ("edge()", "where a name in quotation marks or id("),
        ('user = "ana', "unexpected '\"' at character 8"),
        ("ok & fault", "unexpected '&' at character 4"),
        ("rootcause.fault.service { inferred }", "does not support root causes and groups"),
        ('group.name = "slow"', "does not support root causes and groups"),
        ("", "its end where a keyword is expected"),
        ("(" * 60 + "ok" + ")" * 60, "nested more than 50 levels"),
        ("ok " * MAX_CHARACTERS, "more than 10,000 characters"),
    ],
)
def test_wrong_expression_is_refused_with_the_place(text, message):
    with pytest.raises(FilterExpressionError) as error:
        parse(text)
    assert message in str(error.value)


_WORDS = st.sampled_from(
    [*'()!{},:=<"', "!=", "ok", "service", "edge", "id", "annotation.a", "AND", "OR", "user", '"x"', "5", "name"]
)


@given(st.one_of(st.text(max_size=60), st.lists(_WORDS, max_size=25).map(" ".join)))
def test_any_text_is_parsed_or_refused(text):
    try:
        expression = parse(text)
    except FilterExpressionError:
        return
    assert matches(TRACE, expression, "1") in (True, False)
