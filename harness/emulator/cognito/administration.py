"""What an administrator does with users: create, look at, change, set passwords, enable, delete, sign out.

https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users.html
"""

import time
from typing import Any

from moto.cognitoidp.models import CognitoIdpUser, UserStatus

from harness.emulator.cognito import attributes as attrs
from harness.emulator.cognito import codes, delivery, passwords, sign_up, tokens
from harness.emulator.cognito.codes import Purpose
from harness.emulator.cognito.errors import CognitoError, invalid_parameter
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import UserPool, status_of

Request = dict[str, Any]
_DAY_SECONDS = 86400


def described(user: Any, attributes_key: str = "Attributes") -> dict[str, Any]:
    """A `UserType`; `attributes_key` is UserAttributes in the answers about one user."""
    return {
        "Username": user.username,
        attributes_key: attrs.listed(user.attribute_lookup),
        "UserCreateDate": user.create_date,
        "UserLastModifiedDate": user.last_modified_date,
        "Enabled": user.enabled,
        "UserStatus": status_of(user),
    }


def admin_create_user(call: UserPoolCall, request: Request) -> dict[str, Any]:
    pool, username = call.pool, request["Username"]
    action = request.get("MessageAction")
    if action == "RESEND":
        return _resend_invitation(call, request)
    sign_in_attribute = attrs.sign_in_attribute(pool, username)
    given = attrs.flat(request.get("UserAttributes"))
    given.pop("sub", None)
    if sign_in_attribute is not None:
        given.setdefault(sign_in_attribute, username)
    attrs.check_schema(pool, given)
    policy = passwords.policy_of(pool.config)
    if request.get("TemporaryPassword"):
        passwords.check_password(request["TemporaryPassword"], policy)
    password = request.get("TemporaryPassword") or passwords.temporary_password(policy)
    attrs.check_username_is_free(pool, username, sign_in_attribute)
    user = CognitoIdpUser(
        pool.id,
        None if sign_in_attribute else username,
        password,
        UserStatus.FORCE_CHANGE_PASSWORD,
        attrs.listed(given),
    )
    _confirmed, verified = sign_up.pre_sign_up(
        call, user, "AdminCreateUser", given, validation_data=attrs.flat(request.get("ValidationData"))
    )
    if request.get("ForceAliasCreation"):
        _free_aliases(pool, given)
    sign_up.add_user(pool, user, username, sign_in_attribute, verified)
    _set_temporary(pool, user, password)
    if action != "SUPPRESS":
        _invite(call, user, password, request.get("DesiredDeliveryMediums"))
    return {"User": described(user)}


def _free_aliases(pool: UserPool, given: dict[str, str]) -> None:
    """ForceAliasCreation: the alias moves from the user who holds it to the new one."""
    for name in ("email", "phone_number"):
        holder = pool.holder_of_alias(given.get(name) or "") if name in pool.alias_attributes else None
        if holder is not None and given.get(f"{name}_verified") == "true":
            holder.update_attributes(attrs.listed({f"{name}_verified": "false"}))


def _set_temporary(pool: UserPool, user: Any, password: str) -> None:
    user.password, user.status = password, UserStatus.FORCE_CHANGE_PASSWORD
    days = passwords.temporary_validity_days(pool.config)
    pool.state_of(user).temporary_password_expires_at = time.time() + days * _DAY_SECONDS


def _resend_invitation(call: UserPoolCall, request: Request) -> dict[str, Any]:
    user = call.pool.user(request["Username"])
    if user.status != UserStatus.FORCE_CHANGE_PASSWORD:
        raise CognitoError(
            "UnsupportedUserStateException",
            f"Resend not possible. Username '{request['Username']}' is not in FORCE_CHANGE_PASSWORD state.",
        )
    policy = passwords.policy_of(call.pool.config)
    if request.get("TemporaryPassword"):
        passwords.check_password(request["TemporaryPassword"], policy)
    password = request.get("TemporaryPassword") or passwords.temporary_password(policy)
    _set_temporary(call.pool, user, password)
    _invite(call, user, password, request.get("DesiredDeliveryMediums"))
    return {"User": described(user)}


def _invite(call: UserPoolCall, user: Any, password: str, mediums: list[str] | None) -> None:
    attributes = {"SMS": "phone_number", "EMAIL": "email"}
    # By default it is the phone number, and for a user without one the mail address.
    wanted = mediums or ["SMS" if user.attribute_lookup.get("phone_number") else "EMAIL"]
    for medium in wanted:
        value = user.attribute_lookup.get(attributes[medium])
        if value:
            delivery.send(call, user, "AdminCreateUser", password, delivery.delivery_to(attributes[medium], value))
        elif mediums:
            raise invalid_parameter(f"User does not have {attributes[medium]}; it cannot be invited by {medium}.")


def admin_get_user(call: UserPoolCall, request: Request) -> dict[str, Any]:
    user = call.pool.user(request["Username"])
    return {**described(user, "UserAttributes"), **mfa_of(user)}


