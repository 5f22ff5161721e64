"""Responses about unknown, disabled or unreachable users, and the limit of such requests.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-managing-errors.html
"""

import uuid

import pytest

from harness.emulator.cognito import account, attempts, authentication, recovery, sign_up
from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.user_pool import UserState
from harness.emulator.controls.outbox import OUTBOX

PASSWORD = "Right-horse-9"
HIDING = {"PreventUserExistenceErrors": "ENABLED"}


def refused(code, message=None):
    return pytest.raises(CognitoError, check=lambda e: e.code == code and message in (None, e.message))


def address():
    return f"{uuid.uuid4().hex}@people.example"


def person(pool, *, confirmed=True):
    email = address()
    attributes = [{"Name": "email", "Value": email}]
    sign_up.sign_up(pool.call(), {"Username": email, "Password": PASSWORD, "UserAttributes": attributes})
    if confirmed:
        sign_up.confirm_sign_up(pool.call(), {"Username": email, "ConfirmationCode": pool.code(email)})
    return email


def disabled(pool, **more):
    email = person(pool, **more)
    pool.user_pool.user(email).enabled = False
    return email


def sign_in(pool, email, password=PASSWORD, flow="USER_PASSWORD_AUTH"):
    parameters = {"USERNAME": email, "PASSWORD": password}
    return authentication.initiate_auth(pool.call(), {"AuthFlow": flow, "AuthParameters": parameters})


OPERATIONS = {
    "InitiateAuth": lambda pool, name: sign_in(pool, name),
    "InitiateAuth CUSTOM_AUTH": lambda pool, name: sign_in(pool, name, flow="CUSTOM_AUTH"),
    "ForgotPassword": lambda pool, name: recovery.forgot_password(pool.call(), {"Username": name}),
    "ConfirmForgotPassword": lambda pool, name: recovery.confirm_forgot_password(
        pool.call(), {"Username": name, "ConfirmationCode": "123456", "Password": PASSWORD}
    ),
    "ConfirmSignUp": lambda pool, name: sign_up.confirm_sign_up(
        pool.call(), {"Username": name, "ConfirmationCode": "123456"}
    ),
    "ResendConfirmationCode": lambda pool, name: sign_up.resend_confirmation_code(pool.call(), {"Username": name}),
}


def with_custom_challenge(pool):
    def define(event):
        return {**event, "response": {"failAuthentication": True, "issueTokens": False}}

    pool.on("DefineAuthChallenge", define)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_client_that_hides_nothing_gets_user_not_found(make_pool, operation):
    pool = make_pool()
    with_custom_challenge(pool)
    by_id = operation not in ("InitiateAuth", "InitiateAuth CUSTOM_AUTH")
    message = "Username/client id combination not found." if by_id else "User does not exist."
    with refused("UserNotFoundException", message):
        OPERATIONS[operation](pool, address())


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ("InitiateAuth", "NotAuthorizedException", "Incorrect username or password."),
        ("InitiateAuth CUSTOM_AUTH", "NotAuthorizedException", "Incorrect username or password."),
        (
            "ConfirmForgotPassword",
            "CodeMismatchException",
            "Invalid verification code provided, please try again.",
        ),
        ("ConfirmSignUp", "ExpiredCodeException", "Invalid code provided, please request a code again."),
    ],
)
def test_client_that_hides_users_gets_no_user_not_found(make_pool, operation, code, message):
    pool = make_pool(client=HIDING)
    with_custom_challenge(pool)
    with refused(code, message):
        OPERATIONS[operation](pool, address())


@pytest.mark.parametrize("operation", ["ForgotPassword", "ResendConfirmationCode"])
@pytest.mark.parametrize("who", ["nobody", "disabled"])
def test_hiding_client_gets_delivery_details_of_an_unsent_code(make_pool, operation, who):
    pool = make_pool(client=HIDING)
    email = address() if who == "nobody" else disabled(pool, confirmed=operation == "ForgotPassword")
    before = len(OUTBOX.read(recipient=email))
    told = OPERATIONS[operation](pool, email)["CodeDeliveryDetails"]
    assert told == {"Destination": f"{email[0]}***@p***", "DeliveryMedium": "EMAIL", "AttributeName": "email"}
    assert len(OUTBOX.read(recipient=email)) == before


