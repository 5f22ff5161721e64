"""The docker engine's life, with real containers: each test has its own. Skipped where no Docker engine runs."""

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psutil
import pytest

from harness.engine import Target
from harness.engine.docker import DockerEngine, image
from harness.engine.docker.client import connect
from harness.engine.docker.container import of_directory
from harness.engine.ports import any_free_port, is_free
from harness.errors import EngineError
from tests.contract.roles import make_roles
from tests.contract.test_engine_embedded import _wait_until

ROOT = Path(__file__).parents[2]


def _why_not() -> str | None:
    try:
        connect().close()
    except EngineError as error:
        return str(error)
    return None


pytestmark = pytest.mark.skipif(_why_not() is not None, reason=_why_not() or "")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    client = connect()
    yield client
    client.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[DockerEngine]:
    engine = DockerEngine(tmp_path, port=any_free_port())
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """An engine that its tests leave as they found it."""
    engine = DockerEngine(tmp_path_factory.mktemp("shared"), port=any_free_port())
    yield engine.start()
    engine.stop()


def _invoke(target: Target, source: str, **environment: str) -> Any:
    """What a function with this handler answers, and the client that made it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", source)
    make_roles(target)
    functions = target.client("lambda")
    name = f"docker-{uuid4().hex[:8]}"
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="index.handler",
        Code={"ZipFile": packed.getvalue()},
        Environment={"Variables": environment},
        Timeout=10,
    )
    answer = functions.invoke(FunctionName=name)
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def test_engine_is_found_by_another_process_and_stops_cleanly(own: DockerEngine, tmp_path: Path, client):
    target = own.start()
    assert own.port is not None
    other = (
        "import sys, pathlib; from harness.engine.docker import DockerEngine as E; "
        "print(E(pathlib.Path(sys.argv[1])).start().endpoint_url)"
    )
    found = subprocess.run([sys.executable, "-c", other, str(tmp_path)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == target.endpoint_url == f"http://127.0.0.1:{own.port}"
    assert own.is_alive()
    assert own.find() == target
    (container,) = of_directory(client, tmp_path)
    volumes = [mount["Name"] for mount in container.attrs["Mounts"]]

    assert own.stop()

    assert of_directory(client, tmp_path) == []
    assert not {volume.name for volume in client.volumes.list()} & set(volumes)
    assert is_free(own.port)
    assert own.find() is None
    assert not own.is_alive()
    assert not own.stop()


def test_two_that_start_it_at_once_get_the_same_container(tmp_path: Path, client):
    engines = [DockerEngine(tmp_path, port=None) for _ in range(2)]
    try:
        with ThreadPoolExecutor(2) as pool:
            targets = list(pool.map(lambda engine: engine.start(), engines))
        assert targets[0] == targets[1]
        assert len(of_directory(client, tmp_path)) == 1
    finally:
        engines[0].stop()


def test_two_on_one_machine_have_nothing_in_common(own: DockerEngine, shared: Target):
    queue = f"only-here-{uuid4().hex[:8]}"
    target = own.start()
    target.client("sqs").create_queue(QueueName=queue)

    assert "QueueUrls" not in shared.client("sqs").list_queues(QueueNamePrefix=queue)


def test_container_port_is_published_on_loopback_only(shared: Target, client):
    port = shared.endpoint_url.rpartition(":")[2]
    (container,) = (c for c in client.containers.list() if c.ports.get(f"{port}/tcp"))

    assert container.ports[f"{port}/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": port}]


def test_queue_url_works_inside_and_outside_the_container(shared: Target):
    sqs = shared.client("sqs")
    url = sqs.create_queue(QueueName=f"addressed-{uuid4().hex[:8]}")["QueueUrl"]
    assert url.startswith(f"http://localhost:{shared.endpoint_url.rpartition(':')[2]}/")

    source = (
        "import boto3, os\n"
        "def handler(event, context):\n"
        "    url = os.environ['QUEUE_URL']\n"
        "    there = boto3.client('sqs', endpoint_url='/'.join(url.split('/')[:3]))\n"
        "    return there.send_message(QueueUrl=url, MessageBody='from a function')['ResponseMetadata']['HTTPStatusCode']\n"
    )
    assert _invoke(shared, source, QUEUE_URL=url) == 200

    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == "from a function"


def test_a_server_of_a_test_is_reached_from_inside(shared: Target):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"from the test")

        def log_message(self, *_args: Any) -> None:
            pass

    where = shared.reachable_from
    with HTTPServer((where.bind_address, 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = (
            "import os, urllib.request\n"
            "def handler(event, context):\n"
            "    return urllib.request.urlopen(os.environ['URL'], timeout=5).read().decode()\n"
        )
        answered = _invoke(shared, source, URL=f"http://{where.host}:{server.server_port}/")
        server.shutdown()

    assert answered == "from the test"


def test_its_log_can_be_read_from_a_point_on(own: DockerEngine):
    target = own.start()
    target.client("sqs").create_queue(QueueName="before")
    # Docker writes down when it read a line, which may be a little later.
    _wait_until(lambda: "sqs.CreateQueue" in own.last_log_lines(5), "logged")
    mark = own.log_mark()
    target.client("sns").create_topic(Name="after")
    _wait_until(lambda: "sns.CreateTopic" in own.log_after(mark), "logged")

    logged = own.log_after(mark)

    assert "sns.CreateTopic" in logged
    assert "sqs.CreateQueue" not in logged
    assert "sns.CreateTopic" in own.last_log_lines(1)
    assert "/_harness/ready" not in own.last_log_lines(100)


def test_information_reports_image_memory_and_log(own: DockerEngine):
    assert own.information() == {}
    own.start()

    told = own.information()

    assert str(told["image"]).startswith(f"{image.REPOSITORY}:")
    assert int(told["memory_mib"]) > 20
    assert told["log"] == f"docker logs {told['name']}"


def test_token_is_in_the_container_and_found_by_the_client(own: DockerEngine, client):
    target = own.start()
    journal = f"{target.endpoint_url}/_harness/outbox"
    assert httpx.get(journal, trust_env=False, timeout=30).status_code == 401
    assert target.harness.outbox() == []
    assert DockerEngine(own.directory).find().harness.outbox() == []
    container = client.containers.get(own.information()["container"])
    _, mode = container.exec_run("stat -c %a /var/lib/localstack/engine.token")
    assert mode.strip() == b"600"
    assert str(target.token) not in str(container.attrs["Config"]) + own.last_log_lines(1000)


def test_other_containers_reach_it_by_its_name(shared: Target, client):
    """Docker's DNS resolves a container's id, name and aliases; a page from elsewhere cannot have such a host name."""
    port = urlsplit(str(shared.endpoint_url)).port
    [container] = [c for c in client.containers.list() if f"{port}/tcp" in c.attrs["NetworkSettings"]["Ports"]]
    # Not the name that Docker invents: with an underscore it is no host name, and LocalStack routes nothing by it.
    for host in (container.attrs["Config"]["Hostname"], "localstack", "host.docker.internal"):
        asked = ["curl", "-s", "-H", f"Host: {host}:{port}", f"http://127.0.0.1:{port}/_harness/ready"]
        assert json.loads(container.exec_run(asked)[1])["ready"], host
    asked = ["curl", "-s", "-H", "Host: evil.example", f"http://127.0.0.1:{port}/_harness/ready"]
    assert b"UnknownHost" in container.exec_run(asked)[1]


def test_engine_uses_its_iam_setting_before_the_environment(own: DockerEngine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HARNESS_IAM", "off")
    own.iam = "report"
    target = own.start()
    assert target.harness.iam()["mode"] == "report"
    assert "iam" not in target.capabilities


OWNER = """
import os, pathlib, signal, sys
from harness.engine.docker import DockerEngine
engine = DockerEngine(pathlib.Path(sys.argv[1]), owner_pid=os.getpid())
engine.start()
if sys.argv[2] == "keep":
    engine.keep()
