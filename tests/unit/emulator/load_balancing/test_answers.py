"""Responses that a load balancer makes from a function's result, and responses without a function.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#respond-to-load-balancer
"""

import base64
import json

import pytest

from harness.emulator.load_balancing.actions import chosen_group, fixed_response, is_loop, redirect, target_groups
from harness.emulator.load_balancing.answer import InvalidResponseError, answer_of, page
from harness.emulator.load_balancing.event import is_binary
from harness.emulator.load_balancing.rules import LoadBalancerRequest


def returned(multi_value=False, **answer):
    return answer_of(json.dumps(answer).encode(), multi_value=multi_value)


def test_response_has_all_fields_of_the_result():
    answer = returned(
        statusCode=201, statusDescription="201 Created", isBase64Encoded=False,
        headers={"Content-Type": "text/html", "Set-cookie": "a=1"}, body="<h1>hello</h1>",
    )  # fmt: skip
    assert (answer.status, answer.reason, answer.body) == (201, "Created", b"<h1>hello</h1>")
    assert answer.headers == (("Server", "awselb/2.0"), ("Content-Type", "text/html"), ("Set-cookie", "a=1"))
    assert answer.problem is None


def test_a_body_in_base64_is_decoded():
    answer = returned(statusCode=200, isBase64Encoded=True, body=base64.b64encode(b"\x00\xff").decode())
    assert answer.body == b"\x00\xff"
    assert ("Content-Type", "application/octet-stream") in answer.headers


def test_connection_headers_are_dropped_from_the_response():
    headers = {"Connection": "close", "Transfer-Encoding": "chunked", "Content-Length": "7", "X-Own": "1"}
    names = [name for name, _ in returned(statusCode=200, headers=headers).headers]
    assert names == ["Server", "X-Own", "Content-Type"]


def test_headers_with_several_values():
    answer = returned(multi_value=True, statusCode=200, multiValueHeaders={"Set-cookie": ["a=1", "b=2"]})
    assert [value for name, value in answer.headers if name == "Set-cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize("multi_value", [True, False])
def test_header_field_unused_by_target_group_is_ignored(multi_value):
    given = {"headers": {"X-Own": "1"}} if multi_value else {"multiValueHeaders": {"X-Own": ["1"]}}
    answer = returned(multi_value=multi_value, statusCode=200, **given)
    assert "X-Own" not in dict(answer.headers)
    assert answer.problem.is_doubt
    assert answer.problem.code == "IgnoredHeaders"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("plain", "it is a string"),
        (None, "it is null"),
        ([], "it is a list"),
        ({"body": "hello"}, "it has no statusCode"),
        ({"statusCode": "200"}, 'its statusCode is "200"'),
        ({"statusCode": True}, "its statusCode is true"),
        ({"statusCode": 1000}, "its statusCode is 1000"),
        ({"statusCode": 200, "body": {"a": 1}}, "its body is an object"),
        ({"statusCode": 200, "headers": None}, "its headers are null"),
        ({"statusCode": 200, "headers": {"X-Allowed": True}}, "its header X-Allowed is a boolean"),
        ({"statusCode": 200, "headers": {"X Y": "1"}}, "its header 'X Y' is not valid"),
        ({"statusCode": 200, "headers": {"X": "1\r\nY: 2"}}, "its header 'X' is not valid"),
        ({"statusCode": 200, "body": "?", "isBase64Encoded": True}, "its body is not Base64"),
        ({"statusCode": 200, "body": "a", "isBase64Encoded": "yes"}, 'its isBase64Encoded is "yes"'),
    ],
)
def test_malformed_function_result_raises_with_the_reason(answer, why):
    with pytest.raises(InvalidResponseError) as error:
        answer_of(json.dumps(answer).encode(), multi_value=False)
    assert why in str(error.value)


def test_function_result_that_is_not_json_raises():
    with pytest.raises(InvalidResponseError, match="it is not JSON"):
        answer_of(b"<html>", multi_value=False)


def test_error_page_has_title_and_headers_of_a_load_balancer():
    answer = page(503)
    assert b"<center><h1>503 Service Temporarily Unavailable</h1></center>" in answer.body
    assert dict(answer.headers) == {"Server": "awselb/2.0", "Content-Type": "text/html"}


@pytest.mark.parametrize(
    ("headers", "binary"),
    [
        ({"content-type": "text/csv; charset=utf-8"}, False),
        ({"content-type": "application/json"}, False),
        ({"content-type": "Application/JavaScript"}, False),
        ({"content-type": "application/xml"}, False),
        ({"content-type": "application/json", "content-encoding": "gzip"}, True),
        ({"content-type": "application/x-www-form-urlencoded"}, True),
        ({"content-type": "image/png"}, True),
        ({}, True),
    ],
)
def test_which_bodies_a_function_is_given_in_base64(headers, binary):
    assert is_binary(headers) is binary


def test_a_fixed_response():
    answer = fixed_response({"StatusCode": "503", "ContentType": "application/json", "MessageBody": '{"closed": true}'})
    assert (answer.status, answer.body) == (503, b'{"closed": true}')
    assert ("Content-Type", "application/json; charset=utf-8") in answer.headers


@pytest.mark.parametrize(
    ("config", "location"),
    [
        ({"Protocol": "HTTPS", "Port": "443"}, "https://shop.example.com:443/a/b?x=1"),
        ({"Host": "www.#{host}", "Path": "/new/#{path}", "Query": "from=old&#{query}"},
         "http://www.shop.example.com:8080/new/a/b?from=old&x=1"),
        ({"Path": "/", "Query": ""}, "http://shop.example.com:8080/"),
    ],
)  # fmt: skip
def test_a_redirect_keeps_what_it_does_not_name(config, location):
    asked = LoadBalancerRequest("GET", "shop.example.com", "/a/b", (), (), "192.0.2.7")
    answer = redirect({"StatusCode": "HTTP_302", **config}, asked, "x=1", "HTTP", 8080)
    assert answer.status == 302
    assert dict(answer.headers)["Location"] == location


def test_a_redirect_to_where_it_came_from_is_a_loop():
    assert is_loop({"StatusCode": "HTTP_301"})
    assert is_loop({"StatusCode": "HTTP_301", "Path": "/#{path}", "Query": "a=1"})
    assert not is_loop({"StatusCode": "HTTP_301", "Port": "8443"})


def test_target_groups_take_turns_by_weight():
    weighted = [{"TargetGroupArn": "one", "Weight": 3}, {"TargetGroupArn": "two", "Weight": 1}]
    groups = target_groups({"ForwardConfig": {"TargetGroups": weighted}})
    chosen = [chosen_group(groups) for _ in range(400)]
    # Of a fair choice fewer than 200 in 400 come once in 10^22 times.
    assert {*chosen} == {"one", "two"}
    assert chosen.count("one") > 200
    assert target_groups({"TargetGroupArn": "only"}) == [("only", 1)]
    assert chosen_group([("one", 0)]) is None
