"""Settings that nothing acts on are refused or warned of, never ignored."""

import logging

import pytest

import harness.emulator.host.older_python  # noqa: F401 - lets localstack be imported on Python 3.11
from harness.emulator.cognito import unserved
from harness.emulator.cognito.errors import CognitoError

ARN = "arn:aws:lambda:us-east-1:000000000000:function:x"


def warnings_of(caplog, settings, request):
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        unserved.check(settings, request, "User pool people")
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("settings", "request_", "named"),
    [
        (unserved.USER_POOL, {"UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"}}, "AdvancedSecurityMode"),
        (
            unserved.USER_POOL,
            {"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}},
            "AllowedFirstAuthFactors",
        ),
        (unserved.USER_POOL, {"Policies": {"PasswordPolicy": {"PasswordHistorySize": 3}}}, "PasswordHistorySize"),
        (unserved.USER_POOL, {"DeviceConfiguration": {"ChallengeRequiredOnNewDevice": True}}, "DeviceConfiguration"),
        (unserved.USER_POOL_CLIENT, {"AnalyticsConfiguration": {"ApplicationId": "x"}}, "AnalyticsConfiguration"),
        (
            unserved.USER_POOL_CLIENT,
            {"EnablePropagateAdditionalUserContextData": True},
            "EnablePropagateAdditionalUserContextData",
        ),
        (unserved.USER_POOL_CLIENT, {"ExplicitAuthFlows": ["ALLOW_USER_AUTH"]}, "ALLOW_USER_AUTH"),
        (unserved.IDENTITY_PROVIDER, {"ProviderType": "SAML"}, "SAML"),
        (unserved.DOMAIN, {"ManagedLoginVersion": 2}, "ManagedLoginVersion"),
    ],
)
def test_a_setting_that_nothing_acts_on_is_named_in_a_warning(caplog, settings, request_, named):
    [warning] = warnings_of(caplog, settings, request_)
    assert warning.startswith("User pool people: ")
    assert named in warning
    assert "is not emulated" in warning


@pytest.mark.parametrize(
    ("settings", "request_", "named"),
    [
        (unserved.USER_POOL, {"LambdaConfig": {"CustomEmailSender": {"LambdaArn": ARN}}}, "CustomEmailSender"),
        (unserved.USER_POOL, {"LambdaConfig": {"CustomSMSSender": {"LambdaArn": ARN}}}, "CustomSMSSender"),
        (unserved.USER_POOL, {"LambdaConfig": {"InboundFederation": {"LambdaArn": ARN}}}, "InboundFederation"),
        (unserved.MFA_CONFIG, {"EmailMfaConfiguration": {"Message": "{####}"}}, "EmailMfaConfiguration"),
        (unserved.MFA_CONFIG, {"WebAuthnConfiguration": {"RelyingPartyId": "a"}}, "WebAuthnConfiguration"),
    ],
)
def test_setting_that_changes_sign_in_flow_is_refused(settings, request_, named):
    with pytest.raises(CognitoError, match=f"{named} is not emulated; ") as refusal:
        unserved.check(settings, request_, "User pool people")
    assert refusal.value.status_code == 501


@pytest.mark.parametrize(
    ("settings", "request_"),
    [
        (unserved.USER_POOL, {"PoolName": "p", "UserPoolAddOns": {"AdvancedSecurityMode": "OFF"}}),
        (unserved.USER_POOL, {"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}}}),
        (unserved.USER_POOL, {"Policies": {"PasswordPolicy": {"PasswordHistorySize": 0}}, "DeviceConfiguration": {}}),
        (unserved.USER_POOL_CLIENT, {"EnablePropagateAdditionalUserContextData": False}),
        (unserved.IDENTITY_PROVIDER, {"ProviderType": "OIDC"}),
        (unserved.DOMAIN, {"Domain": "d", "ManagedLoginVersion": 1}),
    ],
)
def test_setting_without_effect_logs_no_warning(caplog, settings, request_):
    assert warnings_of(caplog, settings, request_) == []
