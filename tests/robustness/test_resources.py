"""The engine releases what load takes, and no client can lock out another. On an engine with 256 file handles."""

import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from botocore.config import Config

from harness.engine import EmbeddedEngine, Target
from harness.engine.ports import any_free_port
from harness.journal.records import Kind, Phase
from tests.contract.functions import ROLE, archive
from tests.contract.journal.conftest import Journal

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts handles and sets limits in /proc")

HANDLES = 256
SECONDS = {
    "HARNESS_REQUEST_HEAD_SECONDS": "2",
    "HARNESS_REQUEST_BODY_SECONDS": "2",
    "HARNESS_UNREAD_ANSWER_SECONDS": "2",
}
START = f"""
import pathlib, resource, sys
from harness.engine import EmbeddedEngine
resource.setrlimit(resource.RLIMIT_NOFILE, (128, {HANDLES}))
EmbeddedEngine(pathlib.Path(sys.argv[1]), port=int(sys.argv[2])).start()
"""
LIST_QUEUES = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.ListQueues\r\n"
    b"Content-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, "
    b"Signature=0\r\n\r\n{}"
)


@dataclass(frozen=True)
class Limited:
    """An engine that may have 256 file handles, and its process."""

    target: Target
    process: psutil.Process

    def client(self, service: str, **options: Any) -> Any:
        return self.target.client(service, **options)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=30)

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.target.endpoint_url.removeprefix("http://").partition(":")
        return host, int(port)

    def calls_to_itself(self) -> int:
        return sum(
            connection.raddr != () and connection.raddr.port == self.address[1]
            for connection in self.process.net_connections("tcp")
            if connection.status == psutil.CONN_ESTABLISHED
        )


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Limited]:
    folder = tmp_path_factory.mktemp("limited")
    engine = EmbeddedEngine(folder)
    subprocess.run(
        [sys.executable, "-c", START, str(folder), str(any_free_port())], check=True, env={**os.environ, **SECONDS}
    )
    try:
        target = engine.find()
        assert target is not None
        yield Limited(target, psutil.Process(json.loads((folder / "engine.json").read_text())["pid"]))
    finally:
        engine.stop()


def wait_until(condition: Callable[[], bool], saw: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s; last: {saw()}")
        time.sleep(0.1)


def lists_queues(limited: Limited) -> bool:
    return bool(limited.client("sqs").list_queues(MaxResults=10)["ResponseMetadata"]["HTTPStatusCode"] == 200)


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        while data := client.recv(1 << 16):
            del data
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_engine_takes_the_handles_it_may_have(limited: Limited):
    assert resource.prlimit(limited.process.pid, resource.RLIMIT_NOFILE) == (HANDLES, HANDLES)


@pytest.mark.parametrize("asks", [False, True], ids=["silent", "answered"])
def test_300_idle_connections_lock_no_client_out(limited: Limited, asks: bool):
    assert lists_queues(limited)
    with ExitStack() as held:
        idle = []
        for _ in range(300):
            client = held.enter_context(closing(limited.connect()))
            if asks:
                client.sendall(LIST_QUEUES)
                assert client.recv(4096).startswith(b"HTTP/1.1 ")
            idle.append(client)
        assert lists_queues(limited)
        assert limited.process.num_fds() < HANDLES
        kept = HANDLES // 4 + 1
        wait_until(lambda: sum(map(is_closed, idle)) >= 300 - kept, lambda: sum(map(is_closed, idle)))


def test_connection_in_use_outlives_300_idle_ones(limited: Limited):
    queue = limited.client("sqs").create_queue(QueueName=f"held-{uuid4().hex[:8]}")["QueueUrl"]
    journal = Journal(f"{limited.target.endpoint_url}/_harness/journal", 0, limited.target.harness_headers)
    with ThreadPoolExecutor(1) as pool, ExitStack() as held:
        waiting = pool.submit(limited.client("sqs").receive_message, QueueUrl=queue, WaitTimeSeconds=20)
        journal.wait(Kind.CALL, lambda r: r.name == "ReceiveMessage" and queue in str(r.data), Phase.BEGIN)
        for _ in range(300):
            held.enter_context(closing(limited.connect()))
        # Another client: a connection that is kept idle may be closed at the moment of its next request.
        limited.client("sqs").send_message(QueueUrl=queue, MessageBody="still there")
        assert [message["Body"] for message in waiting.result(30)["Messages"]] == ["still there"]


@pytest.mark.parametrize("sent", [b"POST / HT", LIST_QUEUES[:80], LIST_QUEUES[:-1]], ids=["line", "head", "body"])
def test_request_that_does_not_arrive_is_answered_408(limited: Limited, sent: bytes):
    with closing(limited.connect()) as client:
        client.sendall(sent)
        answer = b""
        while piece := client.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408 "), answer


def test_head_that_drips_is_answered_408(limited: Limited):
    with closing(limited.connect()) as client:
        client.sendall(b"GET / HTTP/1.1\r\n")
        client.settimeout(0.2)
        answer, deadline = b"", time.monotonic() + 30
        while not answer and time.monotonic() < deadline:
            client.sendall(b"X-Drip: 1\r\n")
            try:
                answer = client.recv(4096)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 "), answer


def test_client_that_reads_no_answer_is_cut_off(limited: Limited):
    s3, bucket = limited.client("s3"), f"large-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    size = 24 << 20
    s3.put_object(Bucket=bucket, Key="large", Body=bytes(size))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "large"})
    path = url.removeprefix(limited.target.endpoint_url)
    with closing(limited.connect()) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: {limited.address[0]}:{limited.address[1]}\r\n\r\n".encode())
        own = client.getsockname()

        def is_served() -> bool:
            return any(c.raddr and tuple(c.raddr) == own for c in limited.process.net_connections("tcp"))

        wait_until(is_served, lambda: "it is not accepted")
        wait_until(lambda: not is_served(), lambda: "it is still connected")
        client.settimeout(30)
        received = 0
        with suppress(ConnectionError):
            while piece := client.recv(1 << 16):
                received += len(piece)
        assert received < size


