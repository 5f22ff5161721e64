"""Malformed requests at the harness's entry points: `/_harness/*`, WebSocket APIs, forms. Each gets a response, never 500."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.robustness.fuzzing import fuzz

ANSWER_SECONDS = 30
MAX_TARGET = 12_000
"""Request lines of more than 16 kB are the server's to refuse."""
ROUTES = ("ready", "journal", "outbox", "faults", "iam", "fire", "preload", "reset", "cloudformation/types")
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "BREW")
FIELDS = (
    *("service", "operations", "code", "message", "status", "when", "times", "fault_id", "kind", "scope", "account_id"),
    *("resource_types", "mode", "activities", "table_name", "name", "stack_name"),
)
PARAMETERS = ("after", "recipient", "channel", "subject", "limit", "trace", "follow", "pretty")


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def send(endpoint: str, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
    """One request as it is, on a new connection. Raises TimeoutError where nothing is answered."""
    split = urlsplit(endpoint)
    connection = http.client.HTTPConnection(split.hostname or "", split.port, timeout=ANSWER_SECONDS)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name, value.encode("utf-8", "surrogateescape"))
        connection.endheaders(body)
        answer = connection.getresponse()
        # A journal that is followed has no end.
        return Answer(answer.status, answer.read(65536) if answer.chunked or answer.length is None else answer.read())
    finally:
        connection.close()


def control_headers(engine: Any) -> dict[str, str]:
    """What the harness's own client sends with every request, a token among it."""
    return {
        name: value for name, value in engine.harness._http.headers.items() if name.startswith(("x-", "authorization"))
    }


deep = st.builds(
    lambda depth, opening, ending: (opening * depth + "1" + ending * depth).encode(),
    st.integers(1, 20_000),
    st.just('{"a":'),
    st.just("}"),
) | st.integers(1, 50_000).map(lambda depth: b'{"kind":' + b"[" * depth)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["ses", "SendEmail", "all", "data", "enforce", "\ud800", "9" * 4000, "1e400", "../..", "a ("])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), values, max_size=5).map(
    lambda document: json.dumps({"colour": 1, **document}).encode()
)
bodies = st.one_of(
    documents,
    documents.map(lambda body: body.decode().encode("utf-16")),
    deep,
    values.map(lambda value: json.dumps(value).encode()).filter(lambda body: not body.startswith(b"{")),
    st.binary(min_size=1, max_size=200).filter(lambda body: not body.strip().startswith(b"{")),
    st.sampled_from([b'{"times":1e999}', b'{"a":NaN}', b'{"a":' + b"9" * 5000 + b"}", b"\xff\xfe", b'{"a":"\\ud800"}']),
)
encodings = st.sampled_from(["identity", "gzip", "deflate", "br", "gzip, gzip", "\xe9"])
types = st.sampled_from(
    ["application/json", "application/x-amz-json-1.1", "multipart/form-data", "text/plain", "a/b; c"]
)
texts = st.text(max_size=30) | st.sampled_from(
    ["-1", "nan", "1e999", "9" * 5000, "(a|aa)+$", "(" * 2000, "\0", "a" * 4000]
)


@fuzz
@given(
    method=st.sampled_from(METHODS),
    route=st.sampled_from(ROUTES) | st.text(max_size=12).map(lambda text: quote(text, safe="/%;")),
    query=st.lists(st.tuples(st.sampled_from(PARAMETERS) | st.text(max_size=8), texts), max_size=4),
    body=bodies | st.just(b""),
    encoding=encodings,
    content_type=types,
    compressed=st.booleans(),
)
def test_harness_api_answers_any_request(engine, method, route, query, body, encoding, content_type, compressed):
    # Do not send requests that would delete state of concurrent tests; no body here is a valid one.
    if method == "DELETE" and route in ("outbox", "faults", "iam"):
        route = f"faults/{uuid4().hex}"
    if method in ("POST", "PUT") and not body:
        body = b"[]"
    headers = {**control_headers(engine), "Content-Type": content_type}
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    if compressed:
        body = gzip.compress(body)
    pairs = "&".join(
        f"{quote(name, errors='surrogatepass')}={quote(text, errors='surrogatepass')}" for name, text in query
    )
    answer = send(engine.endpoint_url, method, f"/_harness/{route}?{pairs}"[:MAX_TARGET], headers, body)
    assert answer.status < 500, answer
    assert engine.harness.ready()["ready"]


