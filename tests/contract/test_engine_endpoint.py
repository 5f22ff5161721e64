"""The endpoint engine against foreign emulators: its reports about them are true, and it leaves nothing in them."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from harness.deploy import delete, deploy, describe, discover, services_of
from harness.engine import Target
from harness.engine.endpoint import EndpointEngine
from harness.engine.probe import CALLS, probe
from harness.errors import MissingCapabilityError

IMAGE = "localstack/localstack:4.14.0"
ROOT = Path(__file__).parents[2]

# https://docs.localstack.cloud/references/licensing: none of these is in the image that needs no token.
NOT_IN_LOCALSTACK = {
    "apigatewaymanagementapi", "apigatewayv2", "cloudfront", "codecommit", "cognito-identity", "cognito-idp", "elasticache",
    "elbv2", "pipes", "rds", "rds-data", "sesv2", "xray",
}  # fmt: skip
IN_LOCALSTACK = {
    "apigateway", "cloudformation", "cloudwatch", "events", "firehose", "iam", "kms", "logs", "route53", "s3", "scheduler",
    "secretsmanager", "ses", "sns", "sqs", "ssm", "stepfunctions", "sts",
}  # fmt: skip
# By what the machine and its network give to the container: Java, npm's registry, Docker.
AS_THE_MACHINE_ALLOWS = {"dynamodb", "dynamodbstreams", "kinesis", "lambda"}


@pytest.fixture(scope="module")
def plain_localstack() -> Iterator[str]:
    """The URL of LocalStack's unchanged image, without the harness."""
    image = _docker("image", "inspect", IMAGE)
    if image.returncode != 0:
        pytest.skip(f"needs Docker and the image {IMAGE}: {(image.stderr or image.stdout).strip().splitlines()[-1]}")
    started = _docker("run", "--detach", "--label=harness.test=endpoint", "--publish=127.0.0.1::4566", IMAGE)
    assert started.returncode == 0, started.stderr
    container = started.stdout.strip()
    try:
        port = _docker("port", container, "4566/tcp").stdout.splitlines()[0].rsplit(":", 1)[1]
        url = f"http://127.0.0.1:{port}"
        _wait_until(
            lambda: '"READY": true' in httpx.get(f"{url}/_localstack/init", timeout=5, trust_env=False).text,
            lambda: f"LocalStack is ready; its log ends: {_docker('logs', '--tail=20', container).stdout}",
        )
        yield url
    finally:
        _docker("rm", "--force", "--volumes", container)


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("docker")
    if program is None:
        return subprocess.CompletedProcess(arguments, 127, "", "there is no program docker")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The URL of moto's own server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    try:
        said = []
        for line in server.stdout:
            said.append(line)
            if "Running on" in line:
                break
        else:
            raise AssertionError(f"moto's server ended: {''.join(said)}")
        # Nothing reads the pipe any more, and a full pipe would block the process.
        threading.Thread(target=server.stdout.read, daemon=True).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait(10)


