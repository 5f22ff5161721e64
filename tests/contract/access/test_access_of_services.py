"""What services may do when they deliver: by their principal and the target's policy, or by the role that they are given."""

import json
import zipfile
from io import BytesIO
from uuid import uuid4

import pytest
from botocore.config import Config

from tests.contract.access.conftest import allow, name, refused

EVENTS, SNS, S3, LAMBDA = ({"Service": f"{s}.amazonaws.com"} for s in ("events", "sns", "s3", "lambda"))


@pytest.fixture
def rule(aws):
    """`rule(target)`: a rule for a unique source. Returns the source and the rule's ARN."""
    events, made = aws("events"), []

    def make(**target):
        source, rule = f"access.{uuid4().hex}", name()
        arn = events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))["RuleArn"]
        events.put_targets(Rule=rule, Targets=[{"Id": "target", **target}])
        made.append(rule)
        return source, arn

    yield make
    for rule in made:
        events.remove_targets(Rule=rule, Ids=["target"])
        events.delete_rule(Name=rule)


def put(aws, source: str, detail: str = "{}") -> None:
    answer = aws("events").put_events(Entries=[{"Source": source, "DetailType": "Happened", "Detail": detail}])
    assert answer["FailedEntryCount"] == 0


def test_a_rule_delivers_to_a_queue_that_lets_it_in(aws, queue, rule):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions"""
    target = queue()
    source, arn = rule(Arn=target.arn)
    target.let_in(EVENTS, Condition={"ArnEquals": {"aws:SourceArn": arn}})
    put(aws, source)
    assert json.loads(target.receive()["Body"])["source"] == source


def test_event_denied_by_target_goes_to_rule_dead_letter_queue(aws, queue, rule):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html"""
    target, dead = queue(), queue()
    source, arn = rule(Arn=target.arn, DeadLetterConfig={"Arn": dead.arn})
    dead.let_in(EVENTS, Condition={"ArnEquals": {"aws:SourceArn": arn}})
    put(aws, source, '{"whole": true}')
    letter = dead.receive()
    assert json.loads(letter["Body"])["detail"] == {"whole": True}
    attributes = {k: v["StringValue"] for k, v in letter["MessageAttributes"].items()}
    assert (attributes["ERROR_CODE"], attributes["RULE_ARN"], attributes["TARGET_ARN"]) == (
        "NO_PERMISSIONS",
        arn,
        target.arn,
    )
    assert target.is_empty


