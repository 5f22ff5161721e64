"""Pools, app clients, domains and resource servers: what their operations change, and what they refuse.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_Operations.html
"""

import uuid

import pytest
from botocore.exceptions import ClientError


def test_a_protected_pool_is_not_deleted(make_pool, refused):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-deletion-protection.html"""
    pool = make_pool(DeletionProtection="ACTIVE")
    with refused(
        "InvalidParameterException",
        "The user pool cannot be deleted because deletion protection is activated. "
        "Deletion protection must be inactivated first.",
    ):
        pool.api.delete_user_pool(UserPoolId=pool.id)
    pool.api.update_user_pool(UserPoolId=pool.id, DeletionProtection="INACTIVE")
    pool.api.delete_user_pool(UserPoolId=pool.id)
    with refused("ResourceNotFoundException"):
        pool.api.describe_user_pool(UserPoolId=pool.id)


def test_a_domain_belongs_to_one_pool_and_goes_before_it(make_pool, refused):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain.html"""
    one, other = make_pool(), make_pool()
    domain = f"d-{uuid.uuid4().hex[:12]}"
    one.api.create_user_pool_domain(UserPoolId=one.id, Domain=domain)
    with refused("InvalidParameterException", "Domain already associated with another user pool."):
        other.api.create_user_pool_domain(UserPoolId=other.id, Domain=domain)
    with refused("InvalidParameterException"):
        one.api.delete_user_pool(UserPoolId=one.id)
    one.api.delete_user_pool_domain(UserPoolId=one.id, Domain=domain)
    other.api.create_user_pool_domain(UserPoolId=other.id, Domain=domain)
    one.api.delete_user_pool(UserPoolId=one.id)


def test_client_update_resets_omitted_settings_to_defaults(make_pool):
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPoolClient.html"""
    pool = make_pool(
        client={
            "ClientName": "web",
            "GenerateSecret": True,
            "PreventUserExistenceErrors": "ENABLED",
            "AccessTokenValidity": 5,
            "TokenValidityUnits": {"AccessToken": "minutes"},
        }
    )
    secret = pool.client["ClientSecret"]
    pool.api.update_user_pool_client(
        UserPoolId=pool.id, ClientId=pool.client_id, ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"]
    )
    after = pool.api.describe_user_pool_client(UserPoolId=pool.id, ClientId=pool.client_id)["UserPoolClient"]
    assert (after["ClientName"], after["ClientSecret"]) == ("web", secret)
    assert after["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH"]
    assert not {"PreventUserExistenceErrors", "AccessTokenValidity", "TokenValidityUnits"} & set(after)
    assert after["RefreshTokenValidity"] == 30


def test_a_resource_server_changes_and_goes(make_pool, refused):
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateResourceServer.html"""
    pool = make_pool()
    server = {"UserPoolId": pool.id, "Identifier": "albums"}
    read, write = ({"ScopeName": name, "ScopeDescription": name} for name in ("read", "write"))
    pool.api.create_resource_server(**server, Name="Albums", Scopes=[read])
    pool.api.update_resource_server(**server, Name="All albums", Scopes=[write])
    described = pool.api.describe_resource_server(**server)["ResourceServer"]
    assert (described["Name"], described["Scopes"]) == ("All albums", [write])
    pool.api.delete_resource_server(**server)
    with refused("ResourceNotFoundException"):
        pool.api.describe_resource_server(**server)
    with refused("ResourceNotFoundException"):
        pool.api.delete_resource_server(**server)


def test_pool_update_without_mfa_turns_mfa_off(make_pool):
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UpdateUserPool.html"""
    pool = make_pool()
    pool.api.set_user_pool_mfa_config(
        UserPoolId=pool.id, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True}
    )
    pool.api.update_user_pool(UserPoolId=pool.id, AutoVerifiedAttributes=["email"])
    assert pool.api.get_user_pool_mfa_config(UserPoolId=pool.id)["MfaConfiguration"] == "OFF"


def test_second_factors_that_are_not_emulated_are_refused(make_pool):
    pool = make_pool()
    with pytest.raises(ClientError, match="EmailMfaConfiguration is not emulated"):
        pool.api.set_user_pool_mfa_config(
            UserPoolId=pool.id, MfaConfiguration="ON", EmailMfaConfiguration={"Message": "{####}", "Subject": "s"}
        )
    with pytest.raises(ClientError, match="WebAuthnConfiguration is not emulated"):
        pool.api.set_user_pool_mfa_config(UserPoolId=pool.id, WebAuthnConfiguration={"RelyingPartyId": "lumen.example"})


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("set_risk_configuration", {}),
        ("set_ui_customization", {}),
        ("list_user_import_jobs", {"MaxResults": 1}),
        ("admin_list_devices", {"Username": "ada"}),
        ("set_log_delivery_configuration", {"LogConfigurations": []}),
    ],
)
def test_an_operation_that_is_not_emulated_says_so(make_pool, operation, parameters):
    pool = make_pool()
    with pytest.raises(ClientError) as refusal:
        getattr(pool.api, operation)(UserPoolId=pool.id, **parameters)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "not" in refusal.value.response["Error"]["Message"]


def test_sign_in_by_choice_is_refused_and_says_so(make_pool):
    pool = make_pool(client={"ExplicitAuthFlows": ["ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]})
    with pytest.raises(ClientError, match=r"USER_AUTH .* is not emulated"):
        pool.api.initiate_auth(
            ClientId=pool.client_id, AuthFlow="USER_AUTH", AuthParameters={"USERNAME": pool.sign_up()}
        )


def test_sms_mfa_message_uses_the_configured_text(make_pool, engine):
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SmsMfaConfigType.html"""
    sms = {"SnsCallerArn": "arn:aws:iam::000000000000:role/sms"}
    pool = make_pool(SmsConfiguration=sms)
    words = {"SmsConfiguration": sms, "SmsAuthenticationMessage": "Lumen says {####}"}
    pool.api.set_user_pool_mfa_config(UserPoolId=pool.id, MfaConfiguration="ON", SmsMfaConfiguration=words)
    number = f"+1206{uuid.uuid4().int % 10**7:07d}"
    email = pool.person()
    attributes = [{"Name": "phone_number", "Value": number}]
    pool.api.admin_update_user_attributes(UserPoolId=pool.id, Username=email, UserAttributes=attributes)
    assert pool.sign_in(email)["ChallengeName"] == "SMS_MFA"
    message = engine.harness.outbox(recipient=number)[-1]
    assert message["text"] == f"Lumen says {message['code']}"