def _wait_until(condition: Callable[[], bool], what: Callable[[], str], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline, f"not within {seconds:g} seconds: {what()}"
        threading.Event().wait(0.1)


@pytest.fixture
def attach(tmp_path: Path, engine: Target, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Target]:
    """Attaches with the token of this run's engine in the environment."""
    monkeypatch.setenv("HARNESS_TOKEN", engine.token or "")
    return lambda url: EndpointEngine(tmp_path / "state", endpoint_url=url).start()


def _left_by_the_probe(target: Target) -> list[str]:
    listings = (
        ("lambda", "list_functions", "Functions", "FunctionName"),
        ("iam", "list_roles", "Roles", "RoleName"),
        ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    )
    names = [
        one[name]
        for service, operation, entries, name in listings
        for page in target.client(service).get_paginator(operation).paginate()
        for one in page[entries]
    ]
    return [name for name in names if "harness-probe" in name]


def test_probe_of_plain_localstack_reports_licensed_services(plain_localstack, attach):
    target = attach(plain_localstack)
    assert (target.account_id, target.capabilities, target.callback) == ("000000000000", frozenset(), None)
    lacking = probe(target, [*NOT_IN_LOCALSTACK, *AS_THE_MACHINE_ALLOWS, *IN_LOCALSTACK])
    assert NOT_IN_LOCALSTACK <= set(lacking) <= NOT_IN_LOCALSTACK | AS_THE_MACHINE_ALLOWS
    for service in NOT_IN_LOCALSTACK:
        assert lacking[service].startswith(
            f"501 InternalFailure: The API for service {service} is either not included in"
        )
    # It has no Docker socket to run functions with, and lists them all the same.
    assert lacking["lambda"].startswith("a function that was made did not become active: Failed, ")
    assert probe(target, ["lambda"]) == {"lambda": lacking["lambda"]}
    # It cannot delete a function that never became active: one stays, however often it is requested.
    [function] = _left_by_the_probe(target)
    assert target.client("lambda").get_function(FunctionName=function)["Configuration"]["State"] == "Failed"


def test_probe_of_moto_reports_almost_no_unsupported_service(moto, attach):
    target = attach(moto)
    assert (target.account_id, target.capabilities) == ("123456789012", frozenset())
    lacking = probe(target, [service for service in CALLS if service != "lambda"])
    # It stores REST APIs and serves them elsewhere: at AWS's host names.
    assert lacking.pop("apigateway").startswith(f"an API that was made is not at {moto}/_aws/execute-api/")
    assert target.client("apigateway").get_rest_apis()["items"] == []
    # It implements one, but not the operation that the probe needs; the other one came with a later release.
    assert set(lacking) <= {"schemas", "apigatewaymanagementapi"}


def test_moto_cannot_run_a_function_without_docker(moto, attach):
    target = attach(moto)
    assert target.client("lambda").list_functions()["Functions"] == []
    lacking = probe(target, ["lambda"])
    if lacking:  # where Docker is and has its images, it can
        assert lacking["lambda"].startswith("a function that was made could not be run: error running docker")
    assert _left_by_the_probe(target) == []


@pytest.fixture
def templates(tmp_path: Path):
    """A queue; a user pool and its importer; an archive of events next to a bus."""
    name = f"t{uuid.uuid4().hex[:8]}"
    exported = f"{name}-pool"
    pool_id = {"Value": {"Ref": "Pool"}, "Export": {"Name": exported}}
    parameter = {"Type": "String", "Value": {"Fn::ImportValue": exported}}
    source = {"SourceArn": {"Fn::GetAtt": ["Bus", "Arn"]}}
    bodies = {
        "queue": {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}},
        "users": {"Resources": {"Pool": {"Type": "AWS::Cognito::UserPool"}}, "Outputs": {"PoolId": pool_id}},
        "profiles": {"Resources": {"PoolId": {"Type": "AWS::SSM::Parameter", "Properties": parameter}}},
        "bus": {
            "Resources": {
                "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": name}},
                "Archive": {"Type": "AWS::Events::Archive", "Properties": source},
            }
        },
    }
    for stack, body in bodies.items():
        (tmp_path / stack).mkdir()
        (tmp_path / stack / "template.json").write_text(json.dumps(body))
    return discover(tmp_path, [f"{stack}/template.json" for stack in bodies])


def test_unsupported_stacks_are_skipped_with_the_response(plain_localstack, attach, templates, tmp_path):
    target = attach(plain_localstack)
    where = {"stack_prefix": f"{target.deployment}-"}
    lacking = probe(target, services_of(templates))
    deployment = deploy(target, templates, lacking=lacking, work_directory=tmp_path / "work", **where)
    try:
        assert set(deployment.stacks) == {"queue", "bus"}
        assert deployment["queue"].resources["Queue"].physical_id.startswith("http")
        for stack, said in (
            ("users", f"users is not deployed: it needs cognito-idp (Pool), which {plain_localstack} lacks: 501 "),
            ("profiles", "profiles is not deployed: it imports "),
        ):
            with pytest.raises(MissingCapabilityError) as lack:
                deployment[stack]
            assert lack.value.capability == "cognito-idp"
            assert lack.value.reason.startswith(said)
        # It says that it made this.
        with pytest.raises(MissingCapabilityError, match="Archive of bus is not there") as lack:
            deployment["bus"].resources["Archive"]
        assert lack.value.capability == "AWS::Events::Archive"
        assert list(describe(target, templates, **where)["bus"].resources) == ["Bus"]
    finally:
        delete(target, [t for t in templates if t.stack in ("queue", "bus")], **where)