def test_a_rule_with_a_role_delivers_with_the_roles_rights(aws, queue, role, rule):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-iam-roles.html"""
    target, dead = queue(), queue()
    delivers = role(allow("sqs:SendMessage", target.arn), trusts=EVENTS)
    source, _ = rule(Arn=target.arn, RoleArn=delivers.arn)
    put(aws, source)
    target.receive()
    may_not = role(trusts=EVENTS)
    source, arn = rule(Arn=target.arn, RoleArn=may_not.arn, DeadLetterConfig={"Arn": dead.arn})
    dead.let_in(EVENTS, Condition={"ArnEquals": {"aws:SourceArn": arn}})
    put(aws, source)
    assert dead.receive()["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"


def test_topic_delivery_needs_queue_policy_else_is_dead_lettered(aws, queue):
    """https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html"""
    sns, target, dead = aws("sns"), queue(), queue()
    topic = sns.create_topic(Name=name())["TopicArn"]
    dead.let_in(SNS, Condition={"ArnEquals": {"aws:SourceArn": topic}})
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=target.arn,
        Attributes={"RawMessageDelivery": "true", "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn})},
    )
    sns.publish(TopicArn=topic, Message="first")
    assert dead.receive()["Body"] == "first"
    target.let_in(SNS, Condition={"ArnEquals": {"aws:SourceArn": topic}})
    sns.publish(TopicArn=topic, Message="second")
    assert target.receive()["Body"] == "second"
    sns.delete_topic(TopicArn=topic)


def test_a_bucket_notifies_only_what_lets_it_in(aws, queue):
    """S3 tries it when the notification is configured
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html)."""
    s3, target, bucket = aws("s3"), queue(), name()
    s3.create_bucket(Bucket=bucket)
    configuration = {"QueueConfigurations": [{"QueueArn": target.arn, "Events": ["s3:ObjectCreated:*"]}]}
    code, _, message = refused(
        s3.put_bucket_notification_configuration, Bucket=bucket, NotificationConfiguration=configuration
    )
    assert (code, message) == ("InvalidArgument", "Unable to validate the following destination configurations")
    target.let_in(S3, Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    s3.delete_bucket(Bucket=bucket)


def archive(source: str) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        into.writestr("index.py", source)
    return packed.getvalue()


@pytest.fixture
def function(aws):
    """`function(role, source, **options)`: the ARN of a function."""
    functions, made = aws("lambda"), []

    def make(role, source: str, **options) -> str:
        function = name()
        answer = functions.create_function(
            FunctionName=function,
            Runtime="python3.11",
            Handler="index.handler",
            Role=role.arn,
            Code={"ZipFile": archive(source)},
            Timeout=20,
            **options,
        )
        made.append(function)
        functions.get_waiter("function_active_v2").wait(FunctionName=function)
        return str(answer["FunctionArn"])

    yield make
    for function in made:
        functions.delete_function(FunctionName=function)


FAILS = "def handler(event, context):\n    raise ValueError('no')\n"


def test_dead_letter_queue_without_send_permission_is_refused(aws, function, queue, role):
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq"""
    dead, executes = queue(), role(trusts=LAMBDA)
    arn = function(executes, FAILS)
    change = {"FunctionName": arn, "DeadLetterConfig": {"TargetArn": dead.arn}}
    assert refused(aws("lambda").update_function_configuration, **change) == (
        "InvalidParameterValueException",
        400,
        "The provided execution role does not have permissions to call SendMessage on SQS",
    )
    destination = {"FunctionName": arn, "DestinationConfig": {"OnFailure": {"Destination": dead.arn}}}
    assert refused(aws("lambda").put_function_event_invoke_config, **destination) == (
        "InvalidParameterValueException",
        400,
        f"The function's execution role does not have permissions to call SendMessage on {dead.arn}",
    )
    executes.may(allow("sqs:SendMessage", dead.arn))
    aws("lambda").update_function_configuration(**change)
    aws("lambda").put_function_event_invoke_config(**destination)


def test_dead_letter_is_lost_after_role_loses_send_permission(aws, function, queue, role):
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq"""
    dead, told = queue(), queue()
    executes = role(allow("sqs:SendMessage"), trusts=LAMBDA)
    arn = function(executes, FAILS, DeadLetterConfig={"TargetArn": dead.arn})
    configure = aws("lambda").put_function_event_invoke_config
    on_failure = {"OnFailure": {"Destination": told.arn}}
    configure(FunctionName=arn, MaximumRetryAttempts=0, DestinationConfig=on_failure)
    executes.may(allow("sqs:SendMessage", told.arn))
    send = {"FunctionName": arn, "InvocationType": "Event", "Payload": b'{"n": 1}'}
    aws("lambda").invoke(**send)
    # The destination's message precedes the dead letter, so the second event's message follows the first's dead letter.
    told.take()
    aws("lambda").invoke(**send)
    told.take()
    assert dead.is_empty


def test_a_function_of_another_topic_is_not_invoked(aws, function, queue, role):
    """https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"""
    sns, dead = aws("sns"), queue()
    arn = function(role(trusts=LAMBDA), FAILS)
    topic = sns.create_topic(Name=name())["TopicArn"]
    dead.let_in(SNS, Condition={"ArnEquals": {"aws:SourceArn": topic}})
    aws("lambda").add_permission(
        FunctionName=arn,
        StatementId="other",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic + "-other",
    )
    sns.subscribe(
        TopicArn=topic,
        Protocol="lambda",
        Endpoint=arn,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead.arn})},
    )
    sns.publish(TopicArn=topic, Message="to nobody")
    assert json.loads(dead.receive()["Body"])["Message"] == "to nobody"
    sns.delete_topic(TopicArn=topic)


def test_mapping_without_read_permission_on_source_is_refused(aws, function, queue, role):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions"""
    source = queue()
    executes = role(trusts=LAMBDA)
    arn = function(executes, FAILS)
    code, status, message = refused(
        aws("lambda").create_event_source_mapping, FunctionName=arn, EventSourceArn=source.arn
    )
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert message == "The function execution role does not have permissions to call ReceiveMessage on SQS"
    executes.may(allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], source.arn))
    made = aws("lambda").create_event_source_mapping(FunctionName=arn, EventSourceArn=source.arn)
    aws("lambda").delete_event_source_mapping(UUID=made["UUID"])


