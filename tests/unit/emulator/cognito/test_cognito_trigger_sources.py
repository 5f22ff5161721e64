"""Every source of every trigger, and what its event has: keys and types as in AWS's samples.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html#working-with-lambda-trigger-sources
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.emulator.cognito import (
    account,
    administration,
    authentication,
    challenges,
    federation,
    lambda_invoker,
    linking,
    mfa,
    recovery,
    sign_up,
    srp,
    tokens,
)
from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.lambda_invoker import FunctionFailed, InvocationFailed
from harness.emulator.controls.outbox import OUTBOX

ORACLE = Path(__file__).parents[5] / "shared" / "oracle" / "powertools-events"
PASSWORD = "Right-horse-9"
NUMBER = "+12065550100"
PROVIDER = federation.Provider("Lumen", {}, {"username": "sub", "email": "email"})


def same(event):
    return event


def answering(**response):
    return lambda event: {**event, "response": {**event["response"], **response}}


def address():
    return f"{uuid.uuid4().hex}@people.example"


def signed_up(pool):
    email = address()
    attributes = [{"Name": "email", "Value": email}]
    sign_up.sign_up(pool.call(), {"Username": email, "Password": PASSWORD, "UserAttributes": attributes})
    return email


def confirmed(pool):
    email = signed_up(pool)
    sign_up.confirm_sign_up(pool.call(), {"Username": email, "ConfirmationCode": pool.code(email)})
    return email


def sign_in(pool, email, password=PASSWORD, flow="USER_PASSWORD_AUTH", **parameters):
    parameters = {"USERNAME": email, "PASSWORD": password, **parameters}
    return authentication.initiate_auth(pool.call(), {"AuthFlow": flow, "AuthParameters": parameters})


def federated(pool, subject="s-1", email="ada@provider.example"):
    return federation.federated_user(pool.call(), PROVIDER, {"sub": subject, "email": email})


def sources(pool):
    return [event["triggerSource"] for event in pool.events]


FEDERATION = ("PreSignUp", "PostConfirmation", "PreAuthentication", "PostAuthentication", "PreTokenGeneration")


def test_the_first_sign_in_of_a_federated_user_is_a_sign_up(make_pool):
    pool = make_pool()
    for trigger in FEDERATION:
        pool.on(trigger, same)
    user = federated(pool)
    tokens.sign_in(pool.call(), user, "HostedAuth", scopes=("openid", "email"))
    assert sources(pool) == [
        "PreSignUp_ExternalProvider",
        "PostConfirmation_ConfirmSignUp",
        "TokenGeneration_HostedAuth",
    ]
    first, second, third = pool.events
    assert first["userName"] == second["userName"] == third["userName"] == "Lumen_s-1"
    assert first["request"]["userAttributes"] == {"email": "ada@provider.example"}
    assert first["request"]["validationData"] is None
    assert second["request"]["userAttributes"]["cognito:user_status"] == "EXTERNAL_PROVIDER"
    assert json.loads(second["request"]["userAttributes"]["identities"])[0]["providerName"] == "Lumen"
    assert third["request"]["groupConfiguration"]["groupsToOverride"] == [f"{pool.user_pool.id}_Lumen"]


def test_later_federated_sign_in_runs_authentication_triggers(make_pool):
    pool = make_pool()
    federated(pool)
    for trigger in FEDERATION:
        pool.on(trigger, same)
    federated(pool, email="new@provider.example")
    assert sources(pool) == ["PreAuthentication_Authentication", "PostAuthentication_Authentication"]
    before, after = (event["request"]["userAttributes"]["email"] for event in pool.events)
    assert (before, after) == ("ada@provider.example", "new@provider.example")


@pytest.mark.parametrize("trigger", ["PreAuthentication", "PostAuthentication"])
def test_trigger_may_refuse_a_returning_federated_user(make_pool, trigger):
    pool = make_pool()
    federated(pool)

    def refuse(_event):
        raise FunctionFailed("not today")

    pool.on(trigger, refuse)
    with pytest.raises(CognitoError, match=f"{trigger} failed with error not today"):
        federated(pool)


def test_federated_user_refused_by_a_trigger_is_not_created(make_pool):
    pool = make_pool()

    def refuse(_event):
        raise FunctionFailed("by invitation only")

    pool.on("PreSignUp", refuse)
    with pytest.raises(CognitoError, match="PreSignUp failed with error by invitation only"):
        federated(pool)
    assert not pool.user_pool.moto.users


def test_new_password_has_a_separate_token_generation_source(make_pool):
    pool = make_pool()
    name = f"invited-{uuid.uuid4().hex}"
    request = {"Username": name, "TemporaryPassword": PASSWORD, "MessageAction": "SUPPRESS"}
    administration.admin_create_user(pool.call(admin=True), request)
    pool.on("PreTokenGeneration", same)
    asked = sign_in(pool, name)
    assert not pool.events
    responses = {"USERNAME": name, "NEW_PASSWORD": "My-own-horse-1"}
    answer = {"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": asked["Session"], "ChallengeResponses": responses}
    challenges.respond(pool.call(), answer)
    assert sources(pool) == ["TokenGeneration_NewPasswordChallenge"]


def test_last_challenge_runs_post_authentication_then_tokens(make_pool):
    pool = make_pool()
    email = confirmed(pool)
    pool.on("PreTokenGeneration", same)
    pool.on("PostAuthentication", same)
    sign_in(pool, email)
    assert sources(pool) == ["PostAuthentication_Authentication", "TokenGeneration_Authentication"]


def custom_after_srp(pool):
    """DefineAuthChallenge from AWS's page: SRP, then a custom challenge."""

    def define(event):
        session = [(s["challengeName"], s["challengeResult"]) for s in event["request"]["session"]]
        steps = {
            (): None,
            (("SRP_A", True),): "PASSWORD_VERIFIER",
            (("SRP_A", True), ("PASSWORD_VERIFIER", True)): "CUSTOM_CHALLENGE",
        }
        if session and session[-1] == ("CUSTOM_CHALLENGE", True):
            return answering(issueTokens=True, failAuthentication=False)(event)
        wanted = steps.get(tuple(session))
        if wanted is None:
            return answering(issueTokens=False, failAuthentication=True)(event)
        return answering(issueTokens=False, failAuthentication=False, challengeName=wanted)(event)

    pool.on("DefineAuthChallenge", define)
    pool.on(
        "CreateAuthChallenge", answering(publicChallengeParameters={"q": "?"}, privateChallengeParameters={"a": "!"})
    )
    pool.on(
        "VerifyAuthChallengeResponse",
        lambda e: answering(answerCorrect=e["request"]["challengeAnswer"] == "!")(e),
    )


