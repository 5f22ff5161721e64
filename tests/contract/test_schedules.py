"""Schedules as EventBridge has them, run on demand: of rules, and of EventBridge Scheduler.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
"""

import contextlib
import json
import re
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from harness.errors import EngineError
from harness.journal.records import Kind

WINDOW = {"Mode": "OFF"}


@pytest.fixture
def name():
    return f"contract-{uuid4().hex[:12]}"


@pytest.fixture
def role(aws, name):
    """`role(statement, ...)`: a role that the Scheduler may assume, and what it may do."""
    iam, made = aws("iam"), []

    def make(*may, trusts="scheduler.amazonaws.com"):
        trust = {"Effect": "Allow", "Principal": {"Service": trusts}, "Action": "sts:AssumeRole"}
        role_name = f"{name}-{len(made)}"
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        made.append(role_name)
        if may:
            allowed = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in may]
            policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
            iam.put_role_policy(RoleName=role_name, PolicyName="may", PolicyDocument=policy)
        return arn

    yield make
    for role_name in made:
        for policy in iam.list_role_policies(RoleName=role_name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role_name, PolicyName=policy)
        iam.delete_role(RoleName=role_name)


@pytest.fixture
def schedule(aws, name):
    """`schedule(target, expression=..., **options)`: makes it, and removes it."""
    scheduler = aws("scheduler")

    def make(target, expression="rate(1 day)", **options):
        return scheduler.create_schedule(
            Name=name, ScheduleExpression=expression, FlexibleTimeWindow=WINDOW, Target=target, **options
        )["ScheduleArn"]

    yield make
    with contextlib.suppress(scheduler.exceptions.ResourceNotFoundException):
        scheduler.delete_schedule(Name=name)


@pytest.fixture
def rule(aws, name):
    events = aws("events")

    def make(target, expression="rate(1 day)", **options):
        arn = events.put_rule(Name=name, ScheduleExpression=expression, **options)["RuleArn"]
        events.put_targets(Rule=name, Targets=[{"Id": "one", **target}])
        return arn

    yield make
    events.remove_targets(Rule=name, Ids=["one"])
    events.delete_rule(Name=name)


# ---- rules -------------------------------------------------------------------------------------------------------


def test_scheduled_rule_sends_its_event_to_the_target(rule, fire, queue, name):
    """https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-scheduled-events.html"""
    arn = rule({"Arn": queue.arn})
    assert fire("schedule", schedule=name) == {"schedule": arn, "state": "ENABLED", "targets": 1}
    event = json.loads(queue.receive()["Body"])
    assert re.fullmatch(r"[0-9a-f-]{36}", event.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event.pop("time"))
    assert event == {
        "version": "0",
        "account": "000000000000",
        "region": "us-east-1",
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "resources": [arn],
        "detail": {},
    }


def test_scheduled_rule_sends_its_constant_input(rule, fire, queue, name):
    rule({"Arn": queue.arn, "Input": '{"digest": "weekly"}'})
    fire("schedule", schedule=name)
    assert json.loads(queue.receive()["Body"]) == {"digest": "weekly"}


def test_disabled_rule_reaches_no_target(rule, fire, queue, name, flow):
    arn = rule({"Arn": queue.arn}, State="DISABLED")
    with flow() as f:
        assert fire("schedule", schedule=name) == {"schedule": arn, "state": "DISABLED", "targets": 0}
    f.settle()
    assert not f.find(Kind.DELIVERY)
    [finding] = f.explain()
    assert finding.sentence == f"Rule {name} is disabled, so rate(1 day) reaches no target."


@pytest.mark.parametrize("wrong", ["rate(1 days)", "cron(0 10 * * * *)", "cron(0 10 * *)", "at(2030-01-01T00:00:00)"])
def test_a_rule_whose_schedule_is_none_is_refused(aws, name, wrong):
    with pytest.raises(ClientError) as error:
        aws("events").put_rule(Name=name, ScheduleExpression=wrong)
    assert error.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Parameter ScheduleExpression is not valid.",
    }


def test_a_name_that_is_no_schedule_cannot_be_fired(fire, aws, name):
    aws("events").put_rule(Name=name, EventPattern='{"source": ["nobody"]}')
    with pytest.raises(EngineError, match=f"there is no schedule {name}, nor a rule of that name that has one"):
        fire("schedule", schedule=name)
    aws("events").delete_rule(Name=name)


# ---- EventBridge Scheduler ---------------------------------------------------------------------------------------


