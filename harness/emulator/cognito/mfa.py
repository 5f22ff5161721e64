"""Second factors: codes by text message and time-based one-time passwords (RFC 6238).

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa.html
"""

import base64
import hashlib
import hmac
import json
import secrets
import struct
import time
from typing import Any

from harness.emulator.cognito import codes, delivery
from harness.emulator.cognito.codes import Purpose
from harness.emulator.cognito.errors import CognitoError, invalid_parameter, not_authorized
from harness.emulator.cognito.records import SignInSession
from harness.emulator.cognito.sessions import ask, open_session
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import UserState

STEP_SECONDS = 30
SMS, TOTP = "SMS_MFA", "SOFTWARE_TOKEN_MFA"


def one_time_password(secret: str, step: int) -> str:
    """The six digits of a Base32 secret at a step of 30 seconds since the epoch (SHA-1, RFC 6238)."""
    key = base64.b32decode(secret)
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def matching_step(secret: str, value: str, now: float) -> int | None:
    """The step, this one or a neighbour, whose password the value is."""
    current = int(now) // STEP_SECONDS
    return next((s for s in (current, current - 1, current + 1) if one_time_password(secret, s) == value), None)


# ---- the challenge at sign-in ----------------------------------------------------------------------------------------


def _factors(call: UserPoolCall, user: Any) -> list[str]:
    """The factors that the user has and the pool allows, only the preferred one if the user has set it."""
    pool = call.pool.moto
    totp = user.software_token_mfa_enabled and (pool.token_mfa_config or {}).get("Enabled")
    sms = user.sms_mfa_enabled and pool.sms_mfa_config is not None
    factors = [name for name, has in ((SMS, sms), (TOTP, totp)) if has]
    if user.preferred_mfa_setting in factors:
        return [user.preferred_mfa_setting]
    if not factors and pool.mfa_config == "ON" and pool.sms_mfa_config and user.attribute_lookup.get("phone_number"):
        return [SMS]  # where MFA is required, a phone number is a factor without further ado
    return factors


def challenge(call: UserPoolCall, session: SignInSession) -> dict[str, Any] | None:
    """The MFA challenge that the user must pass; None when there is none."""
    mode = call.pool.moto.mfa_config
    if mode not in ("ON", "OPTIONAL"):
        return None
    factors = _factors(call, session.user)
    if len(factors) == 1:
        return challenge_by(call, session, factors[0])
    if factors:
        return ask(
            call.app_client,
            session,
            "SELECT_MFA_TYPE",
            {"MFAS_CAN_CHOOSE": json.dumps(factors), "USER_ID_FOR_SRP": session.user.username},
        )
    if mode == "OPTIONAL":
        return None
    available = [TOTP] if (call.pool.moto.token_mfa_config or {}).get("Enabled") else []
    available += [SMS] if call.pool.moto.sms_mfa_config else []
    return ask(call.app_client, session, "MFA_SETUP", {"MFAS_CAN_SETUP": json.dumps(available)})


def challenge_by(call: UserPoolCall, session: SignInSession, factor: str) -> dict[str, Any]:
    user = session.user
    parameters = {"USER_ID_FOR_SRP": user.username}
    if factor == SMS:
        number = user.attribute_lookup.get("phone_number")
        if not number:
            raise invalid_parameter("User does not have a phone number to send the code to.")
        with call.pool.state.lock:
            code = codes.issue(call.pool.state_of(user), Purpose.MFA, "phone_number")
        sent = delivery.send(
            call, user, "Authentication", code.value, delivery.delivery_to("phone_number", number)
        ).to_json()
        parameters["CODE_DELIVERY_DELIVERY_MEDIUM"] = "SMS"
        parameters["CODE_DELIVERY_DESTINATION"] = sent["Destination"]
    return ask(call.app_client, session, factor, parameters)


