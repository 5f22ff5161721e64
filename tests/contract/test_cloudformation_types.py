"""CloudFormation: the Cognito types, custom resources, and what it refuses."""

import io
import json
import uuid
import zipfile

import pytest
from botocore.exceptions import ClientError

# AWS rolls back; LocalStack 4.14.0 leaves what a failed creation has made, and the stack in CREATE_FAILED.
FAILED = ("ROLLBACK_COMPLETE", "CREATE_FAILED")


def _deploy(aws, name, resources, outputs=None, *, update=False):
    template = {"Resources": resources}
    if outputs:
        template["Outputs"] = {k: {"Value": v} for k, v in outputs.items()}
    cloudformation = aws("cloudformation")
    call = cloudformation.update_stack if update else cloudformation.create_stack
    call(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    waiter = cloudformation.get_waiter("stack_update_complete" if update else "stack_create_complete")
    waiter.wait(StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}


def _failure(aws, name, resources):
    cloudformation = aws("cloudformation")
    with pytest.raises(Exception) as failed:
        _deploy(aws, name, resources)
    assert failed.value
    [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return stack["StackStatus"], " ".join(e.get("ResourceStatusReason", "") for e in events)


def _delete(aws, name):
    aws("cloudformation").delete_stack(StackName=name)
    aws("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300}
    )


@pytest.fixture
def name():
    return f"types-{uuid.uuid4().hex[:8]}"


def _pool(minimum, refresh_days):
    return {
        "Pool": {
            "Type": "AWS::Cognito::UserPool",
            "Properties": {
                "UserPoolName": "people",
                "UsernameAttributes": ["email"],
                "Policies": {"PasswordPolicy": {"MinimumLength": minimum, "RequireSymbols": "false"}},
            },
        },
        "Client": {
            "Type": "AWS::Cognito::UserPoolClient",
            "Properties": {
                "UserPoolId": {"Ref": "Pool"},
                "RefreshTokenValidity": refresh_days,
                "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            },
        },
        "Admins": {
            "Type": "AWS::Cognito::UserPoolGroup",
            "Properties": {"UserPoolId": {"Ref": "Pool"}, "GroupName": "admins", "Precedence": "3"},
        },
        "Ann": {
            "Type": "AWS::Cognito::UserPoolUser",
            "Properties": {"UserPoolId": {"Ref": "Pool"}, "Username": "ann@a.example", "MessageAction": "SUPPRESS"},
        },
        "AnnIsAdmin": {
            "Type": "AWS::Cognito::UserPoolUserToGroupAttachment",
            "Properties": {
                "UserPoolId": {"Ref": "Pool"},
                "Username": {"Ref": "Ann"},
                "GroupName": {"Ref": "Admins"},
            },
        },
        "Shop": {
            "Type": "AWS::Cognito::UserPoolResourceServer",
            "Properties": {
                "UserPoolId": {"Ref": "Pool"},
                "Identifier": "shop",
                "Name": "Shop",
                "Scopes": [{"ScopeName": "read", "ScopeDescription": "Read"}],
            },
        },
        "Identities": {
            "Type": "AWS::Cognito::IdentityPool",
            "Properties": {
                "AllowUnauthenticatedIdentities": "true",
                "CognitoIdentityProviders": [
                    {"ClientId": {"Ref": "Client"}, "ProviderName": {"Fn::GetAtt": ["Pool", "ProviderName"]}}
                ],
            },
        },
        "Roles": {
            "Type": "AWS::Cognito::IdentityPoolRoleAttachment",
            "Properties": {
                "IdentityPoolId": {"Ref": "Identities"},
                "Roles": {"authenticated": "arn:aws:iam::000000000000:role/people"},
            },
        },
    }


def test_cognito_stack_is_created_updated_and_deleted(aws, name):
    outputs = {
        "Pool": {"Ref": "Pool"},
        "Arn": {"Fn::GetAtt": ["Pool", "Arn"]},
        "Provider": {"Fn::GetAtt": ["Pool", "ProviderName"]},
        "Client": {"Ref": "Client"},
        "Group": {"Ref": "Admins"},
        "Identities": {"Ref": "Identities"},
    }
    out = _deploy(aws, name, _pool(8, 5), outputs)
    idp = aws("cognito-idp")
    pool = idp.describe_user_pool(UserPoolId=out["Pool"])["UserPool"]
    assert (pool["Arn"], pool["Name"]) == (out["Arn"], "people")
    assert out["Provider"] == f"cognito-idp.us-east-1.amazonaws.com/{out['Pool']}"
    assert pool["Policies"]["PasswordPolicy"]["RequireSymbols"] is False
    assert out["Group"] == "admins"
    [user] = idp.list_users_in_group(UserPoolId=out["Pool"], GroupName="admins")["Users"]
    assert {"Name": "email", "Value": "ann@a.example"} in user["Attributes"]
    roles = aws("cognito-identity").get_identity_pool_roles(IdentityPoolId=out["Identities"])["Roles"]
    assert roles == {"authenticated": "arn:aws:iam::000000000000:role/people"}

    again = _deploy(aws, name, _pool(12, 9), outputs, update=True)
    assert again == out
    pool = idp.describe_user_pool(UserPoolId=out["Pool"])["UserPool"]
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 12
    client = idp.describe_user_pool_client(UserPoolId=out["Pool"], ClientId=out["Client"])["UserPoolClient"]
    assert client["RefreshTokenValidity"] == 9

    _delete(aws, name)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        idp.describe_user_pool(UserPoolId=out["Pool"])
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws("cognito-identity").describe_identity_pool(IdentityPoolId=out["Identities"])


def test_a_changed_create_only_property_replaces_the_resource(aws, name):
    resources = {k: v for k, v in _pool(8, 5).items() if k in ("Pool", "Client")}
    outputs = {"Pool": {"Ref": "Pool"}, "Client": {"Ref": "Client"}}
    first = _deploy(aws, name, resources, outputs)
    resources["Client"]["Properties"]["GenerateSecret"] = True
    second = _deploy(aws, name, resources, outputs, update=True)
    assert second["Pool"] == first["Pool"]
    assert second["Client"] != first["Client"]
    clients = aws("cognito-idp").list_user_pool_clients(UserPoolId=first["Pool"])["UserPoolClients"]
    assert [c["ClientId"] for c in clients] == [second["Client"]]
    _delete(aws, name)


def test_an_unknown_property_fails_the_stack_and_is_named(aws, name):
    resources = {"Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"PasswordPolicy": {"MinimumLength": 8}}}}
    status, reasons = _failure(aws, name, resources)
    assert status in FAILED
    assert "Pool (AWS::Cognito::UserPool): unknown property PasswordPolicy" in reasons


def test_an_unknown_nested_property_is_named_with_its_path(aws, name):
    policies = {"PasswordPolicy": {"MinLength": 8}}
    resources = {"Pool": {"Type": "AWS::Cognito::UserPool", "Properties": {"Policies": policies}}}
    _status, reasons = _failure(aws, name, resources)
    assert "unknown property Policies.PasswordPolicy.MinLength" in reasons


def test_a_resource_of_unknown_type_fails_the_stack(aws, name):
    """Unpatched LocalStack reports CREATE_COMPLETE without creating anything."""
    resources = {"Thing": {"Type": "AWS::Nothing::Thing", "Properties": {}}, "Queue": {"Type": "AWS::SQS::Queue"}}
    status, reasons = _failure(aws, name, resources)
    assert status in FAILED
    assert "AWS::Nothing::Thing" in reasons


def test_the_types_that_can_be_deployed_are_listed(engine):
    types = engine.harness.call("GET", "/cloudformation/types")["types"]
    assert {"AWS::SQS::Queue", "AWS::Cognito::UserPool", "Custom::*"} <= set(types)
    assert "AWS::Nothing::Thing" not in types


CUSTOM = """
import json, urllib.request
def handler(event, context):
    properties = event["ResourceProperties"]
    failed = properties.get("Fail") == "true" and event["RequestType"] != "Delete"
    answer = {
        "Status": "FAILED" if failed else "SUCCESS", "Reason": "as you wished", "StackId": event["StackId"],
        "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"],
        "PhysicalResourceId": "thing-1", "Data": {"Shout": properties["Word"].upper(), "Kind": event["RequestType"]},
    }
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], data=body, method="PUT"))
"""


@pytest.fixture
def custom_function(aws, name):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", CUSTOM)
    arn = aws("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="index.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=20,
    )["FunctionArn"]
    aws("lambda").get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})
    yield arn
    aws("lambda").delete_function(FunctionName=name)


def _custom(arn, **properties):
    return {"Thing": {"Type": "Custom::Thing", "Properties": {"ServiceToken": arn, **properties}}}


def test_custom_resource_has_the_attributes_of_its_function(aws, name, custom_function):
    outputs = {
        "Shout": {"Fn::GetAtt": ["Thing", "Shout"]},
        "Kind": {"Fn::GetAtt": ["Thing", "Kind"]},
        "Id": {"Ref": "Thing"},
    }
    out = _deploy(aws, name, _custom(custom_function, Word="hello"), outputs)
    assert out == {"Shout": "HELLO", "Kind": "Create", "Id": "thing-1"}
    out = _deploy(aws, name, _custom(custom_function, Word="bye"), outputs, update=True)
    assert out == {"Shout": "BYE", "Kind": "Update", "Id": "thing-1"}
    _delete(aws, name)


def test_failed_custom_resource_fails_the_stack_with_its_reason(aws, name, custom_function):
    status, reasons = _failure(aws, name, _custom(custom_function, Word="x", Fail=True))
    assert status in FAILED
    assert "as you wished" in reasons