def password_proof(pool, asked, password, small_a):
    """What a client that knows the password answers to PASSWORD_VERIFIER."""
    parameters = asked["ChallengeParameters"]
    pool_name, user_id = pool.user_pool.id.split("_", 1)[1], parameters["USER_ID_FOR_SRP"]
    large_a, large_b, salt = pow(srp.G, small_a, srp.N), int(parameters["SRP_B"], 16), int(parameters["SALT"], 16)

    def number(data):
        return int.from_bytes(hashlib.sha256(data).digest(), "big")

    u = number(srp.padded(large_a) + srp.padded(large_b))
    inner = hashlib.sha256(f"{pool_name}{user_id}:{password}".encode()).digest()
    x = number(srp.padded(salt) + inner)
    shared = pow(large_b - srp.K * pow(srp.G, x, srp.N), small_a + u * x, srp.N)
    extracted = hmac.new(srp.padded(u), srp.padded(shared), hashlib.sha256).digest()
    key = hmac.new(extracted, b"Caldera Derived Key\x01", hashlib.sha256).digest()[:16]
    moment = datetime.now(UTC)
    timestamp = f"{moment:%a %b} {moment.day} {moment:%H:%M:%S} UTC {moment.year}"
    block = base64.b64decode(parameters["SECRET_BLOCK"])
    signed = pool_name.encode() + user_id.encode() + block + timestamp.encode()
    return {
        "USERNAME": user_id,
        "PASSWORD_CLAIM_SECRET_BLOCK": parameters["SECRET_BLOCK"],
        "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode(),
        "TIMESTAMP": timestamp,
    }


