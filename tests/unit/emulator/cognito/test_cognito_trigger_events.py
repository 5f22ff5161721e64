"""The events of triggers, compared with AWS's samples and Powertools' models, and the use of triggers' results."""

import json
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.cognito_user_pool_event import (
    DefineAuthChallengeTriggerEvent,
    PreTokenGenerationV2TriggerEvent,
    VerifyAuthChallengeResponseTriggerEvent,
)
from aws_lambda_powertools.utilities.parser import models

from harness.emulator.cognito import administration, authentication, challenges, recovery, sign_up
from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.keys import unverified_claims
from harness.emulator.cognito.lambda_invoker import FunctionFailed, InvocationFailed, within_limits
from harness.emulator.controls.outbox import OUTBOX

ORACLE = Path(__file__).parents[5] / "shared" / "oracle" / "powertools-events"
PASSWORD = "Right-horse-9"


def same(event):
    return event


def answering(**response):
    return lambda event: {**event, "response": {**event["response"], **response}}


def raising(message):
    def handler(_event):
        raise FunctionFailed(message)

    return handler


def sample(name: str) -> dict[str, Any]:
    path = ORACLE / f"{name}.json"
    if not path.exists():
        pytest.skip(f"the samples of AWS's events are not here: {path}")
    return json.loads(path.read_text())


def assert_types_as_in(expected: dict[str, Any], event: dict[str, Any]) -> None:
    """What both have is of the same type; null and the attributes, which are strings on AWS, go with any."""
    for mine, theirs in ((event, expected), (event["request"], expected["request"])):
        for name in set(mine) & set(theirs):
            if name != "userAttributes" and None not in (mine[name], theirs[name]):
                assert type(mine[name]) is type(theirs[name]), name


def address() -> str:
    return f"{uuid.uuid4().hex}@people.example"


def signed_up(pool, email=None, **more):
    email = email or address()
    request = {"ClientId": pool.client_id, "Username": email, "Password": PASSWORD, **more}
    request.setdefault("UserAttributes", [{"Name": "email", "Value": email}])
    sign_up.sign_up(pool.call(more.get("ClientMetadata")), request)
    return email


def confirmed(pool, **more):
    email = signed_up(pool, **more)
    sign_up.confirm_sign_up(pool.call(), {"Username": email, "ConfirmationCode": pool.code(email)})
    return email


def sign_in(pool, email, password=PASSWORD, flow="USER_PASSWORD_AUTH", **more):
    parameters = {"USERNAME": email, "PASSWORD": password}
    return authentication.initiate_auth(pool.call(), {"AuthFlow": flow, "AuthParameters": parameters, **more})


def claims(result, token):
    return unverified_claims(result["AuthenticationResult"][token])


CASES = {
    "PreSignUp_SignUp": ("PreSignUp", models.CognitoPreSignupTriggerModel, "cognitoPreSignUpEvent"),
    "PostConfirmation_ConfirmSignUp": (
        "PostConfirmation",
        models.CognitoPostConfirmationTriggerModel,
        "cognitoPostConfirmationEvent",
    ),
    "PreAuthentication_Authentication": (
        "PreAuthentication",
        models.CognitoPreAuthenticationTriggerModel,
        "cognitoPreAuthenticationEvent",
    ),
    "PostAuthentication_Authentication": (
        "PostAuthentication",
        models.CognitoPostAuthenticationTriggerModel,
        "cognitoPostAuthenticationEvent",
    ),
    "TokenGeneration_Authentication": (
        "PreTokenGeneration",
        models.CognitoPreTokenGenerationTriggerModelV1,
        "cognitoPreTokenGenerationEvent",
    ),
    "CustomMessage_SignUp": (
        "CustomMessage",
        models.CognitoCustomMessageTriggerModel,
        "cognitoCustomMessageEvent",
    ),
}


