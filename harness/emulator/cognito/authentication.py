"""Signing in: InitiateAuth, AdminInitiateAuth and refreshing.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow-methods.html
"""

import time
from typing import Any

from harness.emulator.cognito import challenges, credentials, migration, tokens, triggers
from harness.emulator.cognito.errors import (
    CognitoError,
    incorrect_username_or_password,
    invalid_parameter,
    not_authorized,
    user_not_found,
)
from harness.emulator.cognito.records import Grant
from harness.emulator.cognito.sessions import begin
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import AppClient

Request = dict[str, Any]
Answer = dict[str, Any]

# The values of ExplicitAuthFlows, old and new, that allow a flow.
_ALLOWED_BY = {
    "USER_PASSWORD_AUTH": {"ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"},
    "USER_SRP_AUTH": {"ALLOW_USER_SRP_AUTH"},
    "CUSTOM_AUTH": {"ALLOW_CUSTOM_AUTH", "CUSTOM_AUTH_FLOW_ONLY"},
    "REFRESH_TOKEN_AUTH": {"ALLOW_REFRESH_TOKEN_AUTH"},
    "ADMIN_USER_PASSWORD_AUTH": {"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"},
}
_SAME = {"REFRESH_TOKEN": "REFRESH_TOKEN_AUTH", "ADMIN_NO_SRP_AUTH": "ADMIN_USER_PASSWORD_AUTH"}
_DEFAULT = {"ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"}


def initiate_auth(call: UserPoolCall, request: Request, *, admin: bool = False) -> Answer:
    flow = _allowed_flow(call.app_client, request["AuthFlow"], admin=admin)
    parameters = request.get("AuthParameters") or {}
    if flow == "REFRESH_TOKEN_AUTH":
        return {"AuthenticationResult": refresh(call, parameters), "ChallengeParameters": {}}
    username = credentials.required(parameters, "USERNAME")
    call.app_client.check_secret_hash(username, parameters.get("SECRET_HASH"))
    # PreAuthentication and UserMigration get the ClientMetadata of InitiateAuth, as validationData; others do not.
    metadata = request.get("ClientMetadata")
    call = UserPoolCall(call.pool, call.invoke, call.client)
    if flow == "USER_SRP_AUTH":
        return _with_srp(call, username, parameters, metadata)
    if flow == "CUSTOM_AUTH":
        return _custom(call, username, parameters, metadata)
    return _with_password(call, username, credentials.required(parameters, "PASSWORD"), metadata)


def _allowed_flow(client: AppClient, flow: str, *, admin: bool) -> str:
    flow = _SAME.get(flow, flow)
    if flow == "USER_AUTH":
        raise CognitoError(
            "InternalErrorException", "USER_AUTH (choice-based sign-in) is not emulated; use a flow by its name.", 501
        )
    if flow not in _ALLOWED_BY or (flow == "ADMIN_USER_PASSWORD_AUTH" and not admin):
        raise invalid_parameter("Initiate Auth method not supported.")
    if flow == "USER_PASSWORD_AUTH" and admin:
        raise invalid_parameter("Initiate Auth method not supported.")
    configured = set(client.config.get("ExplicitAuthFlows") or _DEFAULT)
    if not any(value.startswith("ALLOW_") for value in configured):
        # With the legacy values, refreshing and SRP are always allowed; CUSTOM_AUTH_FLOW_ONLY excludes every other flow.
        configured |= {"ALLOW_REFRESH_TOKEN_AUTH"}
        if "CUSTOM_AUTH_FLOW_ONLY" not in configured:
            configured |= {"ALLOW_USER_SRP_AUTH"}
    if not configured & _ALLOWED_BY[flow]:
        if flow == "ADMIN_USER_PASSWORD_AUTH":
            raise invalid_parameter("Auth flow not enabled for this client")
        raise invalid_parameter(f"{flow} flow not enabled for this client")
    return flow


# ---- the first step of each flow -------------------------------------------------------------------------------------


def _with_password(call: UserPoolCall, username: str, password: str, metadata: Any) -> Answer:
    user = call.pool.find_user(username)
    if user is None:
        user = migration.migrate_for_sign_in(call, username, password, metadata)
        if user is None:
            raise _no_such_user(call)
    if not user.enabled and call.app_client.hides_whether_users_exist:
        # Only who knows the password learns that the user is disabled.
        credentials.check_password(call, user, password)
    credentials.check_may_sign_in(call, user)
    pre_authentication(call, user, username, metadata)
    credentials.check_password(call, user, password)
    return challenges.after_password(call, user)