print("up", flush=True)
sys.stdin.read()
"""


def _killed_owner(directory: Path, what: str) -> subprocess.Popen[str]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(directory), what], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "up\n"
    owner.kill()
    owner.communicate()
    return owner


def _guards(directory: Path) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if str(directory) in (p.info["cmdline"] or [])]


def test_a_run_that_is_killed_leaves_no_container(tmp_path: Path, client):
    _killed_owner(tmp_path, "")

    psutil.wait_procs(_guards(tmp_path), timeout=120)
    assert of_directory(client, tmp_path) == []
    assert _guards(tmp_path) == []


def test_a_container_that_is_kept_outlives_its_run(tmp_path: Path):
    _killed_owner(tmp_path, "keep")

    assert _guards(tmp_path) == []
    engine = DockerEngine(tmp_path)
    try:
        assert engine.start().harness.ready()["ready"]
    finally:
        assert engine.stop()


def test_the_guard_ends_with_what_it_guards(tmp_path: Path):
    engine = DockerEngine(tmp_path, owner_pid=os.getpid())
    engine.start()
    assert len(_guards(tmp_path)) == 1

    engine.stop()

    assert _guards(tmp_path) == []


def test_an_interrupt_while_it_boots_leaves_nothing(tmp_path: Path, client):
    """Ctrl-C: every process of the terminal's group gets the signal, the guard is not of it."""
    script = (
        "import os, pathlib, signal, sys\n"
        # A shell that runs the tests in the background has it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from harness.engine.docker import DockerEngine, engine as module\n"
        "run = module.containers.run\n"
        "def interrupted(*arguments):\n"
        "    run(*arguments)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "module.containers.run = interrupted\n"
        "DockerEngine(pathlib.Path(sys.argv[1]), owner_pid=os.getpid()).start()\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)

    assert ended.returncode == -signal.SIGINT, ended.stderr
    assert "KeyboardInterrupt" in ended.stderr
    assert of_directory(client, tmp_path) == []
    assert _guards(tmp_path) == []


def test_taken_port_error_names_the_process(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EngineError, match=f"Port {port} is taken by process {os.getpid()}"):
            DockerEngine(tmp_path, port=port).start()


def test_port_lost_at_the_last_moment_is_replaced(tmp_path: Path, monkeypatch, client):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        lost = taken.getsockname()[1]
        monkeypatch.setattr("harness.engine.docker.engine.choose_port", lambda _wanted: lost)
        engine = DockerEngine(tmp_path)
        try:
            target = engine.start()
            assert target.endpoint_url != f"http://127.0.0.1:{lost}"
            assert target.harness.ready()["ready"]
            assert len(of_directory(client, tmp_path)) == 1
        finally:
            engine.stop()


@pytest.fixture
def variant(client) -> Iterator[Callable[[str], str]]:
    """Makes an image out of the engine's by one more instruction."""
    made = []

    def make(instruction: str) -> str:
        recipe = io.BytesIO(f"FROM {image.build(client)}\n{instruction}\n".encode())
        built, _ = client.images.build(fileobj=recipe, rm=True)
        made.append(built.id)
        return str(built.id)

    yield make
    for name in made:
        client.images.remove(name, force=True)


def test_container_that_ends_during_boot_raises_with_last_output(tmp_path: Path, monkeypatch, variant, client):
    broken = variant('ENV LOCALSTACK_SUPERVISOR_COMMAND="python3 no-such-bean"')
    monkeypatch.setattr(image, "build", lambda _client: broken)

    with pytest.raises(EngineError, match=r"ended with exit code 2 while it booted(.|\n)*no-such-bean"):
        DockerEngine(tmp_path).start()
    assert of_directory(client, tmp_path) == []


def test_a_container_without_the_emulator_is_not_taken_for_ready(tmp_path: Path, monkeypatch, variant, client):
    plain = variant("ENV LOCALSTACK_SUPERVISOR_COMMAND='python3 -m localstack.runtime.main'\nRUN rm -r "
                    "/opt/code/localstack/.venv/lib/python3*/site-packages/serverless_harness-*")  # fmt: skip
    monkeypatch.setattr(image, "build", lambda _client: plain)

    with pytest.raises(EngineError, match="without the emulator's parts"):
        DockerEngine(tmp_path).start()
    assert of_directory(client, tmp_path) == []


def test_failed_image_build_raises_with_last_output(monkeypatch, client):
    recipe = b"FROM localstack/localstack:4.14.0\nRUN echo no such bean && false\n"
    monkeypatch.setattr(image, "context", lambda: {image.DOCKERFILE: recipe})

    with pytest.raises(EngineError, match=r"cannot be built(.|\n)*no such bean"):
        image.build(client)


def test_installed_package_builds_the_same_engine_as_the_tree(tmp_path: Path, monkeypatch, client):
    """A project that only installs the harness has no tree: the image is made of the package, packed again."""
    subprocess.run(
        ["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path / "installed"), str(ROOT)],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        check=True,
    )
    script = (
        "import sys, tarfile; from harness.engine.docker import image\n"
        "files = image.context()\n"
        "open(sys.argv[1], 'wb').write(image._tar(files).read())\n"
    )
    packed = tmp_path / "context.tar"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "installed")}
    subprocess.run([sys.executable, "-c", script, str(packed)], env=environment, check=True, cwd=tmp_path)
    with tarfile.open(packed) as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}  # type: ignore[union-attr]
    assert [name.rpartition("-py3")[2] for name in files if name.startswith("serverless_harness-")] == ["-none-any.whl"]

    monkeypatch.setattr(image, "context", lambda: files)
    monkeypatch.setattr(image, "_remove_others", lambda _client, _tag: None)
    tag = image.build(client)
    try:
        engine = DockerEngine(tmp_path / "state")
        ready = engine.start().harness.ready()
        engine.stop()
        assert ready["ready"]
    finally:
        client.images.remove(tag, force=True)


