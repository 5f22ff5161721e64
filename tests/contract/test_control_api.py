"""`/_harness/*`, the engine's test API."""

import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest


def test_ready_reports_capabilities_and_versions(engine):
    ready = engine.harness.ready()
    assert ready["ready"] is True
    assert {"faults", "fire", "outbox", "reset", "rest-api-authorizers", "websocket"} <= set(ready["capabilities"])
    assert ready["versions"]["localstack-core"] == "4.14.0"


@pytest.mark.parametrize(
    ("method", "path", "body", "problem"),
    [
        ("PUT", "faults", "{", "not JSON"),
        ("PUT", "faults", "[]", "must be a JSON object"),
        ("PUT", "faults", "{}", "service: Field required"),
        ("PUT", "faults", '{"service":"ses","operations":["SendEmail"],"code":"X","colour":1}', "colour"),
        ("PUT", "faults", '{"service":"ses","operations":["SendEmial"],"code":"X"}', "SendEmial"),
        ("PUT", "faults", '{"service":"sess","operations":["SendEmail"],"code":"X"}', "sess"),
        ("PUT", "faults", '{"service":"ses","operations":["SendEmail"],"code":"X","when":"a ("}', "JMESPath"),
        ("POST", "fire", "{}", '"kind" must say what to fire'),
        ("POST", "fire", '{"kind":"moon-rise"}', "no timer of kind 'moon-rise'"),
        ("POST", "fire", '{"kind":"dynamodb-ttl"}', "table_name"),
        ("GET", "outbox?after=soon", "", "after: 'soon'"),
        ("GET", "outbox?after=-1", "", "after: '-1'"),
        ("GET", "outbox?wait_seconds=nan", "", "wait_seconds"),
        ("GET", "outbox?channel=pigeon", "", "channel: 'pigeon' is none of"),
        ("GET", "outbox?subject=(", "", "not a regular expression"),
        ("GET", "outbox?sender=x", "", "unknown parameter: sender"),
    ],
)
def test_malformed_control_request_returns_400_with_the_problem(engine, method, path, body, problem):
    answer = httpx.request(
        method, f"{engine.endpoint_url}/_harness/{path}", content=body, headers=engine.harness_headers, timeout=30
    )
    assert answer.status_code == 400, answer.text
    assert problem in answer.json()["error"]


def fire(engine, body):
    return httpx.post(
        f"{engine.endpoint_url}/_harness/fire", json=body, headers=engine.harness_headers, trust_env=False, timeout=30
    )


def test_page_names_each_kind_of_fire_and_its_parameters(engine):
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| [^|]+ \| (`[a-z_]+`[^|]*) \|$", Path("docs/reference/fire.md").read_text(), re.MULTILINE
    )
    for kind, takes in rows:
        refused = fire(engine, {"kind": kind, "moon": "rise"})
        assert refused.status_code == 400
        names = re.findall(r"`(\w+)`", takes)
        assert [name for name in names if name not in refused.json()["error"]] == [], refused.text
    unknown = fire(engine, {"kind": "moon-rise"}).json()["error"]
    there_are = {kind.strip() for kind in unknown.partition("there are:")[2].split(",")}
    assert {kind for kind, _ in rows} == there_are


def test_a_fault_that_does_not_exist_is_not_found(engine):
    url = f"{engine.endpoint_url}/_harness/faults/none"
    assert httpx.delete(url, headers=engine.harness_headers, timeout=30).status_code == 404


def test_a_mail_that_ses_accepts_is_in_the_outbox(engine, aws):
    reader = f"{uuid4().hex}@outbox.example"
    aws("ses").verify_email_identity(EmailAddress="sender@outbox.example")
    sent = aws("ses").send_email(
        Source="sender@outbox.example",
        Destination={"ToAddresses": [reader]},
        Message={
            "Subject": {"Data": "Hello"},
            "Body": {"Text": {"Data": "in text"}, "Html": {"Data": "<p>in HTML</p>"}},
        },
    )
    [mail] = engine.harness.outbox(recipient=reader, wait_seconds=5)
    assert mail["message_id"] == sent["MessageId"]
    assert (mail["subject"], mail["text"], mail["html"]) == ("Hello", "in text", "<p>in HTML</p>")
    assert (mail["channel"], mail["source"], mail["sender"]) == ("mail", "ses", "sender@outbox.example")
