"""The pytest plugin in a separate project: which engine a run uses, and what it leaves behind."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.engine import EmbeddedEngine

BIN = Path(sys.executable).parent


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder with settings; whatever engine a test leaves in it ends with the test."""
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n[tool.pytest.ini_options]\n")
    yield tmp_path
    for state in (tmp_path / ".harness", *(tmp_path / ".harness").glob("run-*")):
        EmbeddedEngine(state).stop()


def _pytest(project: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (project / "test_it.py").write_text(source)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        [BIN / "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


WRITES_ITS_ENDPOINT = """
import pathlib
import pytest

@pytest.mark.parametrize("n", range(4))
def test_the_engine_answers(engine, aws, n, request):
    aws("s3").list_buckets()
    with pathlib.Path("endpoints.txt").open("a") as file:
        file.write(engine.endpoint_url + "\\n")
"""


def _endpoints(project: Path) -> set[str]:
    return set((project / "endpoints.txt").read_text().split())


def _runs(project: Path) -> list[Path]:
    return list((project / ".harness").glob("run-*"))


def test_a_run_uses_the_engine_that_is_up_and_leaves_it_up(project: Path):
    up = EmbeddedEngine(project / ".harness")
    target = up.start()
    result = _pytest(project, WRITES_ITS_ENDPOINT)
    assert result.returncode == 0, result.stdout
    assert _endpoints(project) == {target.endpoint_url}
    assert up.is_alive()
    assert _runs(project) == []


def test_run_without_engine_starts_and_stops_one_for_all_workers(project: Path):
    result = _pytest(project, WRITES_ITS_ENDPOINT, "-n", "2")
    assert result.returncode == 0, result.stdout
    [endpoint_url] = _endpoints(project)
    port = int(endpoint_url.rpartition(":")[2])
    listening = {c.laddr.port for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.laddr}
    assert port not in listening
    assert _runs(project) == []


def test_run_with_keep_leaves_engine_and_shows_how_to_stop_it(project: Path):
    result = _pytest(project, WRITES_ITS_ENDPOINT, "--keep")
    assert result.returncode == 0, result.stdout
    [run] = _runs(project)
    assert EmbeddedEngine(run).is_alive()
    assert f"The engine of this run stays at {_endpoints(project).pop()}" in result.stdout
    assert f"harness --state {run} down" in result.stdout
    # The next run does not take it for one that was left behind.
    assert _pytest(project, "def test_nothing(): pass").returncode == 0
    assert EmbeddedEngine(run).is_alive()
    down = subprocess.run([BIN / "harness", "--state", run, "down"], capture_output=True, text=True, check=True)
    assert down.stdout == "Stopped.\n"


FAILS = """
import pytest

@pytest.mark.parametrize("bucket", ["the-first", "the-second"])
def test_it(engine, aws, bucket):
    aws("s3").get_bucket_location(Bucket=bucket)

def test_that_passes(aws):
    aws("sqs").list_queues()
"""


def test_a_failure_comes_with_what_the_engine_logged_meanwhile(project: Path):
    result = _pytest(project, FAILS)
    assert "2 failed, 1 passed" in result.stdout
    first, second = result.stdout.split("embedded engine's log")[1:]
    assert "s3.GetBucketLocation => 404 (NoSuchBucket)" in first
    assert second.count("s3.GetBucketLocation") == 1
    assert "sqs.ListQueues" not in result.stdout


FLOWS = """
def test_it(flow, aws):
    with flow() as f:
        url = aws("sqs").create_queue(QueueName="orders")["QueueUrl"]
        aws("sqs").send_message(QueueUrl=url, MessageBody="one")
    f.settle()
    assert not f.activities

def test_that_does_not_settle(flow, aws):
    from harness.errors import FlowTimeoutError
    with flow() as f:
        aws("sqs").create_queue(QueueName="orders")
    raise FlowTimeoutError("It did not settle.", f)
"""


def test_failure_ends_with_its_flows(project: Path):
    result = _pytest(project, FLOWS)
    assert "2 failed" in result.stdout
    assert "\x1b[" not in result.stdout
    first, second = re.split("_ test_.* _", result.stdout)[1:]
    tree = first.split(" flow 1 ")[1]
    time = r"[\d.]+ m?s"
    assert re.search(rf"\n +0 ms  sqs CreateQueue orders  {time}\n +{time}  sqs SendMessage orders  {time}\n", tree)
    assert "localstack.request" not in first
    # The error names what is pending; the tree has a section.
    assert re.search(r" flow 1 -+\n +0 ms  sqs CreateQueue orders  ", second)


KILLS_THE_ENGINE = """
import json
import pathlib
import psutil

def test_the_engine_dies(engine, aws):
    [state] = pathlib.Path(".harness").glob("run-*/engine.json")
    process = psutil.Process(json.loads(state.read_text())["pid"])
    process.kill()
    process.wait(10)
    aws("s3").list_buckets()

def test_that_would_fail_for_it():
    pass
"""


def test_engine_crash_in_a_run_is_reported_once_with_log_lines(project: Path):
    result = _pytest(project, KILLS_THE_ENGINE)
    assert result.returncode != 0
    assert "The engine is gone. Its last log lines" in result.stdout
    assert "LocalStack version" in result.stdout or "AWS s3" in result.stdout or "Ready." in result.stdout
    assert "the engine ended in the middle of the test run" in result.stdout
    assert "1 failed" in result.stdout
    assert "1 passed" not in result.stdout
    assert _runs(project) == []


IS_KILLED = """
import os
import signal

def test_the_run_is_killed(engine):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_next_run_stops_the_engine_of_a_killed_run(project: Path):
    assert _pytest(project, IS_KILLED).returncode == -signal.SIGKILL
    [run] = _runs(project)
    left = EmbeddedEngine(run)
    assert left.is_alive()
    assert _pytest(project, "def test_nothing(): pass").returncode == 0
    assert not left.is_alive()
    assert _runs(project) == []


def test_engine_that_cannot_start_fails_the_run_with_the_reason(project: Path):
    (project / "sitecustomize.py").write_text(
        "import sys\nif sys.argv[:1] == ['-m'] and 'harness.emulator' in sys.orig_argv: raise SystemExit('no disk left')\n"
    )
    environment_file = "import os\nos.environ['PYTHONPATH'] = os.getcwd()\n"
    (project / "conftest.py").write_text(environment_file)
    result = _pytest(project, WRITES_ITS_ENDPOINT, "-n", "2")
    assert result.returncode != 0
    assert "The engine ended with exit code 1 while it booted" in result.stdout
    assert "no disk left" in result.stdout
    assert "INTERNALERROR" not in result.stdout + result.stderr


def test_a_wrong_setting_is_a_usage_error(project: Path):
    (project / "pyproject.toml").write_text("[tool.harness]\nprot = 4566\n")
    result = _pytest(project, "def test_nothing(): pass")
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "prot" in result.stderr
    assert "It may set: templates, engine, region, port" in result.stderr


DENIED = """
import pytest

TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}'

@pytest.mark.parametrize("n", range(3))
def test_a_role_without_rights_sends(engine, aws, n):
    url = aws("sqs").create_queue(QueueName=f"jobs-{n}")["QueueUrl"]
    try:
        role = aws("iam").create_role(RoleName="nobody", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    except aws("iam").exceptions.EntityAlreadyExistsException:
        role = aws("iam").get_role(RoleName="nobody")["Role"]["Arn"]
    given = aws("sts").assume_role(RoleArn=role, RoleSessionName="tester")["Credentials"]
    nobody = engine.client(
        "sqs", aws_access_key_id=given["AccessKeyId"], aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    nobody.send_message(QueueUrl=url, MessageBody="x")

@pytest.mark.requires("iam")
def test_that_needs_enforcement():
    pass
"""
WOULD_BE_DENIED = "IAM would have denied role nobody: sqs:SendMessage on arn:aws:sqs:us-east-1:000000000000:jobs-"


def test_report_mode_refuses_nothing_and_summarises_denials(project: Path):
    """Once for a role and an action; what only enforcement shows is skipped."""
    assert "AccessDenied" in _pytest(project, DENIED).stdout
    result = _pytest(project, DENIED, "--iam=report", "-n", "2")
    assert result.returncode == 0, result.stdout
    assert "3 passed, 1 skipped" in result.stdout
    assert result.stdout.count(WOULD_BE_DENIED) == 1
    assert "(3 times), because no identity-based policy allows the sqs:SendMessage action" in result.stdout


def test_settings_choose_iam_mode_of_the_engine_of_a_run(project: Path):
    (project / "pyproject.toml").write_text('[tool.harness]\niam = "off"\n[tool.pytest.ini_options]\n')
    result = _pytest(project, DENIED)
    assert "3 passed, 1 skipped" in result.stdout
    assert "No call was decided by IAM's policies: what AWS denies passed here." in result.stdout


def test_an_engine_that_is_up_is_in_the_runs_mode_for_the_run(project: Path):
    up = EmbeddedEngine(project / ".harness")
    target = up.start()
    for arguments in ((), ("-n", "2")):
        target.harness.call("DELETE", "/iam")
        result = _pytest(project, DENIED, "--iam=report", *arguments)
        assert "3 passed, 1 skipped" in result.stdout
        assert "(3 times)" in result.stdout
        assert target.harness.iam()["mode"] == "enforce"
        assert _runs(project) == []
    # An earlier report is not repeated.
    target.harness.set_iam("report")
    result = _pytest(project, "def test_nothing(engine): pass")
    assert "IAM would have denied nothing." in result.stdout
    assert target.harness.iam()["mode"] == "report"


def test_a_mode_that_a_killed_run_left_is_put_back_by_the_next(project: Path):
    target = EmbeddedEngine(project / ".harness").start()
    assert _pytest(project, IS_KILLED, "--iam=off").returncode == -signal.SIGKILL
    assert target.harness.iam()["mode"] == "off"
    assert _pytest(project, "def test_nothing(): pass").returncode == 0
    assert target.harness.iam()["mode"] == "enforce"


RUNS_ANOTHER = """
import subprocess, sys

def test_another_run_asks_for_another_mode(engine):
    command = [sys.executable, "-m", "pytest", "other.py", "--iam=off", "-p", "no:cacheprovider"]
    other = subprocess.run(command, capture_output=True, text=True)
    assert "Another test run (process" in other.stdout
    assert f"uses the engine at {engine.endpoint_url} with --iam=report" in other.stdout
    assert engine.harness.iam()["mode"] == "report"
"""


def test_run_keeps_the_iam_mode_of_an_engine_in_use(project: Path):
    target = EmbeddedEngine(project / ".harness").start()
    (project / "other.py").write_text("def test_it(engine): pass")
    result = _pytest(project, RUNS_ANOTHER, "--iam=report")
    assert "1 passed" in result.stdout, result.stdout
    assert target.harness.iam()["mode"] == "enforce"


@pytest.mark.parametrize("chosen", [("--engine=aws",), ("--endpoint-url=http://127.0.0.1:9",)])
def test_iam_option_is_refused_for_foreign_targets(project: Path, chosen: tuple[str, ...]):
    result = _pytest(project, "def test_nothing(): pass", "--iam=report", *chosen)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--iam is for engines of our own (embedded, docker); what the" in result.stderr
    assert "Leave --iam out, or choose --engine=embedded." in result.stderr