def start_custom_srp(pool, email, small_a=987654321):
    large_a = f"{pow(srp.G, small_a, srp.N):x}"
    return sign_in(pool, email, flow="CUSTOM_AUTH", CHALLENGE_NAME="SRP_A", SRP_A=large_a)


def answered(pool, name, session, **responses):
    request = {"ChallengeName": name, "ChallengeResponses": responses, "Session": session}
    return challenges.respond(pool.call(), request)


def test_a_challenge_of_ones_own_follows_a_right_password(make_pool):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-challenge.html"""
    pool = make_pool()
    email = confirmed(pool)
    custom_after_srp(pool)
    asked = start_custom_srp(pool, email)
    assert asked["ChallengeName"] == "PASSWORD_VERIFIER"
    proof = password_proof(pool, asked, PASSWORD, 987654321)
    following = answered(pool, "PASSWORD_VERIFIER", None, **proof)
    assert following["ChallengeName"] == "CUSTOM_CHALLENGE"
    assert following["ChallengeParameters"]["q"] == "?"
    result = answered(pool, "CUSTOM_CHALLENGE", following["Session"], USERNAME=email, ANSWER="!")
    assert result["AuthenticationResult"]["IdToken"]
    created = pool.event("CreateAuthChallenge_Authentication")["request"]
    assert created["challengeName"] == "CUSTOM_CHALLENGE"
    assert [s["challengeName"] for s in created["session"]] == ["SRP_A", "PASSWORD_VERIFIER"]


def test_no_challenge_of_ones_own_follows_a_wrong_password(make_pool):
    pool = make_pool()
    email = confirmed(pool)
    custom_after_srp(pool)
    proof = password_proof(pool, start_custom_srp(pool, email), "Wrong-horse-9", 987654321)
    with pytest.raises(CognitoError, match="Incorrect username or password"):
        answered(pool, "PASSWORD_VERIFIER", None, **proof)
    last = pool.event("DefineAuthChallenge_Authentication")["request"]["session"][-1]
    assert last == {"challengeName": "PASSWORD_VERIFIER", "challengeResult": False, "challengeMetadata": None}
    assert "CreateAuthChallenge_Authentication" not in sources(pool)


# ---- CustomMessage: all its sources ----------------------------------------------------------------------------------


def _sign_up(pool, _email):
    signed_up(pool)


def _resend(pool, _email):
    sign_up.resend_confirmation_code(pool.call(), {"Username": signed_up(pool)})


def _forgot(pool, email):
    recovery.forgot_password(pool.call(), {"Username": email})


def _update(pool, email):
    request = {"UserAttributes": [{"Name": "email", "Value": address()}]}
    account.update_user_attributes(pool.call(), pool.user_pool.user(email), request)


def _verify(pool, email):
    user = pool.user_pool.user(email)
    user.update_attributes([{"Name": "email_verified", "Value": "false"}])
    account.get_user_attribute_verification_code(pool.call(), user, {"AttributeName": "email"})


def _authentication(pool, email):
    pool.user_pool.moto.mfa_config = "ON"
    pool.user_pool.moto.sms_mfa_config = {"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::1:role/sms"}}
    pool.user_pool.user(email).update_attributes([{"Name": "phone_number", "Value": NUMBER}])
    sign_in(pool, email)


def _invite(pool, _email):
    attributes = [{"Name": "email", "Value": address()}]
    administration.admin_create_user(
        pool.call(admin=True), {"Username": f"i-{uuid.uuid4().hex}", "UserAttributes": attributes}
    )


MESSAGES = {
    "SignUp": _sign_up,
    "ResendCode": _resend,
    "ForgotPassword": _forgot,
    "UpdateUserAttribute": _update,
    "VerifyUserAttribute": _verify,
    "Authentication": _authentication,
    "AdminCreateUser": _invite,
}


@pytest.mark.parametrize("source", MESSAGES)
def test_every_message_has_a_separate_custom_message_source(make_pool, source):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-custom-message.html"""
    pool = make_pool()
    email = confirmed(pool)
    words = "{username} {####}" if source == "AdminCreateUser" else "words of mine {####}"
    pool.on("CustomMessage", answering(emailMessage=words, smsMessage=words, emailSubject="mine"))
    MESSAGES[source](pool, email)
    event = pool.event(f"CustomMessage_{source}")
    path = ORACLE / "cognitoCustomMessageEvent.json"
    if not path.exists():
        pytest.skip(f"the samples of AWS's events are not here: {path}")
    assert set(event["request"]) == set(json.loads(path.read_text())["request"])
    assert event["request"]["codeParameter"] == "{####}"
    assert event["request"]["usernameParameter"] == ("{username}" if source == "AdminCreateUser" else None)
    assert set(event["response"]) == {"smsMessage", "emailMessage", "emailSubject"}
    sent = OUTBOX.read()[-1]
    assert (sent.text or sent.html or "").startswith(words.split("{")[0])
    assert sent.attributes["event"] == source