def test_hiding_client_gets_code_details_for_unverified_address(make_pool):
    hiding, telling = make_pool(client=HIDING), make_pool()
    told = OPERATIONS["ForgotPassword"](hiding, person(hiding, confirmed=False))
    assert told["CodeDeliveryDetails"]["DeliveryMedium"] == "EMAIL"
    with refused("InvalidParameterException"):
        OPERATIONS["ForgotPassword"](telling, person(telling, confirmed=False))


@pytest.mark.parametrize(
    ("username", "verified", "medium"),
    [
        ("+12065550100", ["email"], "SMS"),
        ("ada@people.example", ["phone_number"], "EMAIL"),
        ("ada", ["email"], "EMAIL"),
        ("ada", ["phone_number"], "SMS"),
        ("ada", ["email", "phone_number"], "EMAIL"),
    ],
)
def test_unsent_code_medium_follows_username_and_verification(make_pool, username, verified, medium):
    pool = make_pool(client=HIDING, AutoVerifiedAttributes=verified)
    told = [OPERATIONS["ForgotPassword"](pool, username)["CodeDeliveryDetails"] for _ in range(2)]
    assert told[0] == told[1]
    assert told[0]["DeliveryMedium"] == medium


def test_hidden_user_is_disabled_only_for_the_right_password(make_pool):
    pool = make_pool(client=HIDING)
    email = disabled(pool)
    with refused("NotAuthorizedException", "Incorrect username or password."):
        sign_in(pool, email, "Wrong-horse-9")
    with refused("NotAuthorizedException", "User is disabled."):
        sign_in(pool, email)


def test_a_disabled_user_sets_no_new_password(make_pool):
    pool = make_pool()
    email = person(pool)
    recovery.forgot_password(pool.call(), {"Username": email})
    pool.user_pool.user(email).enabled = False
    request = {"Username": email, "ConfirmationCode": pool.code(email), "Password": "Next-horse-10"}
    with refused("NotAuthorizedException", "User is disabled."):
        recovery.confirm_forgot_password(pool.call(), request)
    assert pool.user_pool.user(email).password == PASSWORD


def test_taken_username_is_reported_to_every_client(make_pool):
    pool = make_pool(client=HIDING, UsernameAttributes=["email"])
    email = person(pool)
    with refused("UsernameExistsException", "An account with the given email already exists."):
        sign_up.sign_up(pool.call(), {"Username": email, "Password": PASSWORD})


# ---- how often -------------------------------------------------------------------------------------------------------


def test_password_reset_is_limited_to_twenty_an_hour(make_pool):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html#resource-quotas"""
    pool = make_pool()
    email = person(pool)
    for _ in range(20):
        OPERATIONS["ForgotPassword"](pool, email)
    with refused("LimitExceededException", "Attempt limit exceeded, please try after some time."):
        OPERATIONS["ForgotPassword"](pool, email)
    assert OPERATIONS["ForgotPassword"](pool, person(pool))


def test_a_password_is_changed_five_times_an_hour_and_not_more(make_pool):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html#resource-quotas"""
    pool = make_pool()
    user = pool.user_pool.user(person(pool))
    for number in range(5):
        passwords = {"PreviousPassword": user.password, "ProposedPassword": f"Next-horse-{number}"}
        account.change_password(pool.call(), user, passwords)
    with refused("LimitExceededException"):
        account.change_password(
            pool.call(), user, {"PreviousPassword": user.password, "ProposedPassword": "Next-horse-10"}
        )
    assert user.password == "Next-horse-4"


def test_attempt_limit_ends_after_an_hour():
    user = UserState()
    for _ in range(2):
        attempts.count(user, "ForgotPassword", 2, now=1000)
    with refused("LimitExceededException"):
        attempts.count(user, "ForgotPassword", 2, now=4599)
    attempts.count(user, "ForgotPassword", 2, now=4600)
