"""Challenges: the responses of RespondToAuthChallenge, and the challenge after each.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
"""

import json
import re
import secrets
import uuid
from datetime import datetime
from typing import Any

from moto.cognitoidp.models import UserStatus

from harness.emulator.cognito import attributes as attrs
from harness.emulator.cognito import credentials, mfa, srp, tokens, triggers
from harness.emulator.cognito.errors import (
    CognitoError,
    incorrect_username_or_password,
    invalid_parameter,
    not_authorized,
)
from harness.emulator.cognito.passwords import check_password, policy_of
from harness.emulator.cognito.records import SignInSession
from harness.emulator.cognito.sessions import ask, begin, take_session
from harness.emulator.cognito.triggers import UserPoolCall

Request = dict[str, Any]
Answer = dict[str, Any]
_NEW_ATTRIBUTE = "userAttributes."


def respond(call: UserPoolCall, request: Request) -> Answer:
    """RespondToAuthChallenge and AdminRespondToAuthChallenge."""
    name = request["ChallengeName"]
    responses = request.get("ChallengeResponses") or {}
    username = credentials.required(responses, "USERNAME")
    call.app_client.check_secret_hash(username, responses.get("SECRET_HASH"))
    answer = _ANSWERS.get(name)
    if answer is None:
        raise invalid_parameter(f"The challenge {name} cannot be answered here.")
    token = responses.get("PASSWORD_CLAIM_SECRET_BLOCK") if name == "PASSWORD_VERIFIER" else request.get("Session")
    session = take_session(call.app_client, token, name)
    _check_same_user(call, session, username)
    if session.user is not None:
        credentials.check_may_sign_in(call, session.user)
    return answer(call, session, responses, token)


def _check_same_user(call: UserPoolCall, session: SignInSession, username: str) -> None:
    named = {session.username, session.simulated_id} | (
        {session.user.username, session.user.id} if session.user is not None else set()
    )
    if username not in named and (session.user is None or call.pool.find_user(username) is not session.user):
        raise not_authorized("Invalid session for the user.")


def finish(call: UserPoolCall, session: SignInSession) -> Answer:
    """The challenges are passed: PostAuthentication, then tokens."""
    post_authentication(call, session.user)
    return {"AuthenticationResult": tokens.sign_in(call, session.user, session.source), "ChallengeParameters": {}}


def post_authentication(call: UserPoolCall, user: Any) -> None:
    triggers.run(
        call,
        "PostAuthentication",
        "PostAuthentication_Authentication",
        user.username,
        triggers.with_metadata(
            {"userAttributes": triggers.user_attributes(user), "newDeviceUsed": False}, call.client_metadata
        ),
        {},
    )


def after_password(call: UserPoolCall, user: Any) -> Answer:
    """What follows a right password: the next challenge, or tokens."""
    return challenge_after_password(call, user) or finish(call, begin(call.app_client, user.username, user, ""))


def challenge_after_password(call: UserPoolCall, user: Any) -> Answer | None:
    """The challenge that stands between a right password and tokens; raises UserNotConfirmedException."""
    if user.status == UserStatus.UNCONFIRMED:
        raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
    if user.status == UserStatus.FORCE_CHANGE_PASSWORD:
        return new_password_required(call, begin(call.app_client, user.username, user, "NEW_PASSWORD_REQUIRED"))
    return mfa.challenge(call, begin(call.app_client, user.username, user, "MFA"))


# ---- SRP -------------------------------------------------------------------------------------------------------------


def password_verifier(call: UserPoolCall, session: SignInSession, large_a: int) -> Answer:
    """The server's half of SRP; the secret block stands for the session."""
    user = session.user
    if user is None:
        # A client that hides whether users exist gets a challenge without a correct answer, with an id and a salt that
        # stay the same for a name
        # (https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html).
        session.simulated_id = str(uuid.UUID(bytes=call.pool.state.digest("id", session.username)[:16], version=4))
    user_id = user.username if user is not None else str(session.simulated_id)
    password = (user.password if user is not None else None) or secrets.token_urlsafe()
    salt = call.pool.state.digest("salt", user_id, user.password or "" if user is not None else "")
    try:
        made = srp.challenge(_pool_name(call), user_id, password, large_a, int.from_bytes(salt[:16], "big"))
    except ValueError as error:
        raise invalid_parameter(str(error)) from None
    session.srp, session.challenge_name = made, "PASSWORD_VERIFIER"
    parameters = made.to_parameters()
    call.pool.state.sessions[parameters["SECRET_BLOCK"]] = session
    return {
        "ChallengeName": "PASSWORD_VERIFIER",
        "ChallengeParameters": {**parameters, "USERNAME": user_id, "USER_ID_FOR_SRP": user_id},
    }


