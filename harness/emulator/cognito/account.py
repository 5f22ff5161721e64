"""Operations of a signed-in user on the user's account: those that take an access token.

https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
"""

import time
from typing import Any

from moto.cognitoidp.models import UserStatus

from harness.emulator.cognito import administration, attempts, codes, credentials, delivery, mfa, passwords, tokens
from harness.emulator.cognito import attributes as attrs
from harness.emulator.cognito.codes import Purpose
from harness.emulator.cognito.errors import CognitoError, incorrect_username_or_password, not_authorized, user_not_found
from harness.emulator.cognito.keys import unverified_claims
from harness.emulator.cognito.lambda_invoker import Invoke
from harness.emulator.cognito.sessions import take_session
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import AppClient, UserPool, all_pools, is_true

Request = dict[str, Any]


def signed_in(token: str, invoke: Invoke, client_metadata: dict[str, str] | None = None) -> tuple[UserPoolCall, Any]:
    """The call and the user of an access token that is in force and may administer its user."""
    call, user, _scopes = signed_in_with(token, invoke, client_metadata, required_scope=tokens.USER_ADMIN_SCOPE)
    return call, user


def signed_in_with(
    token: str, invoke: Invoke, client_metadata: dict[str, str] | None = None, *, required_scope: str
) -> tuple[UserPoolCall, Any, list[str]]:
    """The call, the user and the scopes of an access token that is in force.

    Raises NotAuthorizedException where it is not, with AWS's words for what is wrong.
    """
    said = unverified_claims(token)
    pool = next((p for p in all_pools() if p.issuer == said.get("iss")), None)
    if pool is None:
        raise not_authorized("Invalid Access Token")
    claims = pool.state.key.claims_of(token)
    if claims is None:
        raise not_authorized("Could not verify signature for Access Token")
    if claims["token_use"] != "access":
        raise not_authorized("Invalid Access Token")
    if claims["exp"] <= time.time():
        raise not_authorized("Access Token has expired")
    if claims.get("origin_jti") in pool.state.revoked or claims["client_id"] not in pool.moto.clients:
        raise not_authorized("Access Token has been revoked")
    scopes = claims["scope"].split()
    if required_scope not in scopes:
        raise not_authorized("Access Token does not have required scopes")
    user = pool.find_user(claims["sub"])
    if user is None:
        raise user_not_found()
    if not user.enabled:
        raise not_authorized("User is disabled.")
    return UserPoolCall(pool, invoke, pool.client(claims["client_id"]), client_metadata), user, scopes


def get_user(call: UserPoolCall, user: Any, _request: Request) -> dict[str, Any]:
    shown = {n: v for n, v in user.attribute_lookup.items() if tokens.readable(call.app_client, n)}
    return {"Username": user.username, "UserAttributes": attrs.listed(shown), **administration.mfa_of(user)}


def delete_user(call: UserPoolCall, user: Any, _request: Request) -> dict[str, Any]:
    return administration.delete_user(call, user)


def change_password(call: UserPoolCall, user: Any, request: Request) -> dict[str, Any]:
    with call.pool.state.lock:
        attempts.count(call.pool.state_of(user), "ChangePassword", attempts.CHANGED_PASSWORDS)
    passwords.check_password(request["ProposedPassword"], passwords.policy_of(call.pool.config))
    credentials.check_not_locked_out(call, user)
    if user.password is not None and request.get("PreviousPassword") != user.password:
        credentials.count_failure(call, user)
        raise incorrect_username_or_password()
    user.password, user.status = request["ProposedPassword"], UserStatus.CONFIRMED
    return {}


def global_sign_out(call: UserPoolCall, user: Any, _request: Request) -> dict[str, Any]:
    tokens.revoke_sign_ins(call.pool, user)
    return {}


def set_user_mfa_preference(call: UserPoolCall, user: Any, request: Request) -> dict[str, Any]:
    return mfa.set_preference(call, user, request)


# ---- attributes ------------------------------------------------------------------------------------------------------


def update_user_attributes(call: UserPoolCall, user: Any, request: Request) -> dict[str, Any]:
    """A new address is verified by a code; with `AttributesRequireVerificationBeforeUpdate`, it counts only then.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-email-phone-verification.html
    """
    given = attrs.flat(request["UserAttributes"])
    attrs.check_writable(call.app_client, given)
    attrs.check_schema(call.pool, given)
    attrs.check_mutable(call.pool, user, given)
    settings = call.pool.config.get("UserAttributeUpdateSettings") or {}
    waiting = {
        n: given.pop(n)
        for n in settings.get("AttributesRequireVerificationBeforeUpdate") or ()
        if given.get(n) and given[n] != user.attribute_lookup.get(n)
    }
    attrs.check_sign_in_names_are_free(call.pool, {**waiting, **{f"{n}_verified": "true" for n in waiting}}, user)
    call.pool.state_of(user).pending_attributes.update(waiting)
    changed = administration.change_attributes(call, user, given)
    automatic = call.pool.config.get("AutoVerifiedAttributes") or ()
    addresses = {**waiting, **{n: user.attribute_lookup[n] for n in changed if n in automatic}}
    sent = [_send_code(call, user, "UpdateUserAttribute", name, value) for name, value in addresses.items()]
    return {"CodeDeliveryDetailsList": [s.to_json() for s in sent]}