def native_sign_in(call: UserPoolCall, username: str, password: str) -> Any:
    """The user, by the form of the hosted sign-in. It has no page for further challenges and refuses who needs one."""
    user = call.pool.find_user(username)
    if user is None:
        raise incorrect_username_or_password()
    credentials.check_may_sign_in(call, user)
    pre_authentication(call, user, username, None)
    credentials.check_password(call, user, password)
    challenge = challenges.challenge_after_password(call, user)
    if challenge is not None:
        raise CognitoError(
            "InternalErrorException", f"The hosted sign-in form is not emulated for {challenge['ChallengeName']}.", 501
        )
    challenges.post_authentication(call, user)
    return user


def _with_srp(call: UserPoolCall, username: str, parameters: dict[str, str], metadata: Any) -> Answer:
    user = _possible_user(call, username, metadata)
    session = begin(call.app_client, username, user, "PASSWORD_VERIFIER")
    return challenges.password_verifier(call, session, _large_a(parameters))


def _custom(call: UserPoolCall, username: str, parameters: dict[str, str], metadata: Any) -> Answer:
    if not triggers.is_configured(call.pool, "DefineAuthChallenge"):
        raise invalid_parameter("Custom auth lambda trigger is not configured for the user pool.")
    user = _possible_user(call, username, metadata)
    session = begin(call.app_client, username, user, "CUSTOM_CHALLENGE")
    session.custom = True
    if parameters.get("CHALLENGE_NAME") == "SRP_A":
        session.results.append({"challengeName": "SRP_A", "challengeResult": True, "challengeMetadata": None})
        return challenges.next_custom(call, session, large_a=_large_a(parameters))
    return challenges.next_custom(call, session)


def _possible_user(call: UserPoolCall, username: str, metadata: Any) -> Any | None:
    """The user who continues with the challenges; None for an unknown one, if the client hides whether users exist."""
    user = call.pool.find_user(username)
    if user is None and not call.app_client.hides_whether_users_exist:
        raise user_not_found()
    if user is not None:
        credentials.check_may_sign_in(call, user)
    pre_authentication(call, user, username, metadata)
    return user


def _large_a(parameters: dict[str, str]) -> int:
    try:
        return int(credentials.required(parameters, "SRP_A"), 16)
    except ValueError:
        raise invalid_parameter("SRP_A is not a hexadecimal number.") from None


def _no_such_user(call: UserPoolCall) -> CognitoError:
    return incorrect_username_or_password() if call.app_client.hides_whether_users_exist else user_not_found()


def pre_authentication(call: UserPoolCall, user: Any | None, username: str, metadata: Any) -> None:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-authentication.html"""
    request = triggers.of_possible_user(call, user, validationData=metadata or None)
    name = user.username if user is not None else username
    triggers.run(call, "PreAuthentication", "PreAuthentication_Authentication", name, request, {})


# ---- refreshing ------------------------------------------------------------------------------------------------------


def refresh(call: UserPoolCall, parameters: dict[str, str], *, proven: bool = False) -> dict[str, Any]:
    """An `AuthenticationResult`. `proven`: the client has shown its secret already, and no hash is wanted."""
    if rotation(call.app_client) is not None:
        raise invalid_parameter("Refresh token rotation is enabled for this client; use GetTokensFromRefreshToken.")
    grant = tokens.grant_of(call, credentials.required(parameters, "REFRESH_TOKEN"))
    user = _user_of(call, grant)
    if not proven:
        call.app_client.check_secret_hash(user.username, parameters.get("SECRET_HASH"))
    return tokens.refresh(call, grant, user)


def rotation(client: AppClient) -> int | None:
    """The grace period in seconds where the client rotates refresh tokens, else None."""
    config = client.config.get("RefreshTokenRotation") or {}
    return int(config.get("RetryGracePeriodSeconds") or 0) if config.get("Feature") == "ENABLED" else None


def get_tokens_from_refresh_token(call: UserPoolCall, request: Request) -> Answer:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html"""
    client = call.app_client
    if client.secret is not None and request.get("ClientSecret") != client.secret:
        raise not_authorized(f"Unable to verify secret hash for client {client.id}")
    grace_seconds = rotation(client)
    with call.pool.state.lock:
        grant = tokens.grant_of(call, request["RefreshToken"])
        if grant.replaced_at is not None and time.time() > grant.replaced_at + (grace_seconds or 0):
            raise CognitoError("RefreshTokenReuseException", "Refresh token has been used.")
        user = _user_of(call, grant)
        successor = tokens.rotate(call, grant) if grace_seconds is not None else None
    result = tokens.refresh(call, grant, user)
    if successor is not None:
        result["RefreshToken"] = successor.refresh_token
    return {"AuthenticationResult": result}


def _user_of(call: UserPoolCall, grant: Grant) -> Any:
    user = call.pool.find_user(grant.user_id)
    if user is None:
        raise not_authorized("Invalid Refresh Token")
    if not user.enabled:
        raise not_authorized("User is disabled.")
    return user
