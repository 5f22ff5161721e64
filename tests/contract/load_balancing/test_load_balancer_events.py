"""The event that a load balancer gives to a function.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#receive-event-from-load-balancer
"""

import base64
import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from aws_lambda_powertools.utilities.parser.models import AlbModel

from tests.contract.addresses import is_from_this_machine

ORACLE = Path(__file__).parents[4] / "shared" / "oracle" / "powertools-events"


def _oracle(name):
    if not (ORACLE / name).is_file():
        pytest.skip("needs AWS's own events, which are not on this machine")
    return json.loads((ORACLE / name).read_text())


def test_an_event_has_what_aws_sends(balancer, http):
    at = balancer()
    event = http.get(f"{at.url}/echo/a%20b?query=1234ABCD&empty=").json()
    AlbModel.model_validate(event)
    assert event["requestContext"] == {"elb": {"targetGroupArn": at.group}}
    assert (event["httpMethod"], event["path"]) == ("GET", "/echo/a%20b")
    assert event["queryStringParameters"] == {"query": "1234ABCD", "empty": ""}
    assert (event["body"], event["isBase64Encoded"]) == ("", False)
    assert event["headers"]["host"] == at.dns_name
    assert event.keys() == _oracle("albEvent.json").keys()


def test_with_multi_value_headers_every_value_is_sent(balancer, http):
    at = balancer(multi_value=True)
    headers = [("cookie", "name1=value1"), ("cookie", "name2=value2"), ("x-one", "1")]
    answer = http.get(f"{at.url}/echo?myKey=val1&myKey=val2", headers=headers)
    # The function answers with the field that this target group does not take.
    assert answer.headers["content-type"] == "application/octet-stream"
    event = json.loads(answer.content)
    assert event["multiValueQueryStringParameters"] == {"myKey": ["val1", "val2"]}
    assert event["multiValueHeaders"]["cookie"] == ["name1=value1", "name2=value2"]
    assert event["multiValueHeaders"]["x-one"] == ["1"]
    assert event.keys() == _oracle("albMultiValueQueryStringEvent.json").keys()


def test_without_them_the_last_value_is_sent(balancer, http):
    at = balancer()
    headers = [("cookie", "name1=value1"), ("cookie", "name2=value2")]
    event = http.get(f"{at.url}/echo?myKey=val1&myKey=val2", headers=headers).json()
    assert event["queryStringParameters"] == {"myKey": "val2"}
    assert event["headers"]["cookie"] == "name2=value2"


def test_a_query_is_not_decoded(balancer, http):
    """ "If the query parameters are URL-encoded, the load balancer does not decode them.\""""
    event = http.get(f"{balancer().url}/echo?a%20b=%3Fall%3Dtrue&plus=1+2").json()
    assert event["queryStringParameters"] == {"a%20b": "%3Fall%3Dtrue", "plus": "1+2"}


@pytest.mark.parametrize(
    ("headers", "encoded"),
    [
        ({"content-type": "application/json; charset=utf-8"}, False),
        ({"content-type": "text/plain"}, False),
        ({"content-type": "application/x-www-form-urlencoded"}, True),
        ({}, True),
    ],
)
def test_a_body_is_sent_in_base64_by_its_type(balancer, http, headers, encoded):
    event = http.post(f"{balancer().url}/echo", content="größe=1".encode(), headers=headers).json()
    assert event["isBase64Encoded"] is encoded
    body = base64.b64decode(event["body"]).decode() if encoded else event["body"]
    assert body == "größe=1"


def test_a_compressed_body_is_sent_as_it_came(balancer, http):
    """ "If the content-encoding header is present, the body is Base64 encoded.\""""
    packed = gzip.compress(b'{"a": 1}')
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    event = http.post(f"{balancer().url}/echo", content=packed, headers=headers).json()
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == packed


def test_request_has_forwarded_and_trace_headers(balancer):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html"""
    at = balancer()
    sent = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "1"}
    headers = httpx.get(f"{at.url}/echo", headers=sent, trust_env=False, timeout=30).json()["headers"]
    said, _, added = headers["x-forwarded-for"].partition(", ")
    assert said == "203.0.113.7"
    assert is_from_this_machine(added)
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", "80")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["x-amzn-trace-id"])


@pytest.mark.parametrize(("mode", "seen"), [("preserve", "203.0.113.7"), ("remove", None)])
def test_x_forwarded_for_as_the_attribute_says(balancer, http, mode, seen):
    at = balancer(routing__http__xff_header_processing__mode=mode)
    headers = http.get(f"{at.url}/echo", headers={"X-Forwarded-For": "203.0.113.7"}).json()["headers"]
    assert headers.get("x-forwarded-for") == seen


def test_a_trace_is_continued(balancer, http):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html"""
    root = "Root=1-67891233-abcdef012345678912345678"
    headers = {"X-Amzn-Trace-Id": f"{root};CalledFrom=app"}
    trace = http.get(f"{balancer().url}/echo", headers=headers).json()["headers"]["x-amzn-trace-id"]
    assert re.fullmatch(rf"Self=1-[0-9a-f]{{8}}-[0-9a-f]{{24}};{root};CalledFrom=app", trace)


def test_a_host_of_ones_own_is_kept(balancer, http):
    at = balancer()
    assert (
        http.get(f"{at.url}/echo", headers={"Host": "shop.example.com"}).json()["headers"]["host"] == "shop.example.com"
    )


def test_the_dns_name_leads_to_it_as_a_host(balancer, engine, http):
    """As a browser asks, for which names below localhost are this machine's."""
    at = balancer()
    port = engine.endpoint_url.rpartition(":")[2]
    event = http.get(f"{engine.endpoint_url}/echo", headers={"Host": f"{at.dns_name}:{port}"}).json()
    assert (event["path"], event["headers"]["host"]) == ("/echo", at.dns_name)


def test_a_browser_of_another_origin_gets_what_the_function_says(balancer, http):
    """A load balancer does not handle CORS."""
    at = balancer()
    answer = http.options(f"{at.url}/echo", headers={"Origin": "https://shop.example.com"})
    assert answer.json()["httpMethod"] == "OPTIONS"
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_twenty_concurrent_requests_get_their_own_responses(balancer):
    at = balancer()
    script = (
        "import asyncio, httpx\n"
        "async def main():\n"
        "    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:\n"
        f"        answers = await asyncio.gather(*(client.get('{at.url}/echo?n=%d' % n) for n in range(20)))\n"
        "    print([answer.json()['queryStringParameters']['n'] for answer in answers])\n"
        "asyncio.run(main())"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str([str(n) for n in range(20)])
