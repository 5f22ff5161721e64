"""The engine, the commands, a test run and the calls of functions contact only this machine.

All of it runs once in a network namespace that has the loopback interface only, with proxies that do not answer and an AWS
configuration that is broken, while every connection is recorded.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest

from harness.cli import app
from harness.engine import EmbeddedEngine
from harness.engine.ports import any_free_port

BIN = Path(sys.executable).parent
DEAD = "http://127.0.0.1:9"

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Timeout: 30
      InlineCode: |
        import json, os, sys

        def record(event, arguments):
            if event in ("socket.connect", "socket.getaddrinfo"):
                with open(os.environ["RECORD"], "a") as file:
                    address = arguments[1] if event == "socket.connect" else arguments
                    file.write(json.dumps(["function", event, address[0]]) + chr(10))

        sys.addaudithook(record)

        def handler(event, context):
            import boto3
            boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item={"id": {"S": "1"}})
            return {"statusCode": 200, "body": "stored"}
      Environment: {Variables: {TABLE: !Ref Table, RECORD: "@RECORD@"}}
      Policies: [{DynamoDBCrudPolicy: {TableName: !Ref Table}}]
      Events:
        Api: {Type: Api, Properties: {Path: /, Method: get}}
Outputs:
  Url: {Value: !Ref ServerlessRestApi}
  Table: {Value: !Ref Table}
"""

TEST = """
import httpx

def test_flow(flow, http, aws, engine, deployment):
    outputs = deployment["app"].outputs
    url = engine.rest_api_url(outputs["Url"], "Prod") + "/"
    with flow() as it:
        answer = http.get(url)
    assert (answer.status_code, answer.text) == (200, "stored")
    it.settle()
    # A client that reads the environment's proxies.
    assert httpx.get(url).text == "stored"
    assert aws("dynamodb").scan(TableName=outputs["Table"])["Count"] == 1
"""

RECORDER = """
import json, os, sys

def _record(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[1] if event == "socket.connect" else arguments
        if isinstance(host, (tuple, list)) and host[0]:
            with open(os.environ["RECORD"], "a") as file:
                file.write(json.dumps([" ".join(sys.argv[:2]), event, str(host[0])]) + chr(10))

sys.addaudithook(_record)
"""

LOOPBACK_UP = """
import fcntl, socket, struct
# SIOCSIFFLAGS with IFF_UP | IFF_RUNNING
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 0x41))
"""

ARGUMENTS = {"logs": "--lines 5", "graph": "--format json", "trace": "last", "reset": "--data", "doctor": "--json"}
LAST = ("deploy", "down")


def commands() -> list[str]:
    """Every command of the program once, from `up` to `down`."""
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    between = [name for name in names if name not in ("up", *LAST)]
    return [f"{name} {ARGUMENTS.get(name, '')}".strip() for name in ("up", *between, *LAST)]


@dataclass(frozen=True)
class Session:
    """What was run, what it said, and whom it contacted: rows of program, audit event and host; addresses by the kernel."""

    output: str
    exit_codes: dict[str, int]
    contacts: list[list[str]]
    addresses: set[str] | None


def _isolated() -> list[str]:
    """The command that runs others without a network."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("network namespaces cannot be made here (unshare --net)")
    return unshare


def _kernel_recorder(file: Path) -> list[str]:
    strace = ["strace", "--follow-forks", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg"]
    if shutil.which("strace") is None or subprocess.run([*strace, "-o", "/dev/null", "true"], check=False).returncode:
        return []
    return [*strace, "-o", str(file)]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("offline")
    project, record, kernel = folder / "app", folder / "record", folder / "kernel"
    project.mkdir()
    record.touch()
    (project / "pyproject.toml").write_text("[tool.harness]\n[tool.pytest.ini_options]\n")
    (project / "template.yaml").write_text(TEMPLATE.replace("@RECORD@", str(record)))
    (project / "test_app.py").write_text(TEST)
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(RECORDER)
    (folder / "broken").write_text("no section\n")
    script = folder / "session.sh"
    steps = [f"harness {command}" for command in commands()] + [
        "pytest -q -p no:cacheprovider -p no:randomly test_app.py"
    ]
    lines = [f'{BIN}/{step}\necho "exit $? of {step}"' for step in steps]
    script.write_text("\n".join([f"{sys.executable} -c '{LOOPBACK_UP}'", *lines]))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {
        "PYTHONPATH": str(folder / "site"),
        "RECORD": str(record),
        "AWS_PROFILE": "that-this-machine-lacks",
        "AWS_CONFIG_FILE": str(folder / "broken"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "broken"),
        "AWS_USE_FIPS_ENDPOINT": "true",
        **{name: DEAD for kind in ("http", "https", "all") for name in (f"{kind}_proxy", f"{kind}_proxy".upper())},
    }
    environment.pop("NO_PROXY", None)
    environment.pop("no_proxy", None)
    recorder = _kernel_recorder(kernel)
    try:
        ran = subprocess.run(
            [*_isolated(), *recorder, "sh", str(script)],
            cwd=project,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        EmbeddedEngine(project / ".harness").stop()
    codes = {step: int(code) for code, step in re.findall(r"^exit (\d+) of (.*)$", ran.stdout, re.MULTILINE)}
    addresses = (
        set(re.findall(r"inet_(?:addr|pton)\((?:AF_INET6, )?\"([^\"]+)\"", kernel.read_text())) if recorder else None
    )
    return Session(ran.stdout, codes, [json.loads(line) for line in record.read_text().splitlines()], addresses)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.startswith("/")  # a Unix socket


def test_everything_works_without_network_and_aws_configuration(session: Session):
    # doctor reports missing tools of this machine, with exit code 1.
    failed = {step: code for step, code in session.exit_codes.items() if code and "doctor" not in step}
    assert failed == {}, session.output
    assert len(session.exit_codes) == len(commands()) + 1
    assert "1 passed" in session.output


def test_every_destination_is_loopback(session: Session):
    programs = {Path(program.split()[0]).name for program, _, _ in session.contacts if program.split()}
    assert {"harness", "pytest", "function"} <= programs, programs
    outside = [contact for contact in session.contacts if not _is_here(contact[2])]
    assert outside == []


def test_kernel_saw_no_other_destination(session: Session):
    if session.addresses is None:
        pytest.skip("strace is not installed here, or may not trace")
    assert "127.0.0.1" in session.addresses
    assert {address for address in session.addresses if not _is_here(address)} == set()


def test_subscription_at_the_metadata_service_is_refused(aws, project):
    mark = project.engine.log_mark()
    topic = aws("sns").create_topic(Name="metadata")["TopicArn"]
    try:
        aws("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint="http://169.254.169.254/latest/meta-data")
        log = _log_with(project, mark, "Received error on sending SNS message")
    finally:
        aws("sns").delete_topic(TopicArn=topic)
    assert "The engine calls no other machine, and localstack.services.sns.publisher" in log
    assert "169.254.169.254:80" in log


def _log_with(project, mark, words: str) -> str:
    """What the engine has logged since the mark, once these words are in it."""
    deadline = time.monotonic() + 30
    while words not in (log := project.engine.log_after(mark)):
        assert time.monotonic() < deadline, f"no {words!r} in the engine's log: {log}"
        time.sleep(0.05)
    return log


def _own_address() -> str:
    """One of this machine's that is not of its loopback interface."""
    for interface in psutil.net_if_addrs().values():
        for address in interface:
            if address.family == socket.AF_INET and not ip_address(address.address).is_loopback:
                return address.address
    pytest.skip("this machine has no address but that of its loopback interface")


