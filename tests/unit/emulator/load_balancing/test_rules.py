"""Which rule of a listener matches a request.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

import pytest

from harness.emulator.load_balancing.rules import ListenerRule, LoadBalancerRequest, RuleRefusal, choose


def asked(method="GET", host="shop.example.com", path="/", query=(), headers=(), source_ip="192.0.2.7"):
    return LoadBalancerRequest(method, host, path, tuple(query), tuple(headers), source_ip)


def takes(condition, request):
    rule, _ = choose([ListenerRule("arn", 1, [condition], [])], request)
    return rule is not None


def paths(*values):
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


@pytest.mark.parametrize(
    ("pattern", "path", "taken"),
    [
        ("/img/*", "/img/a/b.png", True),
        ("/img/*", "/IMG/a.png", False),
        ("/img/?.png", "/img/a.png", True),
        ("/img/?.png", "/img/ab.png", False),
        ("/img", "/img/", False),
        ("*", "/", True),
        ("/a.b", "/axb", False),
        (r"/what\?", "/what?", True),
        (r"/what\?", "/whats", False),
    ],
)
def test_a_path_is_compared_by_case_and_wildcard(pattern, path, taken):
    assert takes(paths(pattern), asked(path=path)) is taken
    assert takes({"Field": "path-pattern", "Values": [pattern]}, asked(path=path)) is taken


def test_rule_needs_every_condition_and_any_of_its_values():
    rule = ListenerRule(
        "arn",
        1,
        [paths("/a", "/b"), {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PUT"]}}],
        [],
    )
    assert choose([rule], asked("PUT", path="/b"))[0] is rule
    chosen, refusals = choose([rule], asked("GET", path="/b"))
    assert chosen is None
    assert refusals == [RuleRefusal("arn", "http-request-method", ("PUT",), ("GET",))]


def test_a_host_is_compared_without_case():
    condition = {"Field": "host-header", "HostHeaderConfig": {"Values": ["*.Example.com"]}}
    assert takes(condition, asked(host="shop.example.com"))
    assert not takes(condition, asked(host="example.com"))


def test_header_condition_matches_any_value_without_case():
    condition = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Beta", "Values": ["on*"]}}
    assert takes(condition, asked(headers=[("x-beta", "off"), ("x-beta", "ONLY")]))
    assert not takes(condition, asked(headers=[("x-beta", "off"), ("x-other", "on")]))


@pytest.mark.parametrize(
    ("value", "query", "taken"),
    [
        ({"Key": "version", "Value": "v1"}, [("version", "V1")], True),
        ({"Key": "version", "Value": "v1"}, [("other", "v1")], False),
        ({"Value": "v*"}, [("other", "v7")], True),
        ({"Value": "v*"}, [], False),
    ],
)
def test_a_query_is_compared_by_key_and_value_or_by_value_alone(value, query, taken):
    condition = {"Field": "query-string", "QueryStringConfig": {"Values": [value]}}
    assert takes(condition, asked(query=query)) is taken


@pytest.mark.parametrize(
    ("cidr", "taken"), [("192.0.2.0/24", True), ("198.51.100.0/24", False), ("2001:db8::/32", False)]
)
def test_the_address_is_that_of_the_connection(cidr, taken):
    condition = {"Field": "source-ip", "SourceIpConfig": {"Values": [cidr]}}
    assert takes(condition, asked(headers=[("x-forwarded-for", "198.51.100.1")])) is taken


def test_rules_are_tried_by_priority():
    late, early = ListenerRule("late", 20, [paths("/*")], []), ListenerRule("early", 3, [paths("/a*")], [])
    assert choose([late, early], asked(path="/a"))[0] is early
    chosen, refusals = choose([late, early], asked(path="/b"))
    assert chosen is late
    assert [refusal.rule for refusal in refusals] == ["early"]