@pytest.mark.parametrize("source", CASES)
def test_the_event_of_a_trigger_has_what_the_sample_of_aws_has(make_pool, source):
    trigger, model, name = CASES[source]
    pool = make_pool()
    pool.on(trigger, same)
    sign_in(pool, confirmed(pool))
    event = pool.event(source)
    model.model_validate(event)
    expected = sample(name)
    assert set(event) == set(expected)
    assert set(event["request"]) >= set(expected["request"]) - {"usernameParameter"}
    assert_types_as_in(expected, event)
    assert event["callerContext"] == {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": pool.client_id}
    assert (event["version"], event["region"]) == ("1", "eu-central-1")
    assert all(isinstance(value, str) for value in event["request"]["userAttributes"].values())


def test_pre_token_generation_v2_gets_scopes_changes_both_tokens(make_pool):
    pool = make_pool()
    details = {
        "idTokenGeneration": {"claimsToAddOrOverride": {"tier": {"level": 3}}, "claimsToSuppress": ["email"]},
        "accessTokenGeneration": {
            "claimsToAddOrOverride": {"tier": "gold", "sub": "stolen"},
            "scopesToAdd": ["albums/write"],
        },
        "groupOverrideDetails": {"groupsToOverride": ["guests"]},
    }
    pool.on(
        "PreTokenGeneration",
        answering(claimsAndScopeOverrideDetails=details),
        key="PreTokenGenerationConfig",
        LambdaVersion="V2_0",
    )
    email = confirmed(pool)
    result = sign_in(pool, email)
    event = pool.event("TokenGeneration_Authentication")
    # Powertools' parser model has `scopes` as an object, which AWS's sample contradicts; its data class is right.
    assert PreTokenGenerationV2TriggerEvent(event).request.scopes == ["aws.cognito.signin.user.admin"]
    assert set(event["request"]) == set(sample("cognitoPreTokenV2GenerationEvent")["request"])
    assert event["version"] == "2"
    identity, access = claims(result, "IdToken"), claims(result, "AccessToken")
    assert (identity["tier"], "email" in identity) == ({"level": 3}, False)
    assert (access["tier"], access["scope"]) == ("gold", "aws.cognito.signin.user.admin albums/write")
    assert identity["cognito:groups"] == access["cognito:groups"] == ["guests"]
    assert access["sub"] == pool.user_pool.user(email).id


def test_pre_token_generation_v1_changes_the_id_token_only(make_pool):
    pool = make_pool()
    details = {"claimsToAddOrOverride": {"plan": "free"}, "claimsToSuppress": ["email_verified"]}
    pool.on("PreTokenGeneration", answering(claimsOverrideDetails=details))
    result = sign_in(pool, confirmed(pool))
    assert claims(result, "IdToken")["plan"] == "free"
    assert "email_verified" not in claims(result, "IdToken")
    assert "plan" not in claims(result, "AccessToken")


def test_refreshing_has_its_own_source_of_pre_token_generation(make_pool):
    pool = make_pool()
    pool.on("PreTokenGeneration", same)
    refresh_token = sign_in(pool, confirmed(pool))["AuthenticationResult"]["RefreshToken"]
    request = {"AuthFlow": "REFRESH_TOKEN_AUTH", "AuthParameters": {"REFRESH_TOKEN": refresh_token}}
    result = authentication.initiate_auth(pool.call(), request)
    assert pool.events[-1]["triggerSource"] == "TokenGeneration_RefreshTokens"
    assert "RefreshToken" not in result["AuthenticationResult"]


def test_a_sign_up_that_pre_sign_up_refuses_leaves_no_user(make_pool):
    pool = make_pool()
    pool.on("PreSignUp", raising("Not from this domain"))
    with pytest.raises(CognitoError) as refusal:
        signed_up(pool)
    assert refusal.value.code == "UserLambdaValidationException"
    assert refusal.value.message == "PreSignUp failed with error Not from this domain."
    assert not pool.user_pool.moto.users


def test_pre_sign_up_confirms_and_verifies_at_once(make_pool):
    pool = make_pool()
    pool.on("PreSignUp", answering(autoConfirmUser=True, autoVerifyEmail=True))
    pool.on("PostConfirmation", same)
    email = signed_up(pool, ClientMetadata={"invited": "yes"}, ValidationData=[{"Name": "captcha", "Value": "x"}])
    user = pool.user_pool.user(email)
    assert (user.status, user.attribute_lookup["email_verified"]) == ("CONFIRMED", "true")
    request = pool.event("PreSignUp_SignUp")["request"]
    assert (request["validationData"], request["clientMetadata"]) == ({"captcha": "x"}, {"invited": "yes"})
    assert pool.event("PostConfirmation_ConfirmSignUp")["request"]["userAttributes"]["email_verified"] == "true"


@pytest.mark.parametrize("answer", [None, "text", {"no": "response"}, {"response": {"autoConfirmUser": "yes"}}])
def test_trigger_result_that_is_not_the_event_is_refused(make_pool, answer):
    pool = make_pool()
    pool.on("PreSignUp", lambda _event: answer)
    with pytest.raises(CognitoError) as refusal:
        signed_up(pool)
    assert (refusal.value.code, refusal.value.message) == (
        "InvalidLambdaResponseException",
        "Unrecognizable lambda output",
    )


def test_trigger_without_permission_is_named_with_the_reason(make_pool):
    def denied(_event):
        raise InvocationFailed("AccessDeniedException")

    pool = make_pool()
    pool.on("PreSignUp", denied)
    with pytest.raises(CognitoError) as refusal:
        signed_up(pool)
    assert refusal.value.code == "UnexpectedLambdaException"
    assert refusal.value.message == "PreSignUp invocation failed due to error AccessDeniedException."


def test_post_confirmation_that_raises_leaves_the_user_confirmed(make_pool):
    pool = make_pool()
    email = signed_up(pool)
    pool.on("PostConfirmation", raising("no database"))
    with pytest.raises(CognitoError, match="PostConfirmation failed with error no database"):
        sign_up.confirm_sign_up(pool.call(), {"Username": email, "ConfirmationCode": pool.code(email)})
    assert pool.user_pool.user(email).status == "CONFIRMED"


def test_custom_message_writes_the_mail(make_pool):
    pool = make_pool()
    message = "Your code: {####}"
    pool.on("CustomMessage", answering(emailMessage=message, emailSubject="Hello"))
    email = signed_up(pool)
    mail = OUTBOX.read(recipient=email)[-1]
    assert (mail.subject, mail.html) == ("Hello", f"Your code: {mail.code}")


def test_custom_message_must_keep_the_placeholder_of_the_code(make_pool):
    pool = make_pool()
    pool.on("CustomMessage", answering(emailMessage="Welcome!"))
    with pytest.raises(CognitoError, match="at 'emailBody' failed to satisfy constraint") as refusal:
        signed_up(pool)
    assert refusal.value.code == "InvalidParameterException"


def test_custom_message_of_invitation_has_username_placeholder(make_pool):
    pool = make_pool()
    pool.on("CustomMessage", answering(emailMessage="{username} has {####}"))
    email = address()
    request = {"Username": "ada", "UserAttributes": [{"Name": "email", "Value": email}]}
    administration.admin_create_user(pool.call(admin=True), request)
    event = pool.event("CustomMessage_AdminCreateUser")
    assert event["request"]["usernameParameter"] == "{username}"
    assert event["callerContext"]["clientId"] == "CLIENT_ID_NOT_APPLICABLE"
    mail = OUTBOX.read(recipient=email)[-1]
    assert mail.html == f"ada has {mail.code}"


def test_pre_authentication_gets_validation_data_and_may_refuse(make_pool):
    pool = make_pool()
    email = confirmed(pool)
    pool.on("PreAuthentication", raising("too early"))
    with pytest.raises(CognitoError, match="PreAuthentication failed with error too early"):
        sign_in(pool, email, ClientMetadata={"from": "app"})
    assert pool.events[-1]["request"]["validationData"] == {"from": "app"}


def test_post_authentication_that_raises_gives_no_tokens(make_pool):
    pool = make_pool()
    email = confirmed(pool)
    pool.on("PostAuthentication", raising("audit is down"))
    with pytest.raises(CognitoError, match="PostAuthentication failed with error audit is down"):
        sign_in(pool, email)
    assert not pool.user_pool.state.grants


def test_user_migration_brings_a_user_in_at_the_first_sign_in(make_pool):
    pool = make_pool()
    email = address()
    pool.on(
        "UserMigration",
        answering(userAttributes={"email": email, "email_verified": "true"}, finalUserStatus="CONFIRMED"),
    )
    assert "AuthenticationResult" in sign_in(pool, email, "Old-secret-1")
    event = pool.event("UserMigration_Authentication")
    models.CognitoMigrateUserTriggerModel.model_validate(event)
    assert set(event["request"]) >= set(sample("cognitoUserMigrationEvent")["request"])
    assert_types_as_in(sample("cognitoUserMigrationEvent"), event)
    assert event["request"]["password"] == "Old-secret-1"
    assert pool.user_pool.user(email).status == "CONFIRMED"
    assert "AuthenticationResult" in sign_in(pool, email, "Old-secret-1")
    assert len(pool.events) == 1


def test_user_migration_that_raises_is_user_not_found(make_pool):
    pool = make_pool()
    pool.on("UserMigration", raising("Bad password"))
    with pytest.raises(CognitoError) as refusal:
        sign_in(pool, address())
    assert refusal.value.code == "UserNotFoundException"


def test_user_migration_on_a_forgotten_password_sends_a_code(make_pool):
    pool = make_pool()
    email = address()
    pool.on("UserMigration", answering(userAttributes={"email": email, "email_verified": "true"}))
    recovery.forgot_password(pool.call(), {"Username": email})
    assert pool.event("UserMigration_ForgotPassword")["request"]["password"] is None
    request = {"Username": email, "ConfirmationCode": pool.code(email), "Password": PASSWORD}
    recovery.confirm_forgot_password(pool.call(), request)
    assert "AuthenticationResult" in sign_in(pool, email)


def custom_flow(pool):
    def define(event):
        passed = [s for s in event["request"]["session"] if s["challengeResult"]]
        failed = [s for s in event["request"]["session"] if not s["challengeResult"]]
        if passed:
            return answering(issueTokens=True, failAuthentication=False)(event)
        if len(failed) >= 2:
            return answering(issueTokens=False, failAuthentication=True)(event)
        return answering(issueTokens=False, failAuthentication=False, challengeName="CUSTOM_CHALLENGE")(event)

    pool.on("DefineAuthChallenge", define)
    pool.on(
        "CreateAuthChallenge",
        answering(
            publicChallengeParameters={"question": "6 * 7"},
            privateChallengeParameters={"answer": "42"},
            challengeMetadata="SUM",
        ),
    )
    pool.on(
        "VerifyAuthChallengeResponse",
        lambda e: answering(
            answerCorrect=e["request"]["challengeAnswer"] == e["request"]["privateChallengeParameters"]["answer"]
        )(e),
    )


def respond(pool, email, session, answer):
    return challenges.respond(
        pool.call({"device": "phone"}),
        {
            "ChallengeName": "CUSTOM_CHALLENGE",
            "Session": session,
            "ChallengeResponses": {"USERNAME": email, "ANSWER": answer},
        },
    )


def test_custom_challenges_repeat_until_functions_accept(make_pool):
    pool = make_pool()
    email = confirmed(pool)
    custom_flow(pool)
    first = sign_in(pool, email, flow="CUSTOM_AUTH")
    assert first["ChallengeParameters"]["question"] == "6 * 7"
    assert "answer" not in first["ChallengeParameters"]
    second = respond(pool, email, first["Session"], "41")
    assert "AuthenticationResult" in respond(pool, email, second["Session"], "42")
    with pytest.raises(CognitoError, match="Invalid session"):
        respond(pool, email, second["Session"], "42")
    define = pool.event("DefineAuthChallenge_Authentication")
    assert define["request"]["session"] == [
        {"challengeName": "CUSTOM_CHALLENGE", "challengeResult": False, "challengeMetadata": "SUM"},
        {"challengeName": "CUSTOM_CHALLENGE", "challengeResult": True, "challengeMetadata": "SUM"},
    ]
    # Powertools' parser model of DefineAuthChallenge has no CUSTOM_CHALLENGE, which AWS's own sample contains.
    assert DefineAuthChallengeTriggerEvent(define).request.session[1].challenge_result is True
    # Its model of VerifyAuthChallengeResponse requires `answerCorrect` in the event; AWS's sample has none.
    verify = pool.event("VerifyAuthChallengeResponse_Authentication")
    assert VerifyAuthChallengeResponseTriggerEvent(verify).request.challenge_answer == "42"
    for source in ("DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse"):
        expected = set(sample(f"cognito{source}Event")["request"])
        assert_types_as_in(sample(f"cognito{source}Event"), pool.event(f"{source}_Authentication"))
        # userNotFound is there where the client hides whether users exist.
        assert set(pool.event(f"{source}_Authentication")["request"]) >= expected - {"userNotFound"}


def test_custom_challenges_that_fail_for_good_give_no_tokens(make_pool):
    pool = make_pool()
    email = confirmed(pool)
    custom_flow(pool)
    session = sign_in(pool, email, flow="CUSTOM_AUTH")["Session"]
    session = respond(pool, email, session, "1")["Session"]
    with pytest.raises(CognitoError, match="Incorrect username or password"):
        respond(pool, email, session, "2")


def test_triggers_get_user_not_found_for_a_hidden_missing_user(make_pool):
    pool = make_pool(client={"PreventUserExistenceErrors": "ENABLED"})
    custom_flow(pool)
    answer = sign_in(pool, address(), flow="CUSTOM_AUTH")
    assert answer["ChallengeName"] == "CUSTOM_CHALLENGE"
    assert pool.event("DefineAuthChallenge_Authentication")["request"]["userNotFound"] is True


def test_slow_trigger_function_fails_after_three_attempts():
    released, attempts = threading.Event(), []

    def hang():
        attempts.append(1)
        released.wait()

    with pytest.raises(InvocationFailed, match="Socket timeout while invoking Lambda function"):
        within_limits(hang, timeout_seconds=0.02)
    released.set()
    assert len(attempts) == 3
