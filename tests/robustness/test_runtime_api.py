"""The Lambda Runtime API of an environment: who may use it, and what malformed requests do to it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.lambda_ import runtime_server
from harness.emulator.lambda_.runtime_api import (
    MAX_RESPONSE_BYTES,
    HandlerResult,
    InitError,
    Invocation,
    RuntimeApi,
    RuntimeReady,
)
from harness.emulator.lambda_.runtime_server import PREFIX, RuntimeServer
from tests.robustness.fuzzing import fuzz

IN_FLIGHT = "00000000-0000-4000-8000-000000000001"
ANOTHER = "00000000-0000-4000-8000-000000000002"
NEXT = f"{PREFIX}/invocation/next"
SECONDS = 10


def response_to(request_id: str) -> str:
    return f"{PREFIX}/invocation/{request_id}/response"


def event(request_id: str) -> Invocation:
    return Invocation(request_id, "arn:aws:lambda:us-east-1:000000000000:function:f", b'{"n": 1}', "Root=1-0-0", 1)


@dataclass
class Environment:
    """The Runtime API of an environment whose processes are those of this test's session."""

    api: RuntimeApi
    server: RuntimeServer

    def __post_init__(self) -> None:
        host, port = self.server.address.split(":")
        self.address = (host, int(port))

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        client = HTTPConnection(*self.address, timeout=SECONDS)
        with contextlib.closing(client):
            client.request(method, path, body, headers or {})
            answer = client.getresponse()
            return answer.status, json.loads(answer.read())

    def send(self, request: bytes) -> bytes:
        """What is answered to these bytes and nothing after them."""
        with socket.create_connection(self.address, timeout=SECONDS) as client:
            with contextlib.suppress(ConnectionError):
                client.sendall(request)
            # Refused before all of it was read: then the connection is closed already.
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(ConnectionError):
                while piece := client.recv(1 << 16):
                    answer += piece
            return answer

    def take(self) -> None:
        """Request the next event, as the runtime does; the event is in flight from then on."""
        self.api.offer(event(IN_FLIGHT))
        status, payload = self.ask("GET", NEXT)
        assert (status, payload) == (200, {"n": 1})

    def answer(self) -> HandlerResult:
        """The runtime's response to the event in flight arrives, and no other response was accepted before."""
        assert self.ask("POST", response_to(IN_FLIGHT), b'"done"')[0] == 202
        happened = []
        while not self.api.happenings.empty():
            happened.append(self.api.happenings.get())
        assert [type(each) for each in happened] == [RuntimeReady, HandlerResult]
        return happened[1]


@contextlib.contextmanager
def served(session: int) -> Iterator[Environment]:
    """It ends with the assertion that no handler of a request has raised, which the engine's log would show."""
    raised: list[BaseException | None] = []
    reported = runtime_server._Server.handle_error

    def handle_error(self: Any, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            raised.append(sys.exception())
        reported(self, request, client_address)

    api = RuntimeApi()
    server = RuntimeServer(api)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime_server._Server, "handle_error", handle_error)
        server.serve(session)
        try:
            yield Environment(api, server)
        finally:
            server.close()
    assert raised == []


@pytest.fixture
def environment() -> Iterator[Environment]:
    with served(os.getsid(0)) as environment:
        yield environment


def test_event_in_flight_is_answered_once(environment):
    environment.take()
    assert environment.answer() == HandlerResult(IN_FLIGHT, b'"done"', is_error=False)

    again = environment.ask("POST", response_to(IN_FLIGHT), b'"again"')

    assert again == (400, {"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"})
    assert environment.api.happenings.empty()


@pytest.mark.parametrize("outcome", ["response", "error"])
def test_other_request_id_is_refused_without_effect(environment, outcome):
    environment.take()

    status, body = environment.ask("POST", f"{PREFIX}/invocation/{ANOTHER}/{outcome}", b'"forged"')

    assert (status, body["errorType"]) == (400, "InvalidRequestID")
    assert environment.answer().body == b'"done"'


