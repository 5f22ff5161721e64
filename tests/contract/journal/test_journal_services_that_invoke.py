"""Services that have a function do a part of their work: the call that made them is the cause."""

import json
import uuid

from harness.journal.records import Kind, Phase

ROTATES = "def handler(event, context): return event['Step']\n"
ANSWERS = """
import json, urllib.request
def handler(event, context):
    same = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    answer = json.dumps(same | {"Status": "SUCCESS", "PhysicalResourceId": "made"}).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], data=answer, method="PUT"))
"""


def test_a_rotation_is_the_cause_of_its_steps(aws, function, journal):
    """https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html"""
    made = function(ROTATES)
    client = aws("secretsmanager")
    secret = client.create_secret(Name=f"journal-{uuid.uuid4().hex[:12]}", SecretString="hush")["ARN"]
    arn = made.client.get_function(FunctionName=made.name)["Configuration"]["FunctionArn"]
    client.rotate_secret(SecretId=secret, RotationLambdaARN=arn, RotationRules={"AutomaticallyAfterDays": 1})
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        invocation = journal.wait(
            Kind.INVOCATION,
            lambda r, step=step: r.name == made.name and r.data["event"]["Step"] == step,
            Phase.BEGIN,
        )
        assert journal.causes(invocation)[-1].name == "RotateSecret"
    client.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


def test_a_custom_resource_is_caused_by_the_stack(aws, function, journal):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html"""
    made = function(ANSWERS)
    arn = made.client.get_function(FunctionName=made.name)["Configuration"]["FunctionArn"]
    name, cloudformation = f"journal-{uuid.uuid4().hex[:12]}", aws("cloudformation")
    template = {"Resources": {"Made": {"Type": "Custom::Made", "Properties": {"ServiceToken": arn}}}}
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    invocation = journal.wait(Kind.INVOCATION, lambda r: r.name == made.name, Phase.BEGIN)
    invoke = (
        invocation if invocation.cause else journal.wait(Kind.CALL, lambda r: set(invocation.takes) & set(r.leaves))
    )
    begun = journal.wait(invoke.kind, lambda r: r.activity == invoke.activity, Phase.BEGIN)
    assert journal.causes(begun)[-1].name == "CreateStack"
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
