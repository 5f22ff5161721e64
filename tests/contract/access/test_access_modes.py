"""`enforce` refuses, `report` only logs, `off` evaluates no policy."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engine import Target
from harness.engine.embedded import EmbeddedEngine
from harness.engine.ports import any_free_port
from harness.errors import EngineError
from tests.contract.access.conftest import Role, allow, document, name, refused

EVERYONE = {"Principal": "*", "Action": "sts:AssumeRole"}


@pytest.fixture(autouse=True)
def _enforced() -> None:
    """A separate engine for this test, in the mode that it chooses."""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    monkeypatch.setitem(os.environ, "HARNESS_IAM", "report")
    engine = EmbeddedEngine(tmp_path, port=any_free_port(), owner_pid=os.getpid())
    yield engine.start()
    engine.stop()


def test_iam_mode_comes_from_environment_and_changes_at_run_time(own: Target):
    sqs, iam = own.client("sqs"), own.client("iam")
    url = sqs.create_queue(QueueName=name())["QueueUrl"]
    arn = iam.create_role(RoleName="nobody", AssumeRolePolicyDocument=document(EVERYONE))["Role"]["Arn"]
    role = Role(own, "nobody", arn)
    nobody = role.client("sqs")

    nobody.send_message(QueueUrl=url, MessageBody="x")
    told = own.harness.get("/iam")
    assert told["mode"] == "report"
    [denied] = told["denied"]
    assert (denied["action"], denied["enforced"]) == ("sqs:SendMessage", False)

    assert own.harness.call("PUT", "/iam", json={"mode": "enforce"}) == {"mode": "enforce"}
    assert refused(nobody.send_message, QueueUrl=url, MessageBody="x")[0] == "AccessDenied"
    assert [d["enforced"] for d in own.harness.get("/iam")["denied"]] == [False, True]
    # What was let through is counted, what was refused is not.
    [reported] = own.harness.get("/iam")["reported"]
    assert (reported["principal"], reported["action"], reported["count"]) == (arn, "sqs:SendMessage", 1)
    assert reported["resources"] == [f"arn:aws:sqs:us-east-1:000000000000:{url.rpartition('/')[2]}"]

    # An operation that could be asked on more than `*`, were it known what it is about, is counted.
    role.may(allow("cloudwatch:*"))
    role.client("cloudwatch").describe_alarms()
    assert own.harness.get("/iam")["unmapped"] == {"cloudwatch:DescribeAlarms": 1}

    own.harness.call("DELETE", "/iam")
    own.harness.call("PUT", "/iam", json={"mode": "off"})
    nobody.send_message(QueueUrl=url, MessageBody="x")
    assert own.harness.get("/iam") == {"mode": "off", "denied": [], "reported": [], "unmapped": {}}

    with pytest.raises(EngineError, match="enforce"):
        own.harness.call("PUT", "/iam", json={"mode": "maybe"})