def test_subscription_at_another_address_is_called(aws, project):
    """As on AWS: the address is the user's wish. Nothing listens there, so the connection is refused by the system."""
    endpoint = f"http://{_own_address()}:{any_free_port()}/hook"
    mark = project.engine.log_mark()
    topic = aws("sns").create_topic(Name="outside")["TopicArn"]
    try:
        aws("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint)
        log = _log_with(project, mark, "Received error on sending SNS message")
    finally:
        aws("sns").delete_topic(TopicArn=topic)
    assert "Connection refused" in log
    assert "The engine calls no other machine" not in log


GUARDED = """
import socket, sys
from harness.emulator.outbound import guard
guard.install()

def attempt(host, how):
    try:
        if how == "resolve":
            return {entry[4][0] for entry in socket.getaddrinfo(host, 80)}
        if how == "name":
            return socket.gethostbyname(host)
        with socket.socket() as client:
            client.settimeout(0.2)
            client.connect((host, 9))
    except guard.OutsideContactError as error:
        return "refused: " + str(error)
    except OSError as error:
        return "tried"

"""


def _guarded(source: str, **environment: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", GUARDED + textwrap.dedent(source)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_guard_refuses_names_and_addresses_of_others():
    said = _guarded("""
        print(attempt("192.0.2.1", "connect"))
        print(attempt("example.com", "resolve"))
        print(attempt("example.com", "name"))
        print(attempt("127.0.0.1", "connect"))
    """)
    assert [line.partition(":")[0] for line in said] == ["refused", "refused", "refused", "tried"]
    assert "192.0.2.1:9" in said[0]
    assert "HARNESS_OUTBOUND_HOSTS" in said[0]


def test_guard_resolves_names_below_localhost_without_asking():
    """https://www.rfc-editor.org/rfc/rfc6761#section-6.3"""
    said = _guarded("""
        print(attempt("s3.localhost", "resolve"), attempt("a.localhost.localstack.cloud", "name"))
    """)
    assert said == ["{'127.0.0.1'} 127.0.0.1"]


def test_guard_lets_declared_and_configured_hosts_through():
    said = _guarded(
        """
        with guard.allowed("http://192.0.2.1:9/hook"):
            print(attempt("192.0.2.1", "connect"), attempt("192.0.2.2", "connect")[:7])
        print(attempt("192.0.2.1", "connect")[:7], attempt("192.0.2.3", "connect"))
        """,
        HARNESS_OUTBOUND_HOSTS="smtp.example, 192.0.2.3",
    )
    assert said == ["tried refused", "refused tried"]


def test_guard_never_calls_a_metadata_service():
    said = _guarded("""
        with guard.allowed("http://169.254.169.254/latest"):
            print(attempt("169.254.169.254", "connect")[:7])
    """)
    assert said == ["refused"]


def test_installer_downloads_nothing_and_says_so():
    source = """
        from harness.emulator.host import older_python
        older_python.install()
        from localstack.packages.api import PackageException, PackageInstaller
        from harness.emulator.outbound import installers
        installers.install()

        class Installer(PackageInstaller):
            def _get_install_marker_path(self, install_dir):
                return install_dir
            def _install(self, target):
                print("downloads")

        try:
            Installer("java", "21").install()
        except PackageException as error:
            print(error)
    """
    [said] = _guarded(source)
    assert said.startswith("java 21 is not installed here, and the engine downloads nothing.")
