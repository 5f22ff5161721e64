"""Challenges between a correct password and the tokens: second factors, new passwords, and who may respond to which.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html
"""

import json
import time
import uuid

import pytest

from harness.emulator.cognito import account, administration, authentication, challenges, mfa, sign_up, srp
from harness.emulator.cognito.errors import CognitoError
from harness.emulator.controls.outbox import OUTBOX

PASSWORD = "Right-horse-9"
NUMBER = "+12065550100"


@pytest.fixture
def secured(make_pool):
    """`secured("OPTIONAL")`: a pool with both factors and one confirmed user, and that user's name."""

    def make(mode="OPTIONAL", **config):
        pool = make_pool(**config)
        pool.user_pool.moto.mfa_config = mode
        pool.user_pool.moto.token_mfa_config = {"Enabled": True}
        pool.user_pool.moto.sms_mfa_config = {"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::1:role/sms"}}
        email = f"{uuid.uuid4().hex}@people.example"
        attributes = [{"Name": "email", "Value": email}]
        sign_up.sign_up(pool.call(), {"Username": email, "Password": PASSWORD, "UserAttributes": attributes})
        sign_up.confirm_sign_up(pool.call(), {"Username": email, "ConfirmationCode": pool.code(email)})
        return pool, email

    return make


def sign_in(pool, email, password=PASSWORD):
    parameters = {"USERNAME": email, "PASSWORD": password}
    return authentication.initiate_auth(pool.call(), {"AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": parameters})


def respond(pool, email, asked, challenge=None, **responses):
    request = {
        "ChallengeName": challenge or asked["ChallengeName"],
        "Session": asked["Session"],
        "ChallengeResponses": {"USERNAME": email, **responses},
    }
    return challenges.respond(pool.call(), request)


def passwords_of(secret, after=None):
    """The one-time password that an authenticator shows, or the one that it shows next."""
    step = int(time.time()) // mfa.STEP_SECONDS
    value = mfa.one_time_password(secret, step)
    return mfa.one_time_password(secret, step + 1) if value == after else value


def with_totp(pool, email):
    """Set a software token up as a signed-in person does; returns its secret and the password that was used."""
    token = sign_in(pool, email)["AuthenticationResult"]["AccessToken"]
    secret = account.associate_software_token({"AccessToken": token}, pool.invoke)["SecretCode"]
    used = passwords_of(secret)
    account.verify_software_token({"AccessToken": token, "UserCode": used}, pool.invoke)
    prefer(pool, email, SoftwareTokenMfaSettings={"Enabled": True})
    return secret, used


def prefer(pool, email, **settings):
    mfa.set_preference(pool.call(admin=True), pool.user_pool.user(email), {"Username": email, **settings})


def with_phone(pool, email):
    user = pool.user_pool.user(email)
    user.update_attributes([{"Name": "phone_number", "Value": NUMBER}])
    prefer(pool, email, SMSMfaSettings={"Enabled": True})


def refused(code, message=None):
    return pytest.raises(CognitoError, check=lambda e: e.code == code and message in (None, e.message))


def test_the_next_one_time_password_signs_in_and_only_once(secured):
    pool, email = secured()
    secret, used = with_totp(pool, email)
    asked = sign_in(pool, email)
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    following = passwords_of(secret, after=used)
    assert respond(pool, email, asked, SOFTWARE_TOKEN_MFA_CODE=following)["AuthenticationResult"]["IdToken"]
    again = sign_in(pool, email)
    with refused("ExpiredCodeException", "Your software token has already been used once."):
        respond(pool, email, again, SOFTWARE_TOKEN_MFA_CODE=following)


def test_user_with_two_factors_chooses_one(secured):
    pool, email = secured()
    with_phone(pool, email)
    prefer(pool, email, SMSMfaSettings={"Enabled": False})
    secret, used = with_totp(pool, email)
    prefer(pool, email, SMSMfaSettings={"Enabled": True})
    asked = sign_in(pool, email)
    assert asked["ChallengeName"] == "SELECT_MFA_TYPE"
    assert json.loads(asked["ChallengeParameters"]["MFAS_CAN_CHOOSE"]) == ["SMS_MFA", "SOFTWARE_TOKEN_MFA"]
    chosen = respond(pool, email, asked, ANSWER="SOFTWARE_TOKEN_MFA")
    assert chosen["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert respond(pool, email, chosen, SOFTWARE_TOKEN_MFA_CODE=passwords_of(secret, after=used))[
        "AuthenticationResult"
    ]
    by_text = respond(pool, email, sign_in(pool, email), ANSWER="SMS_MFA")
    code = OUTBOX.read(recipient=NUMBER)[-1].code
    assert respond(pool, email, by_text, SMS_MFA_CODE=code)["AuthenticationResult"]