def mfa_of(user: Any) -> dict[str, Any]:
    factors = (("SMS_MFA", user.sms_mfa_enabled), ("SOFTWARE_TOKEN_MFA", user.software_token_mfa_enabled))
    enabled = [name for name, is_enabled in factors if is_enabled]
    answer: dict[str, Any] = {"UserMFASettingList": enabled} if enabled else {}
    return {**answer, "PreferredMfaSetting": user.preferred_mfa_setting} if user.preferred_mfa_setting else answer


def admin_set_user_password(call: UserPoolCall, request: Request) -> dict[str, Any]:
    user = call.pool.user(request["Username"])
    passwords.check_password(request["Password"], passwords.policy_of(call.pool.config))
    if request.get("Permanent"):
        user.password, user.status = request["Password"], UserStatus.CONFIRMED
        call.pool.state_of(user).temporary_password_expires_at = None
    else:
        _set_temporary(call.pool, user, request["Password"])
    return {}


def admin_update_user_attributes(call: UserPoolCall, request: Request) -> dict[str, Any]:
    user = call.pool.user(request["Username"])
    given = attrs.flat(request["UserAttributes"])
    attrs.check_schema(call.pool, given)
    attrs.check_mutable(call.pool, user, given)
    change_attributes(call, user, given)
    return {}


def change_attributes(call: UserPoolCall, user: Any, given: dict[str, str]) -> list[str]:
    """Set attributes; an empty value takes the attribute away. Returns the addresses that are new.

    A new address is unverified unless the same change says otherwise.
    """
    changed = [n for n in ("email", "phone_number") if given.get(n) and given[n] != user.attribute_lookup.get(n)]
    flags = {f"{n}_verified": "false" for n in changed if f"{n}_verified" not in given}
    with call.pool.state.lock:
        attrs.check_sign_in_names_are_free(call.pool, {**user.attribute_lookup, **given, **flags}, user)
        user.update_attributes(attrs.listed({**given, **flags}))
        emptied = [name for name, value in given.items() if value == ""]
        if emptied:
            user.delete_attributes(emptied)
    return changed


def delete_attributes(call: UserPoolCall, user: Any, names: list[str]) -> dict[str, Any]:
    """AdminDeleteUserAttributes and DeleteUserAttributes."""
    for name in names:
        schema = call.pool.moto.schema_attributes.get(name)
        if schema is None:
            raise invalid_parameter(f"Invalid user attributes: user.{name}: Attribute does not exist in the schema.\n")
        if schema.required or not schema.mutable:
            raise invalid_parameter(f"user.{name}: Attribute cannot be deleted.\n")
    present = [name for name in names if name in user.attribute_lookup]
    present += [f"{n}_verified" for n in present if f"{n}_verified" in user.attribute_lookup]
    user.delete_attributes(present)
    return {}


def admin_delete_user_attributes(call: UserPoolCall, request: Request) -> dict[str, Any]:
    return delete_attributes(call, call.pool.user(request["Username"]), request["UserAttributeNames"])


def admin_set_enabled(call: UserPoolCall, request: Request, *, enabled: bool) -> dict[str, Any]:
    """AdminEnableUser and AdminDisableUser; disabling ends the sign-ins.

    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminDisableUser.html
    """
    user = call.pool.user(request["Username"])
    user.enabled = enabled
    if not enabled:
        tokens.revoke_sign_ins(call.pool, user)
    return {}


def admin_delete_user(call: UserPoolCall, request: Request) -> dict[str, Any]:
    return delete_user(call, call.pool.user(request["Username"]))


def delete_user(call: UserPoolCall, user: Any) -> dict[str, Any]:
    with call.pool.state.lock:
        tokens.revoke_sign_ins(call.pool, user)
        for group in list(user.groups):
            group.users.discard(user)
        call.pool.state.users.pop(user.id, None)
        for link in [link for link, user_id in call.pool.state.links.items() if user_id == user.id]:
            del call.pool.state.links[link]
        del call.pool.moto.users[user.username]
    return {}


def admin_user_global_sign_out(call: UserPoolCall, request: Request) -> dict[str, Any]:
    tokens.revoke_sign_ins(call.pool, call.pool.user(request["Username"]))
    return {}


def expire_codes(pool: UserPool, username: str) -> dict[str, Any]:
    """Make a user's outstanding codes, temporary password and challenge sessions expire now."""
    user = pool.user(username)
    state = pool.state_of(user)
    with pool.state.lock:
        expired = codes.expire_all(state)
        if state.temporary_password_expires_at is not None:
            state.temporary_password_expires_at = 0.0
        sessions = [s for s in pool.state.sessions.values() if s.user is user]
        for session in sessions:
            session.expires_at = 0.0
    return {
        "codes": expired,
        "sessions": len(sessions),
        "purposes": sorted(str(p) for p in Purpose if p in state.codes),
    }
