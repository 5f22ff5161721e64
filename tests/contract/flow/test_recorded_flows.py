"""All flows of an engine, of tests and of other clients: what `harness trace` lists and renders."""

import re
import uuid
from collections.abc import Iterator

import boto3
import httpx
import pytest

from harness import cli
from harness.engine import Target
from harness.errors import UnknownFlowError
from harness.flow import Beginning, RecordedFlows, ending_of
from harness.journal.records import Kind
from harness.terminal.flow_report import report

FAILS = """
def handler(event, context):
    raise ValueError("not today")
"""


@pytest.fixture(scope="module")
def recorded(engine: Target) -> Iterator[RecordedFlows]:
    flows = RecordedFlows(engine)
    flows.open()
    yield flows
    flows.close()


def _of(recorded: RecordedFlows, name: str) -> Beginning:
    """The flow that the resource with this unique name began."""
    [found] = [beginning for beginning in recorded.beginnings() if name in beginning.what]
    return found


@pytest.fixture
def untraced_client(engine: Target):
    """Clients that send no trace header, as the AWS CLI and SDKs do outside of a function."""
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": engine.region}
    return lambda service: boto3.client(service, endpoint_url=engine.endpoint_url, **credentials)


def test_call_without_trace_header_is_a_separate_flow(recorded, untraced_client, queue):
    """https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader"""
    name = queue.url.rpartition("/")[2]
    for body in ("one", "two"):
        untraced_client("sqs").send_message(QueueUrl=queue.url, MessageBody=body)
    sent = [b for b in recorded.beginnings() if b.what == f"sqs SendMessage {name}"]
    assert len({beginning.root for beginning in sent}) == 2
    for beginning in sent:
        assert re.fullmatch("1-[0-9a-f]{8}-[0-9a-f]{24}", beginning.root)
        assert (beginning.by, beginning.steps, beginning.idle) == ("Boto3", 1, False)
        assert ending_of(recorded.flow(beginning.root)) == ("ok", "")


def test_browser_request_is_a_separate_flow(recorded, engine):
    path = f"/_aws/cognito-idp/{uuid.uuid4().hex}/login"
    httpx.get(
        f"{engine.endpoint_url}{path}", headers={"user-agent": "Mozilla/5.0 (X11; Linux)"}, trust_env=False, timeout=30
    )
    beginning = _of(recorded, path)
    assert (beginning.what, beginning.by) == (f"GET {path}", "browser")


def test_fire_from_a_shell_is_a_separate_flow(recorded, engine):
    kind = f"nothing-{uuid.uuid4().hex}"
    httpx.post(
        f"{engine.endpoint_url}/_harness/fire",
        json={"kind": kind},
        headers=engine.harness_headers,
        trust_env=False,
        timeout=30,
    )
    beginning = _of(recorded, kind)
    assert beginning.what == f"fire {kind}"
    assert ending_of(recorded.flow(beginning.root))[0] == "failed"


def test_flow_outside_tests_is_rendered_like_one_of_a_test(recorded, untraced_client, function):
    made = function(FAILS)
    untraced_client("lambda").invoke(FunctionName=made.name, InvocationType="Event")
    found = recorded.find(_of(recorded, f"lambda Invoke {made.name}").root)
    found.settle()
    assert len(found.find(Kind.INVOCATION)) == 3
    told = "\n".join(map(str, report(found)))
    assert "3 attempts, then given up" in told
    assert "attempt 1  ✗ ValueError: not today" in told
    assert ending_of(found)[0] in ("failed", "lost")


def test_flow_of_reads_and_configuration_is_idle(recorded, untraced_client, queue):
    untraced_client("sqs").get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])
    untraced_client("sqs").set_queue_attributes(QueueUrl=queue.url, Attributes={"DelaySeconds": "0"})
    untraced_client("sqs").send_message(QueueUrl=queue.url, MessageBody="hello")
    name = queue.url.rpartition("/")[2]
    idle = {b.what: b.idle for b in recorded.beginnings() if b.what.endswith(name) and b.by == "Boto3"}
    assert idle[f"sqs GetQueueAttributes {name}"]
    assert idle[f"sqs SetQueueAttributes {name}"]
    assert not idle[f"sqs SendMessage {name}"]


def test_a_flow_is_found_by_the_beginning_of_its_name(recorded, untraced_client, queue):
    untraced_client("sqs").send_message(QueueUrl=queue.url, MessageBody="hello")
    beginning = _of(recorded, f"SendMessage {queue.url.rpartition('/')[2]}")
    for name in (beginning.root, beginning.name, beginning.name.upper(), f"Root={beginning.root};Sampled=1"):
        assert recorded.find(name).root == beginning.root
    assert recorded.find("last").root.startswith("1-")


def test_a_name_that_no_flow_or_several_have_says_what_there_is(recorded, untraced_client, queue):
    for body in ("one", "two"):
        untraced_client("sqs").send_message(QueueUrl=queue.url, MessageBody=body)
    with pytest.raises(
        UnknownFlowError, match=r"There is no flow 'zzz' in the journal of the engine at http.*'harness trace'"
    ):
        recorded.find("zzz")
    with pytest.raises(UnknownFlowError, match=r"(?s)flows begin with '1-' in the journal.*name one of:\n  1-"):
        recorded.find("1-")


def test_flow_command_lists_renders_and_exports_flows(
    project, untraced_client, queue, recorded, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(cli._State, "directory", None)
    monkeypatch.setenv("COLUMNS", "160")
    untraced_client("sqs").send_message(QueueUrl=queue.url, MessageBody="hello")
    name = queue.url.rpartition("/")[2]
    beginning = _of(recorded, f"SendMessage {name}")

    # A running engine is found without it; a test run's own engine has a separate folder.
    state = project.settings.state_directory
    of_the_run = ["--state", str(state)] if state.name.startswith("run-") else []

    def run(*arguments: str) -> str:
        cli.app([*of_the_run, "trace", *arguments], standalone_mode=False)
        return capsys.readouterr().out

    # At once: of what others begin meanwhile it would list the last ones.
    [listed] = [line for line in run("--number=100000").splitlines() if line.startswith(beginning.name)]
    assert re.search(f"Boto3 +sqs SendMessage {name} +1 +", listed)
    told = run(beginning.name)
    heading, _, line = told.splitlines()
    assert heading.startswith(f"Flow {beginning.name}  {beginning.root}  began ")
    assert heading.endswith("  settled")
    assert line.startswith(f"      0 ms  sqs SendMessage {name}")
    assert run(beginning.name, "--follow") == told
    file = tmp_path / "flow.json"
    assert run(beginning.name, "--format=otlp", f"--output={file}") == ""
    assert '"resourceSpans"' in file.read_text()
    with pytest.raises(UnknownFlowError, match="There is no flow 'zzz'"):
        run("zzz")