def test_answer_before_any_event_is_refused(environment):
    environment.api.offer(event(IN_FLIGHT))

    assert environment.ask("POST", response_to(IN_FLIGHT), b'"early"')[0] == 400
    assert environment.api.happenings.empty()


def test_next_event_while_one_is_in_flight_is_refused(environment):
    environment.take()
    environment.api.offer(event(ANOTHER))

    status, body = environment.ask("GET", NEXT)

    assert (status, body["errorType"]) == (403, "InvalidStateTransition")
    assert environment.answer().request_id == IN_FLIGHT


def test_init_error_after_init_is_refused_without_effect(environment):
    environment.take()

    status, body = environment.ask("POST", f"{PREFIX}/init/error", b'{"errorType": "Forged"}')

    assert (status, body["errorType"]) == (403, "InvalidStateTransition")
    assert environment.answer().body == b'"done"'


def test_init_error_before_init_ends_it(environment):
    assert environment.ask("POST", f"{PREFIX}/init/error", b'{"errorType": "Bad"}')[0] == 202
    assert environment.api.happenings.get() == InitError(b'{"errorType": "Bad"}')


def test_event_goes_to_the_last_request_for_it(environment):
    """A runtime whose connection was cut sends its request again; the first request has no reader any more."""
    with socket.create_connection(environment.address, timeout=SECONDS) as first:
        first.sendall(f"GET {NEXT} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert environment.api.happenings.get(timeout=SECONDS) == RuntimeReady()
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(environment.ask, "GET", NEXT)
            # The server closes the first, and only then is there one reader to give the event to.
            assert first.recv(1) == b""
            environment.api.offer(event(IN_FLIGHT))
            assert second.result(SECONDS) == (200, {"n": 1})


def test_response_over_the_limit_is_an_error_of_the_function(environment):
    environment.take()

    status, body = environment.ask("POST", response_to(IN_FLIGHT), b"x" * (MAX_RESPONSE_BYTES + 1))

    assert (status, body["errorType"]) == (413, "RequestEntityTooLarge")
    happened = [environment.api.happenings.get(), environment.api.happenings.get()][1]
    assert isinstance(happened, HandlerResult)
    assert happened.is_error
    assert json.loads(happened.body)["errorType"] == "Function.ResponseSizeTooLarge"


def test_body_without_end_is_not_read_without_limit(environment, monkeypatch):
    monkeypatch.setattr(runtime_server, "MAX_BODY_BYTES", 8 * 1024 * 1024)
    environment.take()
    sent = 0
    with socket.create_connection(environment.address, timeout=SECONDS) as client:
        client.sendall(f"POST {response_to(IN_FLIGHT)} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        with contextlib.suppress(ConnectionError):
            while sent < 64 * 1024 * 1024:
                client.sendall(chunk)
                sent += 0x10000

    assert sent < 32 * 1024 * 1024
    assert environment.answer().body == b'"done"'


MALFORMED = {
    "length is no number": b"Content-Length: many\r\n\r\nxx",
    "length is negative": b"Content-Length: -1\r\n\r\nxx",
    "two lengths": b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    "length beyond the body": b"Content-Length: 999\r\n\r\nxx",
    "length of a thousand digits": b"Content-Length: " + b"9" * 1000 + b"\r\n\r\nxx",
    "length with underscore": b"Content-Length: 0_2\r\n\r\nxx",
    "length and chunks": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunk size is no number": b"Transfer-Encoding: chunked\r\n\r\nmany\r\nxx\r\n0\r\n\r\n",
    "chunk size is negative": b"Transfer-Encoding: chunked\r\n\r\n-2\r\nxx\r\n0\r\n\r\n",
    "chunk size is empty": b"Transfer-Encoding: chunked\r\n\r\n\r\nxx\r\n0\r\n\r\n",
    "chunk size is huge": b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nxx\r\n0\r\n\r\n",
    "chunk size has no end": b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 100_000,
    "chunk is longer than its size": b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
    "chunks have no end": b"Transfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n",
    "trailers have no end": b"Transfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n0\r\n" + b"A: b\r\n" * 10_000,
}


@pytest.mark.parametrize("rest", MALFORMED.values(), ids=MALFORMED)
def test_malformed_body_is_refused_without_effect(environment, rest):
    environment.take()

    answer = environment.send(f"POST {response_to(IN_FLIGHT)} HTTP/1.1\r\nHost: x\r\n".encode() + rest)

    assert answer.startswith(b"HTTP/1.1 400 ") or not answer
    assert environment.answer().body == b'"done"'


def test_chunked_body_with_trailers_is_read_whole(environment):
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming"""
    environment.take()
    chunks = b"2\r\n[1\r\n3;x=y\r\n,2]\r\n0\r\nLambda-Runtime-Function-Error-Type: none\r\n\r\n"

    answer = environment.send(
        f"POST {response_to(IN_FLIGHT)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks
    )

    assert answer.startswith(b"HTTP/1.1 202 ")
    assert [environment.api.happenings.get() for _ in range(2)][1] == HandlerResult(IN_FLIGHT, b"[1,2]", is_error=False)


tokens = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
methods = st.one_of(st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT"]), tokens)
# All but the one path that ends the event in flight.
paths = st.one_of(
    st.sampled_from(
        [
            "/",
            "*",
            NEXT,
            NEXT + "/",
            NEXT + "?x",
            PREFIX,
            f"{PREFIX}/init/error",
            f"/init/error{PREFIX}",
            response_to(ANOTHER),
            response_to(""),
            response_to(IN_FLIGHT) + "/",
            response_to(IN_FLIGHT) + "?x",
            response_to(f"../{IN_FLIGHT}"),
            response_to(f"{IN_FLIGHT}%00"),
            f"/invocation/{IN_FLIGHT}/response",
            "/2020-01-01/extension/register",
        ]
    ),
    tokens,
    tokens.map(lambda text: f"{PREFIX}/invocation/{text}/response"),
)
bodies = st.one_of(st.binary(max_size=300), st.just(b"x" * 100_000))
headers = st.one_of(
    st.sampled_from([rest.partition(b"\r\n\r\n")[0] for rest in MALFORMED.values()]),
    st.integers(-3, 400).map(lambda length: f"Content-Length: {length}".encode()),
    st.just(b"Expect: 100-continue"),
    st.just(b"Connection: Upgrade\r\nUpgrade: h2c"),
    st.binary(max_size=60),
)
chunked = st.lists(st.tuples(st.integers(-1, 400), st.binary(max_size=40)), max_size=4).map(
    lambda chunks: b"".join(f"{size:x}\r\n".encode() + data + b"\r\n" for size, data in chunks)
)
requests = st.builds(
    lambda method, path, version, head, body: (
        f"{method} {path} {version}\r\n".encode() + b"\r\n".join([*head, b"", b""]) + body
    ),
    methods,
    paths,
    st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/one", ""]),
    st.lists(headers, max_size=3),
    st.one_of(bodies, chunked),
)


def is_graceful(answer: bytes) -> bool:
    """No answer, or only such as blame the client."""
    first = answer.partition(b"\r\n")[0]
    return not first.startswith(b"HTTP/") or first.split()[1] in {b"100", *(str(n).encode() for n in range(400, 500))}


@fuzz
@given(request=st.one_of(requests, st.binary(max_size=200)))
def test_any_request_of_the_runtime_leaves_its_event(request):
    with served(os.getsid(0)) as environment:
        environment.take()

        answer = environment.send(request)

        assert is_graceful(answer), answer[:200]
        assert environment.answer().body == b'"done"'


@fuzz
@given(request=st.one_of(requests, st.just(f"GET {NEXT} HTTP/1.1\r\n\r\n".encode())))
def test_any_request_of_another_session_is_refused(request):
    with served(1) as environment:
        environment.api.offer(event(IN_FLIGHT))

        answer = environment.send(request)

        assert answer.startswith(b"HTTP/1.1 403 ") or not answer, answer[:200]
        assert environment.api.happenings.empty()


def test_other_session_is_refused_in_words():
    with served(1) as environment:
        status, body = environment.ask("GET", NEXT)

    assert status == 403
    assert "execution environment only" in body["errorMessage"]


def test_connection_over_ipv6_is_known_by_its_process(environment):
    """Java's sockets are of IPv6, also to an address of IPv4."""
    environment.api.offer(event(IN_FLIGHT))
    with socket.socket(socket.AF_INET6) as client:
        client.settimeout(SECONDS)
        client.connect((f"::ffff:{environment.address[0]}", environment.address[1]))
        client.sendall(f"GET {NEXT} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 200"


ATTACK = """
import http.client, json, sys
def attack(address, request_id):
    said = []
    for method, path in [
        ("GET", "/2018-06-01/runtime/invocation/next"),
        ("POST", f"/2018-06-01/runtime/invocation/{request_id}/response"),
        ("POST", f"/2018-06-01/runtime/invocation/{request_id}/error"),
        ("POST", "/2018-06-01/runtime/init/error"),
    ]:
        client = http.client.HTTPConnection(address, timeout=10)
        client.request(method, path, json.dumps("forged") if method == "POST" else None)
        said.append(client.getresponse().status)
    return said
"""

WAITS = """
import boto3, json, os
sqs = boto3.client("sqs")
def handler(event, context):
    told = {"address": os.environ["AWS_LAMBDA_RUNTIME_API"], "request_id": context.aws_request_id}
    sqs.send_message(QueueUrl=event["told"], MessageBody=json.dumps(told))
    while not sqs.receive_message(QueueUrl=event["go_on"], WaitTimeSeconds=5).get("Messages"):
        pass
    return "genuine"
"""


@pytest.fixture
def another_queue(aws: Callable[[str], Any]) -> Iterator[str]:
    url = aws("sqs").create_queue(QueueName=f"robust-{uuid4().hex[:12]}")["QueueUrl"]
    yield url
    aws("sqs").delete_queue(QueueUrl=url)


@pytest.mark.requires("callbacks")
def test_no_other_process_answers_for_a_function(engine, function, queue, another_queue, aws):
    """Neither another function of the engine, nor a program of this machine."""
    if engine.engine != "embedded":
        pytest.skip("a program of this machine cannot connect to the loopback interface of a container")
    victim = function(WAITS)
    robber = function(ATTACK + "def handler(event, context): return attack(**event)\n")
    said: list[Any] = []
    invoking = threading.Thread(
        target=lambda: said.append(victim.invoke({"told": queue.url, "go_on": another_queue}).payload)
    )
    invoking.start()
    try:
        told = json.loads(queue.receive()["Body"])
        attack = f"{ATTACK}\nprint(attack(**{told!r}))"
        by_program = subprocess.run([sys.executable, "-c", attack], capture_output=True, text=True, check=False)
        by_function = robber.invoke(told).payload
    finally:
        aws("sqs").send_message(QueueUrl=another_queue, MessageBody="go on")
        invoking.join()

    assert by_program.stdout.strip() == "[403, 403, 403, 403]", by_program.stderr
    assert by_function == [403, 403, 403, 403]
    assert said == ["genuine"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="a runtime of shell and curl needs curl")
def test_runtime_of_child_processes_answers(function):
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-walkthrough.html: each call is a process, curl."""
    bootstrap = """
        #!/bin/sh
        while true; do
          HEADERS="$(mktemp)"
          EVENT="$(curl -sS -LD "$HEADERS" "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/next")"
          ID=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$HEADERS" | tr -d '[:space:]' | cut -d: -f2)
          curl -sS "http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation/$ID/response" -d "[$EVENT]"
        done
    """
    made = function(bootstrap, path="bootstrap", Runtime="provided.al2023")

    assert [made.invoke(n).payload for n in range(3)] == [[0], [1], [2]]