@pytest.mark.parametrize("choice", [None, "EMAIL_OTP", "SELECT_MFA_TYPE"])
def test_unoffered_mfa_choice_is_refused_and_can_be_repeated(secured, choice):
    pool, email = secured()
    with_totp(pool, email)
    with_phone(pool, email)
    asked = sign_in(pool, email)
    with refused("InvalidParameterException"):
        respond(pool, email, asked, **({"ANSWER": choice} if choice else {}))
    assert respond(pool, email, asked, ANSWER="SMS_MFA")["ChallengeName"] == "SMS_MFA"


@pytest.mark.parametrize(
    ("challenge", "responses"),
    [
        ("MFA_SETUP", {}),
        ("SMS_MFA", {"SMS_MFA_CODE": "000000"}),
        ("SOFTWARE_TOKEN_MFA", {"SOFTWARE_TOKEN_MFA_CODE": "000000"}),
        ("NEW_PASSWORD_REQUIRED", {"NEW_PASSWORD": "Other-horse-1"}),
        ("CUSTOM_CHALLENGE", {"ANSWER": "42"}),
    ],
)
def test_mfa_selection_refuses_a_response_to_another_challenge(secured, challenge, responses):
    pool, email = secured()
    with_totp(pool, email)
    with_phone(pool, email)
    asked = sign_in(pool, email)
    assert asked["ChallengeName"] == "SELECT_MFA_TYPE"
    with refused("NotAuthorizedException", "Invalid session for the user."):
        respond(pool, email, asked, challenge, **responses)
    assert pool.user_pool.user(email).password == PASSWORD


@pytest.mark.parametrize("challenge", ["SELECT_MFA_TYPE", "MFA_SETUP", "NEW_PASSWORD_REQUIRED"])
def test_totp_challenge_refuses_a_response_to_another_challenge(secured, challenge):
    pool, email = secured()
    with_totp(pool, email)
    asked = sign_in(pool, email)
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    with refused("NotAuthorizedException", "Invalid session for the user."):
        respond(pool, email, asked, challenge, ANSWER="SMS_MFA", NEW_PASSWORD="Other-horse-1")


def test_a_session_is_no_good_for_another_user(secured):
    pool, email = secured()
    with_totp(pool, email)
    other = administration.admin_create_user(
        pool.call(admin=True), {"Username": f"o-{uuid.uuid4().hex}", "MessageAction": "SUPPRESS"}
    )["User"]["Username"]
    with refused("NotAuthorizedException", "Invalid session for the user."):
        respond(pool, other, sign_in(pool, email), SOFTWARE_TOKEN_MFA_CODE="000000")


def test_required_mfa_is_set_up_during_first_sign_in(secured):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html"""
    pool, email = secured("ON")
    asked = sign_in(pool, email)
    assert asked["ChallengeName"] == "MFA_SETUP"
    assert "SOFTWARE_TOKEN_MFA" in json.loads(asked["ChallengeParameters"]["MFAS_CAN_SETUP"])
    associated = account.associate_software_token({"Session": asked["Session"]}, pool.invoke)
    with refused("NotAuthorizedException"):
        respond(pool, email, asked)
    wrong = {"Session": associated["Session"], "UserCode": "abcdef"}
    # The message as users report it: https://github.com/aws-samples/aws-amplify-auth-starters/issues/15.
    with refused("EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA"):
        account.verify_software_token(wrong, pool.invoke)
    code = passwords_of(associated["SecretCode"])
    verified = account.verify_software_token({**wrong, "UserCode": code}, pool.invoke)
    assert verified["Status"] == "SUCCESS"
    assert respond(pool, email, {**asked, **verified})["AuthenticationResult"]["AccessToken"]
    assert sign_in(pool, email)["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_a_set_up_that_was_not_verified_gives_no_tokens(secured):
    pool, email = secured("ON")
    asked = sign_in(pool, email)
    associated = account.associate_software_token({"Session": asked["Session"]}, pool.invoke)
    with refused("InvalidParameterException"):
        respond(pool, email, {**asked, **associated})
    assert not pool.user_pool.state.grants


def test_wrong_sms_code_is_refused_with_the_message_of_aws(secured):
    """The message as users report it, for example: https://github.com/aws-amplify/amplify-js/issues/3066."""
    pool, email = secured()
    with_phone(pool, email)
    asked = sign_in(pool, email)
    code = OUTBOX.read(recipient=NUMBER)[-1].code
    with refused("CodeMismatchException", "Invalid code or auth state for the user."):
        respond(pool, email, asked, SMS_MFA_CODE=f"{(int(code) + 1) % 1_000_000:06d}")
    assert respond(pool, email, asked, SMS_MFA_CODE=code)["AuthenticationResult"]


