"""Addresses in templates are AWS's
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html#cfn-pseudo-param-urlsuffix)."""

import json
import uuid

import pytest

QUICKLY = {"Delay": 0.2, "MaxAttempts": 600}
ADDRESS = {"Fn::Sub": "https://abcdefghij.execute-api.${AWS::Region}.${AWS::URLSuffix}/v1"}


@pytest.mark.parametrize("region", ["eu-central-1", "us-west-2"])
def test_url_suffix_is_that_of_aws_and_addresses_are_unchanged(engine, region):
    name = f"addresses-{uuid.uuid4().hex[:12]}"
    cloudformation = engine.client("cloudformation", region_name=region)
    body = {
        "Resources": {"Address": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": ADDRESS}}},
        "Outputs": {
            "Name": {"Value": {"Ref": "Address"}},
            "Socket": {"Value": {"Fn::Sub": "wss://x.${AWS::URLSuffix}"}},
        },
    }
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(body))
    try:
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=QUICKLY)
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        parameter = engine.client("ssm", region_name=region).get_parameter(Name=outputs["Name"])["Parameter"]
        assert parameter["Value"] == f"https://abcdefghij.execute-api.{region}.amazonaws.com/v1"
        assert outputs["Socket"] == "wss://x.amazonaws.com"
    finally:
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=QUICKLY)