def test_password_reset_has_a_separate_post_confirmation_source(make_pool):
    pool = make_pool()
    email = confirmed(pool)
    pool.on("PostConfirmation", same)
    recovery.forgot_password(pool.call(), {"Username": email})
    code = {"ConfirmationCode": pool.code(email), "Password": "Next-horse-10"}
    recovery.confirm_forgot_password(pool.call(), {"Username": email, **code})
    assert sources(pool) == ["PostConfirmation_ConfirmForgotPassword"]


def test_an_invitation_has_its_own_source_of_pre_sign_up(make_pool):
    pool = make_pool()
    pool.on("PreSignUp", same)
    _invite(pool, None)
    [event] = pool.events
    assert event["triggerSource"] == "PreSignUp_AdminCreateUser"
    assert set(event["response"]) == {"autoConfirmUser", "autoVerifyEmail", "autoVerifyPhone"}


def test_a_function_has_five_seconds_three_times(monkeypatch):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html"""
    waited = []

    class Slow:
        def result(self, timeout):
            waited.append(timeout)
            raise TimeoutError

    class Pool:
        def submit(self, _attempt):
            return Slow()

    monkeypatch.setattr(lambda_invoker, "_CALLS", Pool())
    with pytest.raises(InvocationFailed, match="Socket timeout while invoking Lambda function"):
        lambda_invoker.within_limits(lambda: None)
    assert waited == [5.0, 5.0, 5.0]


def test_totp_in_custom_flow_continues_with_its_functions(make_pool):
    """DefineAuthChallenge may request a second factor, and gets its result."""
    pool = make_pool()
    email = confirmed(pool)
    user = pool.user_pool.user(email)
    secret = base64.b32encode(b"12345678901234567890").decode()
    pool.user_pool.state_of(user).totp_secret = secret

    def define(event):
        if event["request"]["session"]:
            return answering(issueTokens=True, failAuthentication=False)(event)
        return answering(issueTokens=False, failAuthentication=False, challengeName="SOFTWARE_TOKEN_MFA")(event)

    pool.on("DefineAuthChallenge", define)
    asked = sign_in(pool, email, flow="CUSTOM_AUTH")
    code = mfa.one_time_password(secret, int(time.time()) // mfa.STEP_SECONDS)
    result = answered(pool, "SOFTWARE_TOKEN_MFA", asked["Session"], USERNAME=email, SOFTWARE_TOKEN_MFA_CODE=code)
    assert result["AuthenticationResult"]
    assert pool.events[-1]["request"]["session"] == [
        {"challengeName": "SOFTWARE_TOKEN_MFA", "challengeResult": True, "challengeMetadata": None}
    ]


# ---- linked users ----------------------------------------------------------------------------------------------------


def link(pool, email, subject="s-1", attribute="Cognito_Subject", provider="Lumen"):
    pool.user_pool.moto.identity_providers.setdefault("Lumen", object())
    source = {"ProviderName": provider, "ProviderAttributeName": attribute, "ProviderAttributeValue": subject}
    username = pool.user_pool.user(email).username
    destination = {"ProviderName": "Cognito", "ProviderAttributeValue": username}
    call = pool.call(admin=True)
    linking.admin_link_provider_for_user(call, {"SourceUser": source, "DestinationUser": destination})
    return source


def identities(pool, email):
    told = pool.user_pool.user(email).attribute_lookup.get("identities")
    return [(i["providerName"], i["userId"], i["primary"]) for i in json.loads(told or "[]")]


@pytest.mark.parametrize("attribute", ["Cognito_Subject", "email"])
def test_linked_federated_user_signs_in_as_user_of_the_pool(make_pool, attribute):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-identity-federation-consolidate-users.html"""
    pool = make_pool()
    email = confirmed(pool)
    link(pool, email, "s-1" if attribute == "Cognito_Subject" else email, attribute)
    for trigger in FEDERATION:
        pool.on(trigger, same)
    assert federated(pool, email=email) is pool.user_pool.user(email)
    assert sources(pool) == ["PreAuthentication_Authentication", "PostAuthentication_Authentication"]
    assert identities(pool, email) == [("Lumen", "s-1", "false")]
    assert len(pool.user_pool.moto.users) == 1
    assert sign_in(pool, email)["AuthenticationResult"]