def answer(call: UserPoolCall, session: SignInSession, responses: dict[str, str]) -> dict[str, Any] | None:
    """Check the answer to an MFA challenge; returns the challenge that follows, None when the factor is passed."""
    user, name = session.user, session.challenge_name
    state = call.pool.state_of(user)
    if name == "SELECT_MFA_TYPE":
        chosen = responses.get("ANSWER")
        offered = _factors(call, user)
        if chosen not in offered:
            raise invalid_parameter(
                f"ANSWER must be one of the factors that the user can choose: {', '.join(offered)}."
            )
        return challenge_by(call, session, chosen)
    if name == "MFA_SETUP":
        if not user.software_token_mfa_enabled:
            raise invalid_parameter("User has not set up software token mfa")
        return None
    value = responses.get(f"{name}_CODE") or ""
    if not value:
        raise invalid_parameter(f"Missing required parameter {name}_CODE")
    with call.pool.state.lock:
        if name == SMS:
            codes.check(state, Purpose.MFA, value, mismatch="Invalid code or auth state for the user.")
        else:
            _use_totp(state, value)
    return None


def _use_totp(state: UserState, value: str) -> None:
    step = matching_step(state.totp_secret, value, time.time()) if state.totp_secret else None
    if step is None:
        raise CognitoError("CodeMismatchException", "Invalid code received for user")
    if step <= state.totp_last_step:
        raise CognitoError("ExpiredCodeException", "Your software token has already been used once.")
    state.totp_last_step = step


# ---- setting up ------------------------------------------------------------------------------------------------------


def associate(call: UserPoolCall, user: Any, session: SignInSession | None) -> dict[str, Any]:
    """AssociateSoftwareToken: the secret counts once VerifySoftwareToken has seen a password of it."""
    secret = base64.b32encode(secrets.token_bytes(40)).decode()
    if session is None:
        call.pool.state_of(user).pending_attributes["totp_secret"] = secret
        return {"SecretCode": secret}
    session.totp_secret = secret
    return {"SecretCode": secret, "Session": open_session(call.app_client, session)}


def verify(call: UserPoolCall, user: Any, session: SignInSession | None, value: str) -> dict[str, Any]:
    """VerifySoftwareToken."""
    state = call.pool.state_of(user)
    secret = session.totp_secret if session is not None else state.pending_attributes.get("totp_secret")
    if secret is None:
        raise not_authorized("User has not requested a software token; call AssociateSoftwareToken first.")
    step = matching_step(secret, value, time.time())
    if step is None:
        raise CognitoError("EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA")
    state.pending_attributes.pop("totp_secret", None)
    state.totp_secret, state.totp_last_step = secret, step
    user.token_verified = True
    if session is None:
        return {"Status": "SUCCESS"}
    user.software_token_mfa_enabled = True
    return {"Status": "SUCCESS", "Session": open_session(call.app_client, session)}


def set_preference(call: UserPoolCall, user: Any, request: dict[str, Any]) -> dict[str, Any]:
    """SetUserMFAPreference and AdminSetUserMFAPreference."""
    totp, sms = request.get("SoftwareTokenMfaSettings"), request.get("SMSMfaSettings")
    if request.get("EmailMfaSettings") or request.get("WebAuthnMfaSettings"):
        raise CognitoError(
            "InternalErrorException",
            "MFA by email and passkey is not emulated; use SMS_MFA or SOFTWARE_TOKEN_MFA.",
            501,
        )
    if (totp or {}).get("PreferredMfa") and (sms or {}).get("PreferredMfa"):
        raise invalid_parameter("Only one MFA method can be preferred.")
    if (totp or {}).get("Enabled") and not call.pool.state_of(user).totp_secret:
        raise invalid_parameter("User has not verified software token mfa")
    if (sms or {}).get("Enabled") and not user.attribute_lookup.get("phone_number"):
        raise invalid_parameter("User does not have delivery config set to turn on SMS_MFA")
    for settings, attribute, name in ((totp, "software_token_mfa_enabled", TOTP), (sms, "sms_mfa_enabled", SMS)):
        if settings is None:
            continue
        setattr(user, attribute, bool(settings.get("Enabled")))
        if settings.get("PreferredMfa") and settings.get("Enabled"):
            user.preferred_mfa_setting = name
        elif user.preferred_mfa_setting == name:
            user.preferred_mfa_setting = ""
    return {}