def _composes() -> list[Any]:
    """The ways to call compose that work on this machine."""
    found = []
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        if asked.returncode == 0:
            found.append(pytest.param(["docker", "compose"], id="compose-v2"))
    if shutil.which("docker-compose"):
        found.append(pytest.param(["docker-compose"], id="docker-compose"))
    return found or [pytest.param([], marks=pytest.mark.skip("no compose is installed here"))]


@pytest.fixture(params=_composes())
def compose(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sequence[str]:
    chosen: Sequence[str] = request.param
    monkeypatch.setattr("harness.engine.docker.compose.command", lambda: list(chosen))
    for name in ("HARNESS_PORT", "HARNESS_BIND", "COMPOSE_PROJECT_NAME", "COMPOSE_FILE"):
        monkeypatch.delenv(name, raising=False)
    return chosen


@pytest.fixture
def clone(tmp_path: Path, compose: Sequence[str]) -> Iterator[Path]:
    """The files of a clean clone, in a folder with a unique name; its containers are removed at the end."""
    folder = tmp_path / f"clone-{uuid4().hex[:8]}"
    for name, content in image.tree(ROOT).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for file in (".dockerignore", "docker-compose.yml"):
        shutil.copy(ROOT / file, folder)
    yield folder
    subprocess.run([*compose, "down", "--volumes", "--rmi", "all"], cwd=folder, check=True, capture_output=True)


def _first_health(client: Any, name: str) -> str:
    """Docker's first report of the container's health, now or as soon as it exists."""
    events = client.events(decode=True, filters={"container": name, "event": "health_status"}, since=0)
    return next(str(event["status"]) for event in events)


def test_compose_started_by_hand_is_found_and_stopped(clone: Path, compose: Sequence[str], tmp_path: Path, client):
    port = any_free_port()
    (clone / ".env").write_text(f"HARNESS_PORT={port}\n")
    by_hand = DockerEngine(tmp_path / "state", compose_file=clone / "docker-compose.yml")
    assert by_hand.find() is None

    subprocess.run([*compose, "up", "--detach"], cwd=clone, check=True, capture_output=True)

    target = by_hand.start()
    assert target.endpoint_url == f"http://127.0.0.1:{port}"
    assert by_hand.is_alive()
    assert DockerEngine(tmp_path / "run", compose_file=None).find() is None, "a run's own engine is another"
    assert _first_health(client, str(by_hand.information()["name"])) == "health_status: healthy"
    url = target.client("sqs").create_queue(QueueName="addressed")["QueueUrl"]
    assert url.startswith(f"http://localhost:{port}/")
    assert by_hand.stop()
    assert by_hand.find() is None
    assert is_free(port)


def test_compose_uses_requested_port_and_logs_to_the_volume(clone: Path, tmp_path: Path, compose: Sequence[str]):
    port = any_free_port()
    engine = DockerEngine(tmp_path / "state", port=port, iam="report", compose_file=clone / "docker-compose.yml")

    target = engine.start()
    target.client("sqs").create_queue(QueueName="logged")

    assert target.endpoint_url == f"http://127.0.0.1:{port}"
    assert engine.start() == target
    subprocess.run([*compose, "restart"], cwd=clone, check=True, capture_output=True)
    # What it was started with is still so.
    assert engine.start().harness.iam()["mode"] == "report"
    log = subprocess.run(
        [*compose, "exec", "-T", "localstack", "cat", "/var/lib/localstack/logs/engine.log"],
        cwd=clone, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "sqs.CreateQueue" in log
    engine.stop()


def test_folder_of_the_same_name_runs_as_another_project(clone: Path, tmp_path: Path, compose: Sequence[str]):
    engine = DockerEngine(tmp_path / "state", port=any_free_port(), compose_file=clone / "docker-compose.yml")
    running = engine.start()
    twin = tmp_path / "elsewhere" / clone.name
    shutil.copytree(clone, twin)
    beside = DockerEngine(tmp_path / "other", port=any_free_port(), compose_file=twin / "docker-compose.yml")

    with pytest.raises(EngineError, match=f"is also that of {clone}.*COMPOSE_PROJECT_NAME="):
        beside.start()

    (twin / ".env").write_text(f"COMPOSE_PROJECT_NAME={clone.name}-twin\n")
    try:
        other = beside.start()
        other.client("sqs").create_queue(QueueName="only-there")
        assert "QueueUrls" not in running.client("sqs").list_queues()
        assert engine.find() == running
        assert beside.stop()
        assert running.harness.ready()["ready"]
    finally:
        subprocess.run([*compose, "down", "--volumes", "--rmi", "all"], cwd=twin, check=True, capture_output=True)
    engine.stop()


def test_taken_compose_port_error_names_the_variable_to_set(clone: Path, tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        (clone / ".env").write_text(f"HARNESS_PORT={taken.getsockname()[1]}\n")
        with pytest.raises(EngineError, match="Something else has the port; choose another: HARNESS_PORT="):
            DockerEngine(tmp_path / "state", compose_file=clone / "docker-compose.yml").start()


@pytest.mark.parametrize(
    "files",
    [
        ["docker-compose.yml"],
        ["docker-compose.yml", "docker-compose.lambda-docker.yml"],
        ["docker-compose.vendor.yml"],
    ],
    ids=lambda files: files[-1],
)
def test_compose_accepts_the_files(compose: Sequence[str], files: list[str]):
    done = subprocess.run(
        [*compose, *(part for file in files for part in ("--file", file)), "config", "--quiet"],
        cwd=ROOT,
        env={**os.environ, "LOCALSTACK_AUTH_TOKEN": "any"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr.lower()


def test_the_vendors_image_is_not_started_without_a_token(compose: Sequence[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("LOCALSTACK_AUTH_TOKEN", raising=False)

    done = subprocess.run(
        [*compose, "--file", "docker-compose.vendor.yml", "config"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "an auth token of LocalStack is needed" in done.stderr


def test_functions_run_in_containers_where_that_is_chosen(tmp_path: Path, monkeypatch, variant):
    """LocalStack's own executor then decides which runtimes it can run; nothing here vouches for other interpreters."""
    chosen = variant("ENV LAMBDA_RUNTIME_EXECUTOR=docker")
    monkeypatch.setattr(image, "build", lambda _client: chosen)
    engine = DockerEngine(tmp_path)
    try:
        target = engine.start()
        assert "lambda-nodejs" in target.capabilities
        with pytest.raises(EngineError, match=r"\(404\): functions run in AWS's own images"):
            target.harness.get("/runtimes/python3.13")
        make_roles(target)
        made = target.client("lambda").create_function(
            FunctionName="java", Runtime="java21", Role="arn:aws:iam::000000000000:role/any", Handler="a.B::c",
            Code={"ZipFile": b"PK\x05\x06" + b"\0" * 18},
        )  # fmt: skip
        assert made["Runtime"] == "java21"
    finally:
        engine.stop()