def test_trigger_links_user_at_first_federated_sign_in(make_pool):
    pool = make_pool()
    email = confirmed(pool)

    def link_them(event):
        link(pool, email)
        return event

    pool.on("PreSignUp", link_them)
    assert federated(pool, email=email) is pool.user_pool.user(email)
    assert len(pool.user_pool.moto.users) == 1


def test_unlinked_provider_user_is_a_separate_user(make_pool):
    pool = make_pool()
    email = confirmed(pool)
    source = link(pool, email)
    linking.admin_disable_provider_for_user(pool.call(admin=True), {"User": source})
    assert identities(pool, email) == []
    assert federated(pool).username == "Lumen_s-1"
    with pytest.raises(CognitoError) as refusal:
        linking.admin_disable_provider_for_user(pool.call(admin=True), {"User": source})
    assert refusal.value.code == "UserNotFoundException"


def test_user_with_a_profile_or_another_link_cannot_be_linked(make_pool):
    pool = make_pool()
    one, other = confirmed(pool), confirmed(pool)
    federated(pool, subject="s-9")
    with pytest.raises(CognitoError, match="Merging is not currently supported"):
        link(pool, one, "s-9")
    link(pool, one, "s-1")
    link(pool, one, "s-1")
    with pytest.raises(CognitoError) as refusal:
        link(pool, other, "s-1")
    assert refusal.value.code == "AliasExistsException"
    with pytest.raises(CognitoError, match="Invalid SourceUser"):
        link(pool, one, other, provider="Cognito")


def test_provider_user_of_a_deleted_user_can_be_linked_again(make_pool):
    pool = make_pool()
    one, other = confirmed(pool), confirmed(pool)
    link(pool, one)
    administration.admin_delete_user(pool.call(admin=True), {"Username": one})
    link(pool, other)
    assert federated(pool, email=other) is pool.user_pool.user(other)