def _pool_name(call: UserPoolCall) -> str:
    return call.pool.id.split("_", 1)[1]


def _answer_password_verifier(
    call: UserPoolCall, session: SignInSession, responses: dict[str, str], _token: str | None
) -> Answer:
    timestamp = credentials.required(responses, "TIMESTAMP")
    claimed = credentials.required(responses, "PASSWORD_CLAIM_SIGNATURE")
    try:
        datetime.strptime(re.sub(r" UTC ", " ", timestamp), "%a %b %d %H:%M:%S %Y")  # noqa: DTZ007 - UTC, taken out
    except ValueError:
        raise invalid_parameter("TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.") from None
    made, user = session.srp, session.user
    if made is None or user is None:
        raise incorrect_username_or_password()
    credentials.check_not_locked_out(call, user)
    right = srp.verifies(made, _pool_name(call), user.username, timestamp, claimed)
    if not right:
        credentials.count_failure(call, user)
        if not session.custom:
            raise incorrect_username_or_password()
    else:
        call.pool.state_of(user).failed_passwords = 0
    if session.custom:
        session.results.append(
            {"challengeName": "PASSWORD_VERIFIER", "challengeResult": right, "challengeMetadata": None}
        )
        return next_custom(call, session)
    return after_password(call, user)


# ---- new password ----------------------------------------------------------------------------------------------------


def new_password_required(call: UserPoolCall, session: SignInSession) -> Answer:
    user = session.user
    shown = {n: v for n, v in user.attribute_lookup.items() if n != "sub"}
    missing = attrs.required_and_missing(call.pool, user.attribute_lookup)
    return ask(
        call.app_client,
        session,
        "NEW_PASSWORD_REQUIRED",
        {
            "USER_ID_FOR_SRP": user.username,
            "requiredAttributes": json.dumps([_NEW_ATTRIBUTE + name for name in missing]),
            "userAttributes": json.dumps(shown),
        },
    )


def _answer_new_password(
    call: UserPoolCall, session: SignInSession, responses: dict[str, str], token: str | None
) -> Answer:
    user = session.user
    given = {n.removeprefix(_NEW_ATTRIBUTE): v for n, v in responses.items() if n.startswith(_NEW_ATTRIBUTE)}
    try:
        check_password(credentials.required(responses, "NEW_PASSWORD"), policy_of(call.pool.config))
        attrs.check_writable(call.app_client, given)
        attrs.check_schema(call.pool, given)
        attrs.check_required(call.pool, {**user.attribute_lookup, **given})
    except CognitoError:
        # The person may try again with a better password.
        call.pool.state.sessions[token or ""] = session
        raise
    user.password = responses["NEW_PASSWORD"]
    user.status = UserStatus.CONFIRMED
    user.update_attributes(attrs.listed(given))
    call.pool.state_of(user).temporary_password_expires_at = None
    session.source = "NewPasswordChallenge"
    if session.custom:
        session.results.append(
            {"challengeName": "NEW_PASSWORD_REQUIRED", "challengeResult": True, "challengeMetadata": None}
        )
        return next_custom(call, session)
    return mfa.challenge(call, session) or finish(call, session)


# ---- custom challenges -----------------------------------------------------------------------------------------------


