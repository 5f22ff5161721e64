"""The load balancer's way in: what is a click is taken, what is none is refused, and nothing personal is kept."""

import json
import uuid
from typing import Any

import httpx
import pytest

from fixtures.analytics import Analytics, Collector, click_sent, known_as, unique_album
from harness import Faults, Kind, NewFlow


def test_a_click_in_the_browser_is_counted(flow: NewFlow, analytics: Analytics, collector: Collector):
    album = unique_album()
    click = click_sent(album, kind="like")
    with flow() as f:
        answer = collector.send(click)
    f.settle(hurry=True)
    assert (answer.status_code, answer.json()) == (202, {"click_id": click["click_id"]})
    assert analytics.counted(album) == {"clicks": 1, "clicks_like": 1}
    [archived] = analytics.archived(album)
    assert analytics.journey(archived["visitor"]) == ["like"]


def test_a_click_that_the_page_sends_as_it_is_left_is_counted(
    flow: NewFlow, analytics: Analytics, collector: Collector
):
    """sendBeacon says text/plain (https://developer.mozilla.org/en-US/docs/Web/API/Navigator/sendBeacon)."""
    album = unique_album()
    with flow() as f:
        answer = collector.send(click_sent(album), content_type="text/plain;charset=UTF-8")
    f.settle(hurry=True)
    assert answer.status_code == 202
    assert analytics.counted(album)["clicks"] == 1


def test_base64_encoded_click_from_load_balancer_is_counted(flow: NewFlow, analytics: Analytics, collector: Collector):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#receive-event-from-load-balancer"""
    album = unique_album()
    with flow() as f:
        answer = collector.send(click_sent(album), content_type="application/octet-stream")
    f.settle(hurry=True)
    assert answer.status_code == 202
    assert analytics.counted(album)["clicks"] == 1


def test_visitor_id_is_stable_for_a_day_and_anonymous(flow: NewFlow, analytics: Analytics, collector: Collector):
    album, visitor = unique_album(), str(uuid.uuid4())
    telling = {
        "User-Agent": "Lynx/2.9 of Ada Lovelace",
        "Cookie": "session=ada",
        "Referer": "https://lumen.example/ada",
        "X-Forwarded-For": "203.0.113.77",
    }
    with flow() as f:
        for kind in ("open", "share"):
            assert collector.send(click_sent(album, visitor_id=visitor, kind=kind), headers=telling).status_code == 202
    f.settle(hurry=True)
    archived = analytics.archived(album)
    assert len({(click["at"][:10], click["visitor"]) for click in archived}) == len(
        {click["at"][:10] for click in archived}
    )
    kept = json.dumps([archived, analytics.logged(f)])
    assert len(archived) == 2
    for secret in (visitor, "Lynx", "Lovelace", "session", "lumen.example", "203.0.113.77"):
        assert secret not in kept
    assert {frozenset(click) for click in archived} == {frozenset({"click_id", "visitor", "album_id", "kind", "at"})}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"click_id": None}, "click_id"),
        ({"click_id": "1"}, "click_id"),
        ({"visitor_id": "ada@people.example"}, "visitor_id"),
        ({"album_id": ""}, "album_id"),
        ({"album_id": "a" * 129}, "album_id"),
        ({"kind": "steal"}, "kind"),
        ({"kind": ["open"]}, "kind"),
        ({"email": "ada@people.example"}, "email"),
        ({"at": "2026-01-01T00:00:00.000Z"}, "at"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_invalid_click_is_refused_and_not_put_on_the_stream(
    flow: NewFlow, collector: Collector, change: dict[str, Any], told: str
):
    with flow() as f:
        answer = collector.send(click_sent(unique_album()) | change)
    f.settle()
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert told in answer.json()["detail"]
    assert f.find(Kind.CALL, service="kinesis") == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'"click"', b"null"], ids=repr)
def test_a_body_that_is_no_object_is_refused(flow: NewFlow, collector: Collector, body: bytes):
    with flow() as f:
        # Of this type the load balancer makes base64, whatever the bytes are.
        answer = collector.post(body, content_type="application/octet-stream")
    f.settle()
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid click")
    assert f.find(Kind.CALL, service="kinesis") == []


def test_a_body_that_is_too_large_is_refused(flow: NewFlow, collector: Collector):
    with flow() as f:
        answer = collector.send(click_sent("a" * 3000))
    f.settle()
    assert answer.status_code == 413
    assert f.find(Kind.CALL, service="kinesis") == []


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/clicks", 405), ("PUT", "/clicks", 405), ("POST", "/other", 404)]
)
def test_request_outside_the_listener_rules_invokes_no_function(
    flow: NewFlow, http: httpx.Client, collector: Collector, method: str, path: str, status: int
):
    with flow() as f:
        answer = http.request(method, f"{collector.base_url}{path}", json=click_sent(unique_album()))
    f.settle()
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert f.find(Kind.INVOCATION) == []


def test_click_throttled_by_stream_is_counted_when_sent_again(
    flow: NewFlow, analytics: Analytics, collector: Collector, faults: Faults
):
    album = unique_album()
    click = click_sent(album)
    mine = f"contains(`{json.dumps(known_as(click['visitor_id']))}`, PartitionKey)"
    with faults.failing("kinesis", "PutRecord", code="ProvisionedThroughputExceededException", when=mine) as fault:
        with flow() as f:
            refused = collector.send(click)
        f.settle()
        # The function's SDK tries twice.
        assert fault.struck == 2
    assert (refused.status_code, refused.json()["title"]) == (503, "Not taken")
    assert analytics.counted(album) == {}
    with flow() as again:
        assert collector.send(click).status_code == 202
    again.settle(hurry=True)
    assert analytics.counted(album) == {"clicks": 1, "clicks_open": 1}


def test_a_click_that_the_browser_sends_again_is_counted_once(
    flow: NewFlow, analytics: Analytics, collector: Collector
):
    album = unique_album()
    click = click_sent(album)
    with flow() as f:
        assert [collector.send(click).status_code for _time in range(3)] == [202] * 3
    f.settle(hurry=True)
    assert analytics.counted(album) == {"clicks": 1, "clicks_open": 1}