@pytest.fixture(scope="module")
def websocket_url(engine):
    """A WebSocket API that accepts any message and responds to none."""
    client = engine.client("apigatewayv2")
    api = client.create_api(
        Name=f"robust-{uuid4().hex[:8]}", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    integration = client.create_integration(
        ApiId=api, IntegrationType="MOCK", RequestTemplates={"$default": '{"statusCode": 200}'}
    )
    client.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{integration['IntegrationId']}")
    client.create_stage(ApiId=api, StageName="dev", AutoDeploy=True)
    yield f"{engine.endpoint_url}/_aws/ws/{api}/dev"
    client.delete_api(ApiId=api)


def exchange(url: str, upgrade: bytes, frames: bytes = b"") -> bytes:
    """What is answered to a handshake and what follows it, up to the end of the connection or the first pause."""
    split = urlsplit(url)
    with socket.create_connection((split.hostname or "", split.port or 0), timeout=ANSWER_SECONDS) as connection:
        connection.sendall(upgrade)
        answered = b""
        while b"\r\n\r\n" not in answered:
            piece = connection.recv(65536)
            if not piece:
                return answered
            answered += piece
        if not answered.startswith(b"HTTP/1.1 101") or not frames:
            return answered
        try:
            connection.sendall(frames)
            # The engine responds to our close frame, unless it has closed the connection before.
            connection.sendall(frame(0x8, (1000).to_bytes(2, "big")))
            while piece := connection.recv(65536):
                answered += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
        return answered


def handshake(url: str, headers: dict[str, str], method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    split = urlsplit(url)
    lines = [f"{method} {split.path} {version}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def upgrade(url: str, **other: str | None) -> dict[str, str]:
    headers: dict[str, str | None] = {
        "Host": urlsplit(url).netloc,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        **{name.replace("_", "-"): value for name, value in other.items()},
    }
    return {name: value for name, value in headers.items() if value is not None}


def frame(
    opcode: int, payload: bytes, *, final: bool = True, reserved: int = 0, masked: bool = True, claimed: int = -1
) -> bytes:
    """A frame according to RFC 6455, or one that claims a wrong length."""
    length = len(payload) if claimed < 0 else claimed
    head = bytes([(0x80 if final else 0) | (reserved << 4) | opcode])
    mask = 0x80 if masked else 0
    if length < 126:
        head += bytes([mask | length])
    elif length < 1 << 16:
        head += bytes([mask | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([mask | 127]) + min(length, (1 << 64) - 1).to_bytes(8, "big")
    if not masked:
        return head + payload
    return head + b"\1\2\3\4" + bytes(byte ^ (1, 2, 3, 4)[place % 4] for place, byte in enumerate(payload))


def status_of(answered: bytes) -> int:
    assert answered.startswith(b"HTTP/1."), answered[:200]
    return int(answered.split(b" ", 2)[1])


header_texts = st.text(st.characters(codec="latin-1", exclude_categories=("Cc",)), max_size=30).map(str.strip)


@fuzz
@given(
    method=st.sampled_from(["GET", "POST", "HEAD"]),
    version=st.sampled_from(["HTTP/1.1", "HTTP/1.0"]),
    changed=st.dictionaries(
        st.sampled_from(
            [
                "Connection",
                "Upgrade",
                "Sec_WebSocket_Version",
                "Sec_WebSocket_Key",
                "Sec_WebSocket_Protocol",
                "Sec_WebSocket_Extensions",
                "X_Amzn_Trace_Id",
            ]
        ),
        st.none()
        | header_texts
        | st.sampled_from(["99", "0", "13, 8", "websocket", "keep-alive, Upgrade", "permessage-deflate"]),
        max_size=3,
    ),
    stage=st.sampled_from(["", "/", "/none", "/%00"]),
)
def test_handshake_of_any_form_is_answered(engine, websocket_url, method, version, changed, stage):
    url = websocket_url + stage
    answered = exchange(url, handshake(url, upgrade(url, **changed), method, version))
    assert status_of(answered) < 500, answered[:500]
    assert engine.harness.ready()["ready"]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 101),
        ({"Sec_WebSocket_Version": "99"}, 426),
        ({"Sec_WebSocket_Version": None}, 400),
        ({"Sec_WebSocket_Key": "short"}, 400),
        ({"Sec_WebSocket_Key": None}, 400),
        ({"Connection": None}, 400),
    ],
)
def test_handshake_is_answered_as_the_protocol_has_it(websocket_url, changed, status):
    """https://www.rfc-editor.org/rfc/rfc6455#section-4.4"""
    answered = exchange(websocket_url, handshake(websocket_url, upgrade(websocket_url, **changed)))
    assert status_of(answered) == status, answered[:500]
    if status == 426:
        assert b"sec-websocket-version: 13" in answered.lower()


def test_address_without_a_stage_is_forbidden(websocket_url):
    url = websocket_url.removesuffix("/dev")
    assert status_of(exchange(url, handshake(url, upgrade(url)))) == 403


pieces = st.binary(max_size=40) | st.sampled_from(
    [b'{"action":"x"}', b"\xff\xfe", b"\xed\xa0\x80", b"a" * 33_000, b"[" * 20_000]
)
any_frame = st.builds(
    frame,
    st.integers(0, 15),
    pieces,
    final=st.booleans(),
    reserved=st.sampled_from([0, 0, 0, 1, 4, 7]),
    masked=st.sampled_from([True, True, True, False]),
    claimed=st.sampled_from([-1, -1, -1, 5, 1 << 20, 1 << 63, (1 << 64) - 1]),
)
fragmented = st.lists(pieces, min_size=2, max_size=6).map(
    lambda parts: b"".join(
        frame(0x1 if place == 0 else 0x0, part, final=place == len(parts) - 1) for place, part in enumerate(parts)
    )
)


@fuzz
@given(frames=st.lists(any_frame | fragmented, min_size=1, max_size=5))
def test_frames_of_any_form_end_with_the_connection(engine, websocket_url, frames):
    answered = exchange(websocket_url, handshake(websocket_url, upgrade(websocket_url)), b"".join(frames) + b"\0" * 14)
    assert status_of(answered) == 101, answered[:500]
    assert engine.harness.ready()["ready"]


form_names = st.sampled_from(
    [
        "key",
        "policy",
        "x-amz-signature",
        "x-amz-credential",
        "x-amz-date",
        "acl",
        "file",
        "success_action_status",
        "tagging",
    ]
)
form_values = st.binary(max_size=40) | st.sampled_from(
    [
        base64.b64encode(b'{"conditions":[]}'),
        base64.b64encode(b"[" * 3000),
        b"\xff",
        b"../..",
        b"a" * 3000,
        b"${filename}",
        b"201",
    ]
)


@pytest.fixture(scope="module")
def form_bucket(engine):
    client, name = engine.client("s3"), f"robust-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=name)
    yield name
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
        for listed in page.get("Contents", []):
            client.delete_object(Bucket=name, Key=listed["Key"])
    client.delete_bucket(Bucket=name)


@fuzz
@given(
    fields=st.lists(st.tuples(form_names | st.text(max_size=8), form_values), max_size=6),
    boundary=st.sampled_from(["b", "b", "b", "", '"', "b" * 200, "\xe9"]),
    ending=st.sampled_from([b"--b--\r\n", b"--b--\r\n", b"", b"--b", b"\r\n--b\r\n\r\n"]),
    disposition=st.sampled_from(["form-data", "form-data", "attachment", ""]),
    length=st.sampled_from([0, 0, -5]),
)
def test_form_of_any_form_is_answered(engine, form_bucket, fields, boundary, ending, disposition, length):
    body = b"".join(
        f'--b\r\nContent-Disposition: {disposition}; name="{name}"'.encode("utf-8", "replace")
        + (b'; filename="f"' if name == "file" else b"")
        + b"\r\n\r\n"
        + value
        + b"\r\n"
        for name, value in fields
    )
    body += ending
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    if length:
        headers["Content-Length"] = str(max(len(body) + length, 0))
    answer = send(engine.endpoint_url, "POST", f"/{form_bucket}", headers, body)
    assert answer.status < 500, answer
    assert engine.harness.ready()["ready"]