def test_a_software_token_that_was_never_verified_is_no_factor(secured):
    pool, email = secured()
    with refused("InvalidParameterException", "User has not verified software token mfa"):
        prefer(pool, email, SoftwareTokenMfaSettings={"Enabled": True})


def test_a_new_password_and_a_second_factor_follow_one_another(secured):
    pool, _email = secured("ON")
    name = f"invited-{uuid.uuid4().hex}"
    attributes = [{"Name": "phone_number", "Value": NUMBER}]
    request = {"Username": name, "TemporaryPassword": PASSWORD, "UserAttributes": attributes}
    administration.admin_create_user(pool.call(admin=True), {**request, "MessageAction": "SUPPRESS"})
    asked = sign_in(pool, name)
    assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    following = respond(pool, name, asked, NEW_PASSWORD="My-own-horse-1")
    assert following["ChallengeName"] == "SMS_MFA"
    code = OUTBOX.read(recipient=NUMBER)[-1].code
    assert respond(pool, name, following, SMS_MFA_CODE=code)["AuthenticationResult"]


# ---- users who are not there -----------------------------------------------------------------------------------------


def start_srp(pool, username):
    parameters = {"USERNAME": username, "SRP_A": f"{pow(srp.G, 12345, srp.N):x}"}
    return authentication.initiate_auth(pool.call(), {"AuthFlow": "USER_SRP_AUTH", "AuthParameters": parameters})[
        "ChallengeParameters"
    ]


@pytest.fixture
def hiding(make_pool):
    return make_pool(client={"PreventUserExistenceErrors": "ENABLED"}, UsernameAttributes=["email"])


def test_hidden_missing_user_has_stable_srp_id_and_salt(hiding):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html"""
    name = f"{uuid.uuid4().hex}@people.example"
    first, second = start_srp(hiding, name), start_srp(hiding, name)
    assert first["USER_ID_FOR_SRP"] == second["USER_ID_FOR_SRP"]
    assert first["SALT"] == second["SALT"]
    assert str(uuid.UUID(first["USER_ID_FOR_SRP"])) == first["USER_ID_FOR_SRP"]
    other = start_srp(hiding, f"{uuid.uuid4().hex}@people.example")
    assert (other["USER_ID_FOR_SRP"], other["SALT"]) != (first["USER_ID_FOR_SRP"], first["SALT"])


def test_existing_user_keeps_srp_salt_until_password_changes(secured):
    pool, email = secured()
    salts = [start_srp(pool, email)["SALT"] for _ in range(2)]
    pool.user_pool.user(email).password = "Other-horse-1"
    assert salts[0] == salts[1] != start_srp(pool, email)["SALT"]


def test_hidden_missing_user_srp_ends_as_wrong_password(hiding):
    asked = start_srp(hiding, f"{uuid.uuid4().hex}@people.example")
    request = {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeResponses": {
            "USERNAME": asked["USER_ID_FOR_SRP"],
            "PASSWORD_CLAIM_SECRET_BLOCK": asked["SECRET_BLOCK"],
            "PASSWORD_CLAIM_SIGNATURE": "AAAA",
            "TIMESTAMP": "Tue Apr 7 09:10:11 UTC 2026",
        },
    }
    with refused("NotAuthorizedException", "Incorrect username or password."):
        challenges.respond(hiding.call(), request)