def _send_code(call: UserPoolCall, user: Any, event: str, attribute: str, value: str) -> delivery.CodeDelivery:
    with call.pool.state.lock:
        code = codes.issue(call.pool.state_of(user), Purpose(attribute), attribute)
    return delivery.send(call, user, event, code.value, delivery.delivery_to(attribute, value))


def delete_user_attributes(call: UserPoolCall, user: Any, request: Request) -> dict[str, Any]:
    attrs.check_writable(call.app_client, request["UserAttributeNames"])
    return administration.delete_attributes(call, user, request["UserAttributeNames"])


def get_user_attribute_verification_code(call: UserPoolCall, user: Any, request: Request) -> dict[str, Any]:
    name = _verifiable(request["AttributeName"])
    value = call.pool.state_of(user).pending_attributes.get(name) or user.attribute_lookup.get(name)
    if not value:
        raise CognitoError("InvalidParameterException", f"User does not have {name} to verify.")
    if is_true(user.attribute_lookup.get(f"{name}_verified")) and value == user.attribute_lookup.get(name):
        raise CognitoError("InvalidParameterException", "User is already verified.")
    return {"CodeDeliveryDetails": _send_code(call, user, "VerifyUserAttribute", name, value).to_json()}


def verify_user_attribute(call: UserPoolCall, user: Any, request: Request) -> dict[str, Any]:
    name = _verifiable(request["AttributeName"])
    with call.pool.state.lock:
        state = call.pool.state_of(user)
        value = state.pending_attributes.get(name) or user.attribute_lookup.get(name) or ""
        attrs.check_sign_in_names_are_free(call.pool, {name: value, f"{name}_verified": "true"}, user)
        codes.check(state, Purpose(name), request["Code"])
        state.pending_attributes.pop(name, None)
        user.update_attributes(attrs.listed({name: value, f"{name}_verified": "true"}))
    return {}


def _verifiable(name: str) -> str:
    if name not in ("email", "phone_number"):
        raise CognitoError("InvalidParameterException", f"Attribute {name} cannot be verified.")
    return name


# ---- software tokens, by access token or in the middle of a sign-in --------------------------------------------------


def associate_software_token(request: Request, invoke: Invoke) -> dict[str, Any]:
    if request.get("AccessToken"):
        call, user = signed_in(request["AccessToken"], invoke)
        return mfa.associate(call, user, None)
    client = _client_of_session(request.get("Session"))
    session = take_session(client, request.get("Session"), "MFA_SETUP")
    return mfa.associate(UserPoolCall(client.pool, invoke, client), session.user, session)


def verify_software_token(request: Request, invoke: Invoke) -> dict[str, Any]:
    if request.get("AccessToken"):
        call, user = signed_in(request["AccessToken"], invoke)
        return mfa.verify(call, user, None, request["UserCode"])
    client = _client_of_session(request.get("Session"))
    session = take_session(client, request.get("Session"), "MFA_SETUP")
    try:
        return mfa.verify(UserPoolCall(client.pool, invoke, client), session.user, session, request["UserCode"])
    except CognitoError:
        client.pool.state.sessions[request["Session"]] = session
        raise


def _client_of_session(token: str | None) -> AppClient:
    for pool in all_pools():
        session = pool.state.sessions.get(token or "")
        if session is not None:
            return pool.client(session.client_id)
    raise not_authorized("Invalid session for the user.")


# ---- revoking --------------------------------------------------------------------------------------------------------


def revoke_token(client: AppClient, request: Request) -> dict[str, Any]:
    """https://docs.aws.amazon.com/cognito/latest/developerguide/token-revocation.html"""
    if client.secret is not None and request.get("ClientSecret") != client.secret:
        raise CognitoError("UnauthorizedException", "Invalid client secret.")
    if client.config.get("EnableTokenRevocation") is False:
        raise CognitoError("UnsupportedOperationException", "Revoke Token is not supported for this client.")
    return _revoke(client.pool, client.id, request["Token"])


def _revoke(pool: UserPool, client_id: str, token: str) -> dict[str, Any]:
    grant = pool.state.grants.get(token)
    if grant is None:
        raise CognitoError("UnsupportedTokenTypeException", "Unsupported token type.")
    if grant.client_id != client_id:
        raise CognitoError("UnauthorizedException", "Token was issued to another client.")
    tokens.revoke(pool, grant)
    return {}
