"""What a function's role needs for its log.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
"""

import re
from uuid import uuid4

import pytest

from harness.journal.records import Kind
from tests.contract.access.conftest import allow
from tests.contract.functions import log_lines

PRINTS = "def handler(event, context): print('here')\n"


@pytest.fixture
def group(aws):
    """The name of a log group that is not there yet."""
    name = f"/contract/{uuid4().hex[:12]}"
    yield name
    try:
        aws("logs").delete_log_group(logGroupName=name)
    except aws("logs").exceptions.ResourceNotFoundException:
        return


def _denied(f):
    return [note.begin for note in f.find(Kind.DECISION, service="iam") if not note.data["allowed"]]


def test_log_lines_reach_existing_group_without_create_right(aws, function, role, group):
    aws("logs").create_log_group(logGroupName=group)
    writes = role(allow(["logs:CreateLogStream", "logs:PutLogEvents"]))
    function(PRINTS, Role=writes.arn, LoggingConfig={"LogGroup": group}).invoke()
    assert "here\n" in log_lines(aws, group, lambda lines: "here\n" in lines)


def test_missing_log_group_is_created_if_the_role_may(aws, function, role, group):
    writes = role(allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]))
    function(PRINTS, Role=writes.arn, LoggingConfig={"LogGroup": group}).invoke()
    assert "here\n" in log_lines(aws, group, lambda lines: "here\n" in lines)


@pytest.mark.parametrize(
    ("rights", "missing", "stream"),
    [
        ([], "logs:CreateLogGroup", ""),
        (["logs:CreateLogGroup"], "logs:CreateLogStream", r"\d{4}/.*"),
        (["logs:CreateLogGroup", "logs:CreateLogStream"], "logs:PutLogEvents", r"\d{4}/.*"),
    ],
)
def test_missing_log_permission_is_recorded_function_succeeds(flow, function, role, group, rights, missing, stream):
    writes = role(allow([*rights, "sqs:ListQueues"]))
    made = function(PRINTS, Role=writes.arn, LoggingConfig={"LogGroup": group})
    with flow() as f:
        assert made.invoke().error is None
    [denied] = _denied(f.wait_until(_denied))
    assert denied.name == missing
    assert re.fullmatch(f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:log-stream:{stream}", denied.resource)
    assert (denied.data["role"], denied.data["operation"]) == (writes.arn, missing.replace(":", "."))
    assert (denied.account_id, denied.region) == ("000000000000", "us-east-1")


def test_lines_meet_the_faults_of_a_test(aws, faults, function, group):
    aws("logs").create_log_group(logGroupName=group)
    made = function("def handler(event, context): print(event)\n", LoggingConfig={"LogGroup": group})
    with faults.failing(
        "logs", "PutLogEvents", code="ServiceUnavailableException", status=503, times=1, when=f"logGroupName=='{group}'"
    ) as fault:
        made.invoke("lost")
        made.invoke("written")
        lines = log_lines(aws, group, lambda lines: "written\n" in lines)
        assert fault.struck == 1
    assert "lost\n" not in lines