def test_schedule_without_input_sends_a_scheduled_event(schedule, role, fire, queue, name):
    arn = schedule({"Arn": queue.arn, "RoleArn": role(("sqs:SendMessage", queue.arn))})
    assert fire("schedule", schedule=name) == {"schedule": arn, "state": "ENABLED", "targets": 1}
    event = json.loads(queue.receive()["Body"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event.pop("time"))
    assert event.pop("id")
    assert event == {
        "version": "0",
        "account": "000000000000",
        "region": "us-east-1",
        "source": "aws.scheduler",
        "detail-type": "Scheduled Event",
        "resources": [arn],
        "detail": "{}",
    }


def test_context_attributes_in_the_input_are_those_of_the_run(schedule, role, fire, queue, name):
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html"""
    given = {"of": "<aws.scheduler.schedule-arn>", "attempt": "<aws.scheduler.attempt-number>", "plain": 1}
    may = role(("sqs:SendMessage", queue.arn))
    arn = schedule({"Arn": queue.arn, "RoleArn": may, "Input": json.dumps(given)})
    fire("schedule", schedule=f"default/{name}")
    assert json.loads(queue.receive()["Body"]) == {"of": arn, "attempt": "1", "plain": 1}


def test_a_universal_target_is_an_operation_of_a_service(schedule, role, fire, queue, name):
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html"""
    call = {"QueueUrl": queue.url, "MessageBody": "by the universal target"}
    may = role(("sqs:SendMessage", queue.arn))
    schedule({"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": may, "Input": json.dumps(call)})
    fire("schedule", schedule=name)
    assert queue.receive()["Body"] == "by the universal target"


def test_a_schedule_invokes_a_function_with_its_role(schedule, role, function, fire, name, flow):
    made = function("def handler(event, context): return event")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{made.name}"
    schedule({"Arn": arn, "RoleArn": role(("lambda:InvokeFunction", arn)), "Input": '{"digest": true}'})
    with flow() as f:
        fire("schedule", schedule=name)
    f.settle()
    [invocation] = f.find(Kind.INVOCATION)
    assert invocation.data["event"] == {"digest": True}
    assert not f.explain()


def test_schedule_target_denied_to_role_is_dead_lettered(aws, schedule, role, fire, queue, name, flow):
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"""
    target = aws("sqs").create_queue(QueueName=f"{name}-target")["QueueUrl"]
    target_arn = queue.arn.rpartition(":")[0] + f":{name}-target"
    may = role(("sqs:SendMessage", queue.arn))
    dead = {"DeadLetterConfig": {"Arn": queue.arn}}
    arn = schedule({"Arn": target_arn, "RoleArn": may, "Input": "the text", **dead})
    with flow() as f:
        fire("schedule", schedule=name)
    f.settle()
    message = queue.receive()
    assert message["Body"] == "the text"
    said = {name: attribute["StringValue"] for name, attribute in message["MessageAttributes"].items()}
    assert re.fullmatch(r"[0-9a-f]{16}", said.pop("EXECUTION_ID"))
    assert said.pop("SCHEDULED_TIME").endswith("Z")
    assert "is not authorized to perform: sqs:sendmessage" in said.pop("ERROR_MESSAGE")
    assert said == {
        "ERROR_CODE": "AccessDenied",
        "IS_PAYLOAD_TRUNCATED": "false",
        "RETRY_ATTEMPTS": "0",
        "SCHEDULE_ARN": arn,
        "TARGET_ARN": target_arn,
    }
    [finding] = f.explain()
    assert finding.cause == "role-not-allowed"
    assert not finding.lost
    aws("sqs").delete_queue(QueueUrl=target)


def test_throttled_schedule_target_is_retried_by_its_policy(schedule, role, fire, faults, queue, name, flow):
    """https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html"""
    target = {"Arn": queue.arn, "RoleArn": role(("sqs:SendMessage", queue.arn)), "Input": name}
    schedule(target | {"RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 3600}})
    with faults.failing("sqs", "SendMessage", code="ThrottlingException", when=f"MessageBody == '{name}'"):
        with flow() as f:
            fire("schedule", schedule=name)
        f.settle(hurry=True)
    assert [d.data["attempt"] for d in f.find(Kind.DELIVERY)] == [1, 2]
    [given_up] = f.find(Kind.DEAD_LETTER)
    assert given_up.data["reason"] == "RetriesExhausted"


def test_one_time_schedule_is_deleted_after_its_run_if_requested(aws, schedule, role, fire, queue, name):
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html"""
    target = {"Arn": queue.arn, "RoleArn": role(("sqs:SendMessage", queue.arn))}
    schedule(target, "at(2099-01-01T00:00:00)", ActionAfterCompletion="DELETE")
    fire("schedule", schedule=name)
    queue.receive()
    with pytest.raises(aws("scheduler").exceptions.ResourceNotFoundException):
        aws("scheduler").get_schedule(Name=name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"expression": "rate(5 minute)"}, "Invalid Schedule Expression rate(5 minute)."),
        ({"ScheduleExpressionTimezone": "Europe/Atlantis"}, "there is no time zone 'Europe/Atlantis'"),
    ],
)
def test_a_schedule_that_can_never_run_is_refused(schedule, role, queue, options, said):
    with pytest.raises(ClientError) as error:
        schedule({"Arn": queue.arn, "RoleArn": role()}, **options)
    assert error.value.response["Error"] == {"Code": "ValidationException", "Message": said}


def test_a_target_that_cannot_be_invoked_here_is_refused(schedule, role):
    target = {"Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/some", "RoleArn": role()}
    with pytest.raises(ClientError, match="of a service that is not invoked here"):
        schedule(target)
