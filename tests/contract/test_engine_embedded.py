"""The embedded engine's life: it starts, is found again, survives and ends cleanly. Each test has a separate engine."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from harness.engine import EmbeddedEngine
from harness.engine.ports import any_free_port
from harness.errors import EngineError


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(tmp_path, port=any_free_port())
    yield engine
    engine.stop()


def _pid(directory: Path) -> int:
    return int(json.loads((directory / "engine.json").read_text())["pid"])


def _accepts(port: int, address: str = "127.0.0.1") -> bool:
    with socket.socket() as client:
        client.settimeout(2)
        return client.connect_ex((address, port)) == 0


def test_engine_is_found_by_another_process_and_stops_cleanly(own: EmbeddedEngine, tmp_path: Path):
    target = own.start()
    assert own.port is not None
    other = (
        "import sys, pathlib; from harness.engine import EmbeddedEngine as E; "
        "print(E(pathlib.Path(sys.argv[1])).start().endpoint_url)"
    )
    found = subprocess.run([sys.executable, "-c", other, str(tmp_path)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == target.endpoint_url

    tree = [psutil.Process(_pid(tmp_path)), *psutil.Process(_pid(tmp_path)).children(recursive=True)]
    assert own.stop()
    assert [p for p in tree if p.is_running()] == []
    assert not _accepts(own.port)
    assert own.find() is None
    assert not own.stop()


def test_engine_listens_on_loopback_only(own: EmbeddedEngine, tmp_path: Path):
    own.start()
    process = psutil.Process(_pid(tmp_path))
    listening = [
        c.laddr.ip
        for p in (process, *process.children(recursive=True))
        for c in p.net_connections("inet")
        if c.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert set(listening) <= {"127.0.0.1", "::1"}


def test_engine_survives_the_shell_that_started_it(own: EmbeddedEngine, tmp_path: Path):
    """The shell's own process group gets the hang-up that a closed terminal sends."""
    start = (
        # A test run below nohup passes on that the signal is ignored.
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
        "import sys, pathlib; from harness.engine import EmbeddedEngine as E; "
        "print(E(pathlib.Path(sys.argv[1]), port=int(sys.argv[2])).start().endpoint_url, flush=True); sys.stdin.read()"
    )
    shell = subprocess.Popen(
        [sys.executable, "-c", start, str(tmp_path), str(own.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert shell.stdout is not None
    endpoint_url = shell.stdout.readline().strip()
    os.killpg(shell.pid, signal.SIGHUP)
    shell.wait(10)
    shell.stdout.close()
    assert httpx.get(f"{endpoint_url}/_harness/ready", trust_env=False, timeout=30).json()["ready"]


def test_killed_engine_does_not_stop_the_next_start(own: EmbeddedEngine, tmp_path: Path):
    own.start()
    killed = psutil.Process(_pid(tmp_path))
    killed.kill()
    killed.wait(10)
    assert not own.is_alive()
    assert own.start().harness.ready()["ready"]
    assert _pid(tmp_path) != killed.pid


def test_two_engines_on_one_machine_have_nothing_in_common(own: EmbeddedEngine, tmp_path: Path):
    other = EmbeddedEngine(tmp_path / "other", port=any_free_port())
    s3, other_s3 = own.start().client("s3"), other.start().client("s3")
    try:
        for client, text in ((s3, b"mine"), (other_s3, b"theirs")):
            client.create_bucket(Bucket="shared-name")
            client.put_object(Bucket="shared-name", Key="key", Body=text)
        assert s3.get_object(Bucket="shared-name", Key="key")["Body"].read() == b"mine"
    finally:
        other.stop()
    assert s3.get_object(Bucket="shared-name", Key="key")["Body"].read() == b"mine"


def test_engines_started_together_get_separate_endpoints(tmp_path: Path):
    """Both may find the usual port free; the one that loses it must not answer with the other's endpoint."""
    engines = [EmbeddedEngine(tmp_path / name) for name in ("one", "two")]
    with ThreadPoolExecutor(2) as pool:
        try:
            targets = list(pool.map(EmbeddedEngine.start, engines))
            assert len({target.endpoint_url for target in targets}) == 2
        finally:
            list(pool.map(EmbeddedEngine.stop, engines))


def test_state_file_with_reused_process_id_is_stale(tmp_path: Path):
    """Process ids are reused; the start time distinguishes the processes."""
    state = {"pid": os.getpid(), "created": 1.0, "port": 4566, "region": "us-east-1"}
    (tmp_path / "engine.json").write_text(json.dumps(state))
    engine = EmbeddedEngine(tmp_path)
    assert engine.find() is None
    assert not engine.stop()
    assert psutil.pid_exists(os.getpid())


def test_a_damaged_state_file_is_no_engine(tmp_path: Path):
    (tmp_path / "engine.json").write_text('{"pid": 12')
    assert EmbeddedEngine(tmp_path).find() is None


def test_a_taken_port_is_an_error_that_says_by_whom(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=rf"Port {port} is taken by process {os.getpid()} .*choose another port"):
            EmbeddedEngine(tmp_path, port=port).start()
    assert not (tmp_path / "engine.json").exists()


def test_engine_that_ends_during_boot_raises_with_last_log_lines(
    own: EmbeddedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text("raise SystemExit('no memory left for you')")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with pytest.raises(EngineError, match=r"ended with exit code 1 while it booted") as raised:
        own.start()
    assert "no memory left for you" in str(raised.value)
    assert own.find() is None


def test_hanging_engine_is_distinguished_from_a_stopped_one(own: EmbeddedEngine, tmp_path: Path):
    own.start()
    process = psutil.Process(_pid(tmp_path))
    process.suspend()
    try:
        with pytest.raises(EngineError, match=r"runs but does not answer.*'harness down'"):
            EmbeddedEngine(tmp_path, answer_seconds=0.5).find()
    finally:
        process.resume()


WATCH = """
import os, socket
LOCAL = ("127.", "localhost", "::1", "0.0.0.0")
def told(address):
    host = address[0] if isinstance(address, tuple) else address
    host = host.decode() if isinstance(host, bytes) else host
    # Names below localhost are this machine (RFC 6761).
    if isinstance(host, str) and host and not host.startswith((*LOCAL, "/")) and not host.endswith(".localhost"):
        with open(os.environ["WATCH_FILE"], "a") as file:
            file.write(f"{host}\\n")
def watch(function, position):
    def call(*arguments, **options):
        told(arguments[position])
        return function(*arguments, **options)
    return call
socket.getaddrinfo = watch(socket.getaddrinfo, 0)
socket.gethostbyname = watch(socket.gethostbyname, 0)
class Watched(socket.socket):
    connect = watch(socket.socket.connect, 1)
    connect_ex = watch(socket.socket.connect_ex, 1)
socket.socket = Watched
"""


def test_nothing_tries_the_internet(own: EmbeddedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Every name that the engine looks up and every address that it connects to is written down."""
    watch = tmp_path / "watch"
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH)
    seen = tmp_path / "seen.txt"
    seen.touch()
    monkeypatch.setenv("PYTHONPATH", str(watch))
    monkeypatch.setenv("WATCH_FILE", str(seen))
    target = own.start()
    target.client("s3").create_bucket(Bucket="quiet")
    queue = target.client("sqs").create_queue(QueueName="quiet")["QueueUrl"]
    target.client("sqs").send_message(QueueUrl=queue, MessageBody="psst")
    topic = target.client("sns").create_topic(Name="quiet")["TopicArn"]
    target.client("sns").publish(TopicArn=topic, Message="psst")
    target.client("ses").verify_email_identity(EmailAddress="quiet@quiet.example")
    target.client("cloudformation").list_stacks()
    target.client("lambda").list_functions()
    target.client("kms").create_key()
    target.client("events").put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}])
    assert seen.read_text() == ""
    target.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint="http://listener.invalid/hook")
    _wait_until(lambda: "listener.invalid" in seen.read_text(), "the watch sees a look-up that the test asked for")


def _wait_until(condition: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Other processes do not signal when they write a file, so this polls."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} seconds: {what}"
        threading.Event().wait(0.05)
