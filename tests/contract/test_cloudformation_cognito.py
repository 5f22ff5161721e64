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


def test_user_pool_and_client_return_ref_and_getatt_values(stack, aws):
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


def test_user_pool_is_updated_in_place_and_deleted_with_stack(stack, aws):
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


def refer(kind, **properties):
    return {"Type": f"AWS::Cognito::{kind}", "Properties": {"UserPoolId": {"Ref": "Pool"}, **properties}}


SMS = {"SnsCallerArn": "arn:aws:iam::000000000000:role/sms", "ExternalId": "lumen"}


def test_second_factors_are_turned_on_changed_and_turned_off(stack, aws):
    outputs = {"Pool": {"Ref": "Pool"}}
    cognito = aws("cognito-idp")

    def factors(**properties):
        out = stack.put({"Pool": pool(**properties)}, outputs)
        config = cognito.get_user_pool_mfa_config(UserPoolId=out["Pool"])
        totp = (config.get("SoftwareTokenMfaConfiguration") or {}).get("Enabled", False)
        sms = (config.get("SmsMfaConfiguration") or {}).get("SmsConfiguration")
        return out["Pool"], config["MfaConfiguration"], totp, sms

    made, *first = factors(MfaConfiguration="OPTIONAL", EnabledMfas=["SOFTWARE_TOKEN_MFA"])
    assert first == ["OPTIONAL", True, None]
    both = {"EnabledMfas": ["SOFTWARE_TOKEN_MFA", "SMS_MFA"], "SmsConfiguration": SMS}
    assert factors(MfaConfiguration="ON", **both) == (made, "ON", True, SMS)
    sms_only = {**both, "EnabledMfas": ["SMS_MFA"]}
    assert factors(MfaConfiguration="ON", **sms_only) == (made, "ON", False, SMS)
    assert factors(AutoVerifiedAttributes=["email"]) == (made, "OFF", False, None)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"EnabledMfas": ["EMAIL_OTP"], "MfaConfiguration": "ON"}, "EMAIL_OTP"),
        ({"EnabledMfas": ["SMS_MFA"], "MfaConfiguration": "ON"}, "SmsConfiguration"),
        (
            {
                "LambdaConfig": {
                    "CustomEmailSender": {"LambdaArn": "arn:aws:lambda:us-east-1:1:function:x", "LambdaVersion": "V1_0"}
                }
            },
            "CustomEmailSender",
        ),
        ({"WebAuthnRelyingPartyID": "lumen.example"}, "WebAuthnRelyingPartyID"),
    ],
)
def test_unsupported_pool_setting_fails_the_stack_with_reason(stack, properties, reason):
    with pytest.raises(WaiterError):
        stack.put({"Pool": pool(**properties)})
    assert any("Pool" in r and reason in r for r in stack.reasons()), stack.reasons()


def test_an_attribute_is_added_to_the_schema_and_none_is_changed(stack, aws):
    outputs = {"Pool": {"Ref": "Pool"}}
    tier = {"Name": "tier", "AttributeDataType": "String", "Mutable": True}
    plan = {"Name": "plan", "AttributeDataType": "Number", "Mutable": "true"}
    before = stack.put({"Pool": pool(Schema=[tier])}, outputs)
    after = stack.put({"Pool": pool(Schema=[tier, plan])}, outputs)
    assert after == before
    described = aws("cognito-idp").describe_user_pool(UserPoolId=after["Pool"])["UserPool"]["SchemaAttributes"]
    types = {a["Name"]: a["AttributeDataType"] for a in described if a["Name"].startswith("custom:")}
    assert types == {"custom:tier": "String", "custom:plan": "Number"}
    with pytest.raises(WaiterError):
        stack.put({"Pool": pool(Schema=[{**tier, "AttributeDataType": "Number"}, plan])}, outputs)
    reason = "Existing schema attributes cannot be modified or deleted."
    assert any(reason in r for r in stack.reasons()), stack.reasons()


def test_property_removed_from_template_returns_to_its_default(stack, aws):
    outputs = {"Pool": {"Ref": "Pool"}, "Client": {"Ref": "Client"}}
    triggers = {"PreSignUp": "arn:aws:lambda:us-east-1:000000000000:function:x"}
    before = stack.put(
        {
            "Pool": pool(AutoVerifiedAttributes=["email"], LambdaConfig=triggers, EmailVerificationSubject="Hello"),
            "Client": client(
                PreventUserExistenceErrors="ENABLED", IdTokenValidity=5, CallbackURLs=["https://a.example"]
            ),
        },
        outputs,
    )
    assert stack.put({"Pool": pool(), "Client": client()}, outputs) == before
    cognito = aws("cognito-idp")
    described = cognito.describe_user_pool(UserPoolId=before["Pool"])["UserPool"]
    assert not described.get("AutoVerifiedAttributes")
    assert not described.get("LambdaConfig")
    assert described.get("EmailVerificationSubject") != "Hello"
    of_client = cognito.describe_user_pool_client(UserPoolId=before["Pool"], ClientId=before["Client"])
    left = {"PreventUserExistenceErrors", "IdTokenValidity", "CallbackURLs"} & set(of_client["UserPoolClient"])
    assert left == set()


