"""CloudFormation's Cognito types.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Cognito.html
"""

import json
import uuid

import pytest
from botocore.exceptions import ClientError, WaiterError

PATIENCE = {"Delay": 1, "MaxAttempts": 30}


@pytest.fixture
def stack(aws):
    cloudformation, names = aws("cloudformation"), []

    class Stack:
        name = f"cfn-{uuid.uuid4().hex[:10]}"

        def put(self, resources, outputs=None):
            template = {"Resources": resources, "Outputs": {k: {"Value": v} for k, v in (outputs or {}).items()}}
            exists = self.name in names
            act = cloudformation.update_stack if exists else cloudformation.create_stack
            act(StackName=self.name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
            names.append(self.name)
            waiter = cloudformation.get_waiter("stack_update_complete" if exists else "stack_create_complete")
            waiter.wait(StackName=self.name, WaiterConfig=PATIENCE)
            [described] = cloudformation.describe_stacks(StackName=self.name)["Stacks"]
            return {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", [])}

        def remove(self):
            cloudformation.delete_stack(StackName=self.name)
            cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig=PATIENCE)

        def reasons(self):
            events = cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
            return [e["ResourceStatusReason"] for e in events if e.get("ResourceStatusReason")]

    yield Stack()
    for name in set(names):
        cloudformation.delete_stack(StackName=name)


def pool(**properties):
    return {"Type": "AWS::Cognito::UserPool", "Properties": properties}


def client(**properties):
    return {"Type": "AWS::Cognito::UserPoolClient", "Properties": {"UserPoolId": {"Ref": "Pool"}, **properties}}


def att(resource, attribute):
    return {"Fn::GetAtt": [resource, attribute]}


def test_a_user_pool_and_its_client_give_what_ref_and_getatt_promise(stack, aws):
    out = stack.put(
        {"Pool": pool(), "Client": client(GenerateSecret="true")},
        {
            "Pool": {"Ref": "Pool"},
            "PoolId": att("Pool", "UserPoolId"),
            "Arn": att("Pool", "Arn"),
            "Provider": att("Pool", "ProviderName"),
            "Url": att("Pool", "ProviderURL"),
            "Client": {"Ref": "Client"},
            "ClientId": att("Client", "ClientId"),
            "Secret": att("Client", "ClientSecret"),
        },
    )
    assert out["Pool"] == out["PoolId"]
    assert out["Arn"].endswith(f":userpool/{out['Pool']}")
    assert out["Provider"] == f"cognito-idp.us-east-1.amazonaws.com/{out['Pool']}"
    assert out["Url"] == f"https://{out['Provider']}"
    described = aws("cognito-idp").describe_user_pool_client(UserPoolId=out["Pool"], ClientId=out["Client"])
    assert out["Client"] == out["ClientId"] == described["UserPoolClient"]["ClientId"]
    assert out["Secret"] == described["UserPoolClient"]["ClientSecret"]


def test_an_update_changes_the_pool_in_place_and_a_delete_removes_it(stack, aws):
    outputs = {"Pool": {"Ref": "Pool"}}
    name = f"pool-{uuid.uuid4().hex[:8]}"
    before = stack.put({"Pool": pool(UserPoolName=name)}, outputs)
    after = stack.put({"Pool": pool(UserPoolName=name, AutoVerifiedAttributes=["email"])}, outputs)
    assert after == before
    cognito = aws("cognito-idp")
    described = cognito.describe_user_pool(UserPoolId=after["Pool"])["UserPool"]
    assert (described["Name"], described["AutoVerifiedAttributes"]) == (name, ["email"])
    stack.remove()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        cognito.describe_user_pool(UserPoolId=after["Pool"])


def test_a_client_that_shall_have_a_secret_is_replaced(stack):
    outputs = {"Client": {"Ref": "Client"}}
    before = stack.put({"Pool": pool(), "Client": client()}, outputs)
    after = stack.put({"Pool": pool(), "Client": client(GenerateSecret=True)}, outputs)
    assert after["Client"] != before["Client"]


def test_groups_users_resource_servers_and_domains_are_made(stack, aws):
    reference = {"UserPoolId": {"Ref": "Pool"}}
    domain = f"d-{uuid.uuid4().hex[:8]}"

    def resource(kind, **properties):
        return {"Type": f"AWS::Cognito::{kind}", "Properties": {**reference, **properties}}

    out = stack.put(
        {
            "Pool": pool(),
            "Group": resource("UserPoolGroup", GroupName="admins", Precedence="3"),
            "User": resource("UserPoolUser", Username="ada", MessageAction="SUPPRESS"),
            "Member": resource("UserPoolUserToGroupAttachment", GroupName={"Ref": "Group"}, Username={"Ref": "User"}),
            "Server": resource(
                "UserPoolResourceServer",
                Identifier="albums",
                Name="albums",
                Scopes=[{"ScopeName": "read", "ScopeDescription": "read"}],
            ),
            "Domain": resource("UserPoolDomain", Domain=domain),
        },
        {name: {"Ref": name} for name in ("Pool", "Group", "User", "Server", "Domain")},
    )
    assert [out[k] for k in ("Group", "User", "Server", "Domain")] == ["admins", "ada", "albums", domain]
    members = aws("cognito-idp").list_users_in_group(UserPoolId=out["Pool"], GroupName="admins")["Users"]
    assert [u["Username"] for u in members] == ["ada"]


def test_an_identity_pool_has_its_roles(stack, aws):
    role = "arn:aws:iam::000000000000:role/someone"
    out = stack.put(
        {
            "Identities": {
                "Type": "AWS::Cognito::IdentityPool",
                "Properties": {"AllowUnauthenticatedIdentities": "false"},
            },
            "Roles": {
                "Type": "AWS::Cognito::IdentityPoolRoleAttachment",
                "Properties": {"IdentityPoolId": {"Ref": "Identities"}, "Roles": {"authenticated": role}},
            },
        },
        {"Id": {"Ref": "Identities"}},
    )
    assert aws("cognito-identity").get_identity_pool_roles(IdentityPoolId=out["Id"])["Roles"] == {"authenticated": role}


def test_an_unknown_property_fails_with_its_name_and_the_resources(stack):
    with pytest.raises(WaiterError):
        stack.put({"Pool": pool(UserPoolNaem="x")})
    assert any("Pool" in r and "UserPoolNaem" in r for r in stack.reasons()), stack.reasons()


def test_a_resource_of_unknown_type_fails_and_names_it(stack):
    with pytest.raises(WaiterError):
        stack.put({"Thing": {"Type": "AWS::Nowhere::Thing", "Properties": {}}})
    assert any("Thing" in r and "AWS::Nowhere::Thing" in r for r in stack.reasons()), stack.reasons()


def test_the_types_that_a_stack_can_have_are_listed(engine):
    types = engine.harness.call("GET", "/cloudformation/types")["types"]
    assert types == sorted(types)
    assert {"AWS::Cognito::UserPool", "AWS::SQS::Queue", "AWS::CDK::Metadata"} <= set(types)
    assert "AWS::Nowhere::Thing" not in types