def test_a_state_machine_has_the_rights_of_its_role(engine, queue, role):
    """https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html"""
    # StartSyncExecution has a separate host, which a name of this machine does not cover.
    states = engine.client("stepfunctions", config=Config(inject_host_prefix=False))
    target = queue()
    executes = role(trusts={"Service": "states.amazonaws.com"})
    definition = {
        "StartAt": "Send",
        "States": {
            "Send": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage",
                "Parameters": {"QueueUrl": target.url, "MessageBody": "x"},
                "End": True,
            }
        },
    }
    machine = states.create_state_machine(
        name=name(), definition=json.dumps(definition), roleArn=executes.arn, type="EXPRESS"
    )["stateMachineArn"]
    failed = states.start_sync_execution(stateMachineArn=machine)
    assert failed["status"] == "FAILED"
    assert "is not authorized to perform: sqs:sendmessage" in failed["cause"]
    executes.may(allow("sqs:SendMessage", target.arn))
    assert states.start_sync_execution(stateMachineArn=machine)["status"] == "SUCCEEDED"
    states.delete_state_machine(stateMachineArn=machine)


def test_task_token_call_needs_permission_on_its_state_machine(aws, queue, role):
    """The Service Authorization Reference names no resource for SendTaskSuccess. AWS evaluates it on the state machine:
    CDK's grantTaskResponse allows it there (https://github.com/aws/aws-cdk/pull/8486)."""
    target, executes = queue(), role(trusts={"Service": "states.amazonaws.com"})
    executes.may(allow("sqs:SendMessage", target.arn))
    definition = {
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": {"QueueUrl": target.url, "MessageBody.$": "$$.Task.Token"},
                "End": True,
            }
        },
    }
    states = aws("stepfunctions")
    machine = states.create_state_machine(name=name(), definition=json.dumps(definition), roleArn=executes.arn)
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    [message] = aws("sqs").receive_message(QueueUrl=target.url, WaitTimeSeconds=20)["Messages"]
    answer = {"taskToken": message["Body"], "output": "{}"}
    foreign = role(allow("states:SendTaskSuccess", f"{machine['stateMachineArn']}-other")).client("stepfunctions")
    assert refused(foreign.send_task_success, **answer)[0] == "AccessDeniedException"
    role(allow("states:SendTaskSuccess", machine["stateMachineArn"])).client("stepfunctions").send_task_success(
        **answer
    )
    aws("stepfunctions").stop_execution(executionArn=execution)
    states.delete_state_machine(stateMachineArn=machine["stateMachineArn"])


def test_denial_list_reports_action_resource_and_reason(engine, queue, role):
    target, nobody = queue(), role()
    refused(nobody.client("sqs").send_message, QueueUrl=target.url, MessageBody="x")
    told = engine.harness.call("GET", "/iam", params={"limit": 1000})
    [denied] = [d for d in told["denied"] if d["principal"] == nobody.session_arn]
    assert denied["operation"] == "sqs.SendMessage"
    assert (denied["action"], denied["resource"]) == ("sqs:SendMessage", target.arn)
    assert (denied["by"], denied["missing"]) == (None, "identity")
    assert denied["enforced"] is True