def test_engine_without_handles_neither_spins_nor_ends(limited: Limited):
    process, before = limited.process, resource.prlimit(limited.process.pid, resource.RLIMIT_NOFILE)
    assert lists_queues(limited)
    with ExitStack() as held:
        # Not fewer than it has open: the handle that is kept in reserve would be beyond the limit.
        highest = max(int(handle.name) for handle in Path(f"/proc/{process.pid}/fd").iterdir())
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (highest + 1, before[1]))
        try:
            for _ in range(40):
                held.enter_context(closing(limited.connect()))
            # A listener that spins does so in every second; collecting garbage may take one.
            wait_until(
                lambda: process.cpu_percent(interval=1.0) < 60, lambda: "more than 60 % of a processor each second"
            )
        finally:
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    assert lists_queues(limited)


def test_function_has_the_file_handles_of_aws(limited: Limited):
    source = """
        import resource
        def handler(event, context):
            return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    """
    assert _invoke(limited, _function(limited, source)) == min(1024, HANDLES)


def test_burst_leaves_neither_connections_nor_threads(limited: Limited):
    name = _function(limited, "def handler(event, context):\n    return event\n")
    sqs = limited.client("sqs")
    queue = sqs.create_queue(QueueName=f"burst-{uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    limited.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=name)
    _invoke(limited, name)
    threads, handles = limited.process.num_threads(), limited.process.num_fds()
    once = threading.Barrier(12)

    def burst(_number: int) -> None:
        config = Config(retries={"total_max_attempts": 10, "mode": "standard"})
        functions, queues = limited.client("lambda", config=config), limited.client("sqs", config=config)
        once.wait(60)
        for turn in range(8):
            functions.invoke(FunctionName=name, Payload=b"1")
            functions.invoke(FunctionName=name, InvocationType="Event", Payload=b"1")
            queues.send_message(QueueUrl=queue, MessageBody=str(turn))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(burst, range(12)))
    assert limited.calls_to_itself() == 0

    def is_given_back() -> bool:
        # The function's environments stay for the next event: a thread, six handles each at most.
        environments = len(limited.process.children(recursive=True)) - 1
        return (
            limited.process.num_threads() <= threads + environments + 8
            and limited.process.num_fds() <= handles + 6 * environments + 16
        )

    wait_until(is_given_back, lambda: (threads, limited.process.num_threads(), handles, limited.process.num_fds()))
    # With 256 handles no more than these wait for an event.
    assert len(limited.process.children(recursive=True)) - 1 <= HANDLES // 4 // 6


def test_50_resets_leave_nothing(limited: Limited):
    sqs, sns = limited.client("sqs"), limited.client("sns")

    def round_of_use(number: int) -> None:
        queue = sqs.create_queue(QueueName="reset")["QueueUrl"]
        sns.create_topic(Name="reset")
        if number % 10 == 0:
            name = _function(limited, "def handler(event, context):\n    return event\n", name="reset")
            arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            limited.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=name)
            assert _invoke(limited, name) is None
        limited.target.harness.reset(scope="all")

    for number in (0, 1, 10):
        round_of_use(number)
    threads, handles = limited.process.num_threads(), limited.process.num_fds()
    for number in range(50):
        round_of_use(number)
    wait_until(
        lambda: limited.process.num_threads() <= threads + 8 and limited.process.num_fds() <= handles + 8,
        lambda: (threads, limited.process.num_threads(), handles, limited.process.num_fds()),
    )


def _function(limited: Limited, source: str, name: str = "") -> str:
    functions, name = limited.client("lambda"), name or f"resources-{uuid4().hex[:8]}"
    functions.create_function(
        FunctionName=name,
        Runtime=f"python3.{sys.version_info.minor}",
        Handler="index.handler",
        Role=_role(limited),
        Code={"ZipFile": archive({"index.py": source})},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return name


def _role(limited: Limited) -> str:
    iam = limited.client("iam")
    trust = {
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    }
    rights = {"Statement": [{"Effect": "Allow", "Action": ["sqs:*", "logs:*"], "Resource": "*"}]}
    name = ROLE.rpartition("/")[2]
    if name not in [role["RoleName"] for role in iam.list_roles()["Roles"]]:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", **trust}))
        iam.put_role_policy(
            RoleName=name, PolicyName="all", PolicyDocument=json.dumps({"Version": "2012-10-17", **rights})
        )
    return ROLE


def _invoke(limited: Limited, name: str) -> Any:
    return json.loads(limited.client("lambda").invoke(FunctionName=name, Payload=b"null")["Payload"].read())