def test_identity_provider_is_updated_replaced_and_deleted(stack, aws):
    cognito = aws("cognito-idp")
    details = {
        "client_id": "lumen",
        "client_secret": "secret",
        "authorize_scopes": "openid email",
        "oidc_issuer": "https://id.lumen.example",
        "attributes_request_method": "GET",
    }

    def put(name="Lumen", mapping=None, **changed):
        properties = {"ProviderName": name, "ProviderType": "OIDC", "ProviderDetails": {**details, **changed}}
        if mapping:
            properties["AttributeMapping"] = mapping
        out = stack.put(
            {"Pool": pool(), "Provider": refer("UserPoolIdentityProvider", **properties)},
            {"Pool": {"Ref": "Pool"}, "Provider": {"Ref": "Provider"}},
        )
        names = [p["ProviderName"] for p in cognito.list_identity_providers(UserPoolId=out["Pool"])["Providers"]]
        described = cognito.describe_identity_provider(UserPoolId=out["Pool"], ProviderName=out["Provider"])
        return names, described["IdentityProvider"]

    names, provider = put(mapping={"email": "email"})
    assert (names, provider["AttributeMapping"]) == (["Lumen"], {"email": "email"})
    names, provider = put(mapping={"email": "mail"}, client_id="other")
    assert provider["AttributeMapping"] == {"email": "mail"}
    assert provider["ProviderDetails"]["client_id"] == "other"
    names, provider = put(name="Other")
    assert names == ["Other"]
    stack.put({"Pool": pool()}, {"Pool": {"Ref": "Pool"}})
    assert cognito.list_identity_providers(UserPoolId=provider["UserPoolId"])["Providers"] == []


def test_groups_resource_servers_and_domains_change_and_go(stack, aws):
    cognito = aws("cognito-idp")
    domain = f"d-{uuid.uuid4().hex[:8]}"
    read, write = ({"ScopeName": name, "ScopeDescription": name} for name in ("read", "write"))

    def put(group, scopes):
        return stack.put(
            {
                "Pool": pool(),
                "Group": refer("UserPoolGroup", GroupName="admins", **group),
                "Server": refer("UserPoolResourceServer", Identifier="albums", Name="albums", Scopes=scopes),
                "Domain": refer("UserPoolDomain", Domain=domain),
            },
            {"Pool": {"Ref": "Pool"}},
        )["Pool"]

    made = put({"Precedence": 3, "Description": "they may"}, [read])
    assert put({"Precedence": 4}, [read, write]) == made
    group = cognito.get_group(UserPoolId=made, GroupName="admins")["Group"]
    assert group["Precedence"] == 4
    server = cognito.describe_resource_server(UserPoolId=made, Identifier="albums")["ResourceServer"]
    assert server["Scopes"] == [read, write]
    stack.remove()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        cognito.describe_user_pool(UserPoolId=made)


def test_role_mappings_are_set_changed_and_taken_away(stack, aws):
    role = "arn:aws:iam::000000000000:role/someone"
    identities = aws("cognito-identity")

    def put(mappings):
        attachment = {"IdentityPoolId": {"Ref": "Identities"}, "Roles": {"authenticated": role}}
        if mappings:
            attachment["RoleMappings"] = mappings
        out = stack.put(
            {
                "Identities": {
                    "Type": "AWS::Cognito::IdentityPool",
                    "Properties": {"AllowUnauthenticatedIdentities": False},
                },
                "Roles": {"Type": "AWS::Cognito::IdentityPoolRoleAttachment", "Properties": attachment},
            },
            {"Id": {"Ref": "Identities"}},
        )
        return identities.get_identity_pool_roles(IdentityPoolId=out["Id"])

    provider = "cognito-idp.us-east-1.amazonaws.com/us-east-1_abc:client"
    by_token = {"Type": "Token", "AmbiguousRoleResolution": "Deny"}
    first = put({"users": {"IdentityProvider": provider, **by_token}})
    assert first["RoleMappings"] == {provider: by_token}
    rule = {"Claim": "tier", "MatchType": "Equals", "Value": "gold", "RoleARN": role}
    by_rules = {
        "Type": "Rules",
        "AmbiguousRoleResolution": "AuthenticatedRole",
        "RulesConfiguration": {"Rules": [rule]},
    }
    assert put({provider: by_rules})["RoleMappings"] == {provider: by_rules}
    last = put(None)
    assert not last.get("RoleMappings")
    assert last["Roles"] == {"authenticated": role}
    stack.remove()


def test_an_identity_pool_changes_in_place_and_goes(stack, aws):
    identities = aws("cognito-identity")

    def put(**properties):
        named = {"Type": "AWS::Cognito::IdentityPool", "Properties": properties}
        return stack.put({"Identities": named}, {"Id": {"Ref": "Identities"}})["Id"]

    login = {"ClientId": "abc", "ProviderName": "cognito-idp.us-east-1.amazonaws.com/us-east-1_abc"}
    made = put(AllowUnauthenticatedIdentities=True, CognitoIdentityProviders=[login])
    assert put(AllowUnauthenticatedIdentities=False) == made
    described = identities.describe_identity_pool(IdentityPoolId=made)
    assert described["AllowUnauthenticatedIdentities"] is False
    assert not described.get("CognitoIdentityProviders")
    stack.remove()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        identities.describe_identity_pool(IdentityPoolId=made)


def test_unknown_property_fails_with_its_name_and_resource(stack):
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