@pytest.fixture(scope="module")
def own_services() -> list[str]:
    return sorted(services_of(discover(ROOT)))


def test_own_engine_behind_aws_apis_supports_all_own_stacks(endpoint_without_harness, attach, own_services):
    target = attach(endpoint_without_harness)
    assert (target.account_id, target.capabilities, target.callback) == ("000000000000", frozenset(), None)
    assert "lambda" in own_services
    assert probe(target, own_services) == {}
    assert [name for name in _left_by_the_probe(target) if not name.startswith("/aws/lambda/")] == []


def test_proxy_hides_the_test_api_and_passes_everything_else(endpoint_without_harness, engine):
    with httpx.Client(base_url=endpoint_without_harness, trust_env=False, timeout=30) as http:
        for path in ("/_harness", "/_harness/ready", "/_harness/outbox?after=1"):
            assert http.get(path).status_code == 404
        assert http.delete("/_harness/outbox").status_code == 404
        assert http.get("/_localstack/init").json()["completed"]["READY"]
    s3 = Target("endpoint", endpoint_without_harness).client("s3")
    bucket = f"hidden-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=bytes(range(256)) * 4096)
    assert s3.head_object(Bucket=bucket, Key="a b/ü")["ContentLength"] == 256 * 4096
    # Signed for the proxy's host, which therefore must arrive.
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü"})
    assert url.startswith(endpoint_without_harness)
    assert httpx.get(url, trust_env=False, timeout=30).content == bytes(range(256)) * 4096
    assert engine.client("s3").head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_own_engine_is_recognised_by_its_test_api(attach, engine):
    target = attach(str(engine.endpoint_url))
    assert target.capabilities == engine.capabilities
    assert target.harness.ready()["ready"]


SCENARIOS = """
def test_what_is_there_is_driven(deployment, aws):
    url = deployment["queue"].resources["Queue"].physical_id
    aws("sqs").send_message(QueueUrl=url, MessageBody="moin")
    [message] = aws("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == "moin"

def test_what_is_not_there_is_skipped(deployment):
    deployment["mesh"]
    raise AssertionError("the stack is there")

def test_that_needs_the_outbox_is_skipped(outbox):
    raise AssertionError("there is an outbox")
"""


def test_run_uses_supported_skips_unsupported_and_leaves_nothing(endpoint_without_harness, engine, tmp_path):
    """App Mesh is a service that no engine here has and no template here needs."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.harness]\ntemplates = ['*/template.json']\n[tool.pytest.ini_options]\n"
    )
    for stack, kind in (("queue", "AWS::SQS::Queue"), ("mesh", "AWS::AppMesh::Mesh")):
        (tmp_path / stack).mkdir()
        resource = {"Queue" if stack == "queue" else "Mesh": {"Type": kind}}
        (tmp_path / stack / "template.json").write_text(json.dumps({"Resources": resource}))
    (tmp_path / "test_it.py").write_text(SCENARIOS)
    run = subprocess.run(
        [
            Path(sys.executable).parent / "pytest",
            "-p",
            "no:cacheprovider",
            f"--endpoint-url={endpoint_without_harness}",
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
        capture_output=True,
        text=True,
        check=False,
    )
    said = run.stdout + run.stderr
    assert "1 passed, 2 skipped" in said, said
    assert (
        f"mesh is not deployed: it needs appmesh (Mesh), which {endpoint_without_harness} lacks: 501 InternalF" in said
    )
    assert re.search(r"appmesh: 1 test skipped\. .*\noutbox: 1 test skipped\. ", said), said
    [name] = set(re.findall(r"Removed harness:run=(harness-\w+)", said))
    assert [stack for stack in _stacks(engine) if name in stack] == []
    assert list((tmp_path / ".harness").glob("run-*")) == []


def _stacks(target: Target) -> set[str]:
    pages = target.client("cloudformation").get_paginator("list_stacks").paginate()
    summaries = [summary for page in pages for summary in page["StackSummaries"]]
    return {summary["StackName"] for summary in summaries if summary["StackStatus"] != "DELETE_COMPLETE"}