def next_custom(call: UserPoolCall, session: SignInSession, large_a: int | None = None) -> Answer:
    """Ask DefineAuthChallenge what comes next, and do it.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-challenge.html
    """
    user = session.user
    request = triggers.of_possible_user(call, user, session=list(session.results))
    response = _ask_function(
        call,
        session,
        "DefineAuthChallenge",
        request,
        {"challengeName": None, "issueTokens": None, "failAuthentication": None},
    )
    if triggers.flag(response, "failAuthentication"):
        raise incorrect_username_or_password()
    if triggers.flag(response, "issueTokens"):
        if user is None:
            raise incorrect_username_or_password()
        if user.status == UserStatus.UNCONFIRMED:
            raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
        if user.status == UserStatus.FORCE_CHANGE_PASSWORD:
            session.custom = False
            return new_password_required(call, session)
        return finish(call, session)
    wanted = triggers.text(response, "challengeName")
    if wanted == "PASSWORD_VERIFIER" and large_a is not None:
        return password_verifier(call, session, large_a)
    if wanted in ("SMS_MFA", "SOFTWARE_TOKEN_MFA") and user is not None:
        return mfa.challenge_by(call, session, wanted)
    if wanted != "CUSTOM_CHALLENGE":
        raise triggers.invalid_response()
    return _create_custom(call, session, request)


def _ask_function(
    call: UserPoolCall, session: SignInSession, trigger: str, request: dict[str, Any], response: dict[str, Any]
) -> dict[str, Any]:
    """Run one of the three triggers of the custom flow."""
    answer = triggers.run(
        call,
        trigger,
        f"{trigger}_Authentication",
        _name_in(session),
        triggers.with_metadata(request, call.client_metadata),
        response,
    )
    if answer is None:
        raise invalid_parameter("Custom auth lambda trigger is not configured for the user pool.")
    return answer


def _name_in(session: SignInSession) -> str:
    return str(session.user.username) if session.user is not None else session.username


def _create_custom(call: UserPoolCall, session: SignInSession, request: dict[str, Any]) -> Answer:
    response = _ask_function(
        call,
        session,
        "CreateAuthChallenge",
        {**request, "challengeName": "CUSTOM_CHALLENGE"},
        {"publicChallengeParameters": None, "privateChallengeParameters": None, "challengeMetadata": None},
    )
    session.private_parameters = _strings(response.get("privateChallengeParameters"))
    session.challenge_metadata = triggers.text(response, "challengeMetadata")
    public = _strings(response.get("publicChallengeParameters"))
    return ask(call.app_client, session, "CUSTOM_CHALLENGE", {"USERNAME": _name_in(session), **public})


def _strings(parameters: Any) -> dict[str, str]:
    parameters = parameters or {}
    if not isinstance(parameters, dict) or not all(isinstance(v, str) for v in parameters.values()):
        raise triggers.invalid_response()
    return parameters


def _answer_custom(call: UserPoolCall, session: SignInSession, responses: dict[str, str], _token: str | None) -> Answer:
    request = triggers.of_possible_user(
        call,
        session.user,
        privateChallengeParameters=session.private_parameters,
        challengeAnswer=credentials.required(responses, "ANSWER"),
    )
    response = _ask_function(call, session, "VerifyAuthChallengeResponse", request, {})
    session.results.append(
        {
            "challengeName": "CUSTOM_CHALLENGE",
            "challengeResult": triggers.flag(response, "answerCorrect"),
            "challengeMetadata": session.challenge_metadata,
        }
    )
    return next_custom(call, session)


def _answer_mfa(call: UserPoolCall, session: SignInSession, responses: dict[str, str], token: str | None) -> Answer:
    try:
        following = mfa.answer(call, session, responses)
    except CognitoError as error:
        if error.code in ("CodeMismatchException", "InvalidParameterException"):
            # The person may answer again.
            call.pool.state.sessions[token or ""] = session
        raise
    if following is not None:
        return following
    if session.custom:
        session.results.append(
            {"challengeName": session.challenge_name, "challengeResult": True, "challengeMetadata": None}
        )
        return next_custom(call, session)
    return finish(call, session)


_ANSWERS = {
    "PASSWORD_VERIFIER": _answer_password_verifier,
    "NEW_PASSWORD_REQUIRED": _answer_new_password,
    "CUSTOM_CHALLENGE": _answer_custom,
    "SMS_MFA": _answer_mfa,
    "SOFTWARE_TOKEN_MFA": _answer_mfa,
    "SELECT_MFA_TYPE": _answer_mfa,
    "MFA_SETUP": _answer_mfa,
}
