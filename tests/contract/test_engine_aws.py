"""The aws engine where the account is an emulator's: whom it refuses, what it remembers.

AWS's own tools go to AWS_ENDPOINT_URL instead of to AWS
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html), and so does the engine.
"""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from harness.engine import Target
from harness.engine.aws import AwsEngine
from harness.errors import EngineError, MissingCapabilityError

ACCOUNT = "222233334444"
OTHER_ACCOUNT = "555566667777"


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: Target) -> pytest.MonkeyPatch:
    """A shell with credentials of ACCOUNT, and no other: not the machine's own files, not a metadata service."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(engine.endpoint_url))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return monkeypatch


def _aws(folder: Path, **arguments) -> AwsEngine:
    return AwsEngine(folder, **{"accounts": [ACCOUNT], "region": "eu-west-1", **arguments})


@pytest.mark.parametrize("listed", [[], [OTHER_ACCOUNT]])
def test_unlisted_account_is_refused_and_no_state_is_kept(tmp_path, listed):
    refused = _aws(tmp_path, accounts=listed)
    with pytest.raises(EngineError, match=rf"of the AWS account {ACCOUNT}, and the project lists .*Nothing was done"):
        refused.start()
    assert not refused.is_alive()
    assert list(tmp_path.iterdir()) == []


def test_listed_account_gets_a_separate_deployment(tmp_path):
    target = _aws(tmp_path / "a").start()
    assert (target.account_id, target.region) == (ACCOUNT, "eu-west-1")
    assert target.deployment is not None
    assert _aws(tmp_path / "a").find() == _aws(tmp_path / "a").start() == target
    assert _aws(tmp_path / "b").start().deployment != target.deployment


def test_calls_are_signed_with_environment_credentials(tmp_path):
    target = _aws(tmp_path).start()
    assert target.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert target.session.get_credentials().secret_key == "test"


def test_nothing_is_observed_but_through_awss_own_apis(tmp_path):
    target = _aws(tmp_path).start()
    assert "outbox" not in target.capabilities
    for observe in (lambda: target.harness, lambda: target.outbox, lambda: target.reachable_from):
        with pytest.raises(MissingCapabilityError):
            observe()


def test_deployment_survives_and_refuses_other_credentials(tmp_path, shell):
    began = _aws(tmp_path).start()
    shell.setenv("AWS_ACCESS_KEY_ID", OTHER_ACCOUNT)
    with pytest.raises(
        EngineError, match=f"{began.deployment} was deployed to the AWS account {ACCOUNT}, and .* {OTHER_ACCOUNT}"
    ):
        _aws(tmp_path).find()
    assert _aws(tmp_path).is_alive()


def test_deployment_is_found_at_its_original_endpoint(tmp_path, shell, engine):
    began = _aws(tmp_path).start()
    shell.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert _aws(tmp_path).find() == began
    assert began.endpoint_url == engine.endpoint_url


def test_aws_itself_is_aws_itself_whatever_the_environment_says(shell):
    shell.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
    itself = Target("aws", None, "eu-west-1", ACCOUNT, ambient_credentials=True)
    for service in ("sts", "sqs"):
        assert itself.client(service).meta.endpoint_url == f"https://{service}.eu-west-1.amazonaws.com"


def test_stop_forgets(tmp_path):
    aws = _aws(tmp_path)
    assert not aws.stop()
    aws.start()
    assert aws.stop()
    assert aws.find() is None


def test_without_credentials_it_says_how_to_get_them(tmp_path, shell):
    shell.delenv("AWS_ACCESS_KEY_ID")
    shell.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(EngineError, match=r"Unable to locate credentials\. 'aws sts get-caller-identity' must work"):
        _aws(tmp_path / "state").start()


def test_a_profile_gives_credentials_and_region(tmp_path, shell):
    shell.delenv("AWS_ACCESS_KEY_ID")
    shell.delenv("AWS_SECRET_ACCESS_KEY")
    (tmp_path / "config").write_text("[profile work]\nregion = eu-north-1\n")
    (tmp_path / "credentials").write_text(f"[work]\naws_access_key_id = {ACCOUNT}\naws_secret_access_key = s\n")
    target = _aws(tmp_path / "state", region=None, profile="work").start()
    assert (target.account_id, target.region) == (ACCOUNT, "eu-north-1")
    with pytest.raises(EngineError, match=r"config profile \(play\) could not be found"):
        _aws(tmp_path / "other", region=None, profile="play").start()


def test_missing_region_raises_until_environment_sets_one(tmp_path, shell):
    with pytest.raises(EngineError, match=r"Which region of AWS\?"):
        _aws(tmp_path, region=None).start()
    shell.setenv("AWS_REGION", "ap-south-1")
    assert _aws(tmp_path, region=None).start().region == "ap-south-1"


TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Application: {Type: String, Default: shop}
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "${Application}-orders"}
"""
TESTS = """
def test_queue_exists_under_the_name_of_the_run(aws, deployment, engine):
    url = deployment["orders"].resources["Orders"].physical_id
    assert url.endswith(f"/{engine.deployment}-orders")
    aws("sqs").send_message(QueueUrl=url, MessageBody="an order")

def test_that_mails(outbox):
    raise AssertionError

def test_that_fails(deployment):
    raise AssertionError("on purpose")
"""


def test_run_on_aws_apis_deploys_tests_and_removes_everything(tmp_path, shell, endpoint_without_harness, engine):
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "test_orders.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.harness]\ntemplates = ["*/template.yaml"]\naccounts = ["{ACCOUNT}"]\nname_parameter = "Application"\n'
        "[tool.pytest.ini_options]\n"
    )
    shell.setenv("AWS_ENDPOINT_URL", endpoint_without_harness)
    shell.setenv("AWS_REGION", "eu-west-1")
    pytest_program = Path(sys.executable).parent / "pytest"
    command = [pytest_program, "--engine=aws", "-p", "no:randomly", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert "1 failed, 1 passed, 1 skipped" in run.stdout, run.stdout + run.stderr
    assert "outbox: 1 test skipped. needs a target that shows mails" in run.stdout
    assert re.search(r"Removed harness:run=harness-\w{6} from .*: 1 stack: harness-\w{6}-orders", run.stdout), (
        run.stdout
    )
    assert list((tmp_path / ".harness").glob("run-*")) == []
    of_the_account = replace(engine, account_id=ACCOUNT, region="eu-west-1")
    assert "QueueUrls" not in of_the_account.client("sqs").list_queues()
    stacks = of_the_account.client("cloudformation").describe_stacks()["Stacks"]
    assert {stack["StackStatus"] for stack in stacks} <= {"DELETE_COMPLETE"}
