"""Signing up, confirming, forgotten passwords.

https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html
"""

import base64
import hashlib
import hmac

import pytest

PASSWORD = "Right-horse-9"


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_user_signs_up_confirms_with_mailed_code_and_signs_in(make_pool, engine, new_address):
    pool = make_pool()
    email = new_address()
    answer = pool.api.sign_up(ClientId=pool.client_id, Username=email, Password=PASSWORD)
    assert answer["UserConfirmed"] is False
    assert answer["CodeDeliveryDetails"] == {
        "Destination": f"{email[0]}***@p***",
        "DeliveryMedium": "EMAIL",
        "AttributeName": "email",
    }
    assert pool.status(email) == "UNCONFIRMED"
    [mail] = engine.harness.outbox(recipient=email)
    assert (mail["sender"], mail["subject"]) == ("no-reply@verificationemail.com", "Your verification code")
    assert mail["html"] == f"Your verification code is {mail['code']}. "
    pool.confirm(email)
    user = pool.api.admin_get_user(UserPoolId=pool.id, Username=email)
    attributes = {a["Name"]: a["Value"] for a in user["UserAttributes"]}
    assert (user["UserStatus"], attributes["email_verified"]) == ("CONFIRMED", "true")
    assert user["Username"] == attributes["sub"] == answer["UserSub"]
    assert pool.tokens(email)["TokenType"] == "Bearer"


def test_a_wrong_code_is_refused_and_the_right_one_still_works(make_pool, refused):
    pool = make_pool()
    email = pool.sign_up()
    with refused("CodeMismatchException", "Invalid verification code provided, please try again."):
        pool.confirm(email, wrong(pool.code(email)))
    pool.confirm(email)


def test_an_expired_code_is_refused_and_a_new_one_works(make_pool, engine, refused):
    pool = make_pool()
    email = pool.sign_up()
    engine.harness.fire("cognito-code-expiry", user_pool_id=pool.id, username=email)
    with refused("ExpiredCodeException", "Invalid code provided, please request a code again."):
        pool.confirm(email)
    pool.api.resend_confirmation_code(ClientId=pool.client_id, Username=email)
    pool.confirm(email)


def test_a_code_works_once(make_pool, refused):
    pool = make_pool()
    email = pool.sign_up()
    code = pool.code(email)
    pool.confirm(email, code)
    with refused("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED"):
        pool.confirm(email, code)


def test_a_new_code_puts_the_one_before_out_of_force(make_pool, refused):
    pool = make_pool()
    email = pool.sign_up()
    first = pool.code(email)
    second = first
    while second == first:
        pool.api.resend_confirmation_code(ClientId=pool.client_id, Username=email)
        second = pool.code(email)
    with refused("CodeMismatchException"):
        pool.confirm(email, first)
    pool.confirm(email, second)


def test_too_many_wrong_codes_are_refused(make_pool, refused):
    pool = make_pool()
    email = pool.sign_up()
    for _ in range(5):
        with refused("CodeMismatchException"):
            pool.confirm(email, wrong(pool.code(email)))
    with refused("LimitExceededException", "Attempt limit exceeded, please try after some time."):
        pool.confirm(email)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("Short-1", "Password did not conform with policy: Password not long enough"),
        ("RIGHT-HORSE-9", "Password did not conform with policy: Password must have lowercase characters"),
        ("right-horse-9", "Password did not conform with policy: Password must have uppercase characters"),
        ("Right-horses", "Password did not conform with policy: Password must have numeric characters"),
        ("Righthorse9", "Password did not conform with policy: Password must have symbol characters"),
    ],
)
def test_a_weak_password_is_refused(make_pool, refused, password, message):
    pool = make_pool()
    with refused("InvalidPasswordException", message):
        pool.sign_up(Password=password)


def test_a_mail_address_is_taken_only_once(make_pool, refused):
    pool = make_pool(UsernameConfiguration={"CaseSensitive": False})
    email = pool.sign_up()
    with refused("UsernameExistsException", "An account with the given email already exists."):
        pool.sign_up(email.upper())


def test_a_user_name_is_taken_only_once(make_pool, refused):
    pool = make_pool(AliasAttributes=["email"])
    pool.sign_up(Username="ada")
    with refused("UsernameExistsException", "User already exists"):
        pool.sign_up(Username="ada")


def test_alias_belongs_to_the_user_that_verified_it_first(make_pool, refused, new_address):
    pool = make_pool(AliasAttributes=["email"])
    email = new_address()
    pool.sign_up(email, Username="first")
    first = pool.code(email)
    pool.sign_up(email, Username="second")
    second = pool.code(email)
    pool.confirm("first", first)
    with refused("AliasExistsException", "An account with the given email already exists."):
        pool.confirm("second", second)
    assert pool.api.admin_get_user(UserPoolId=pool.id, Username=email)["Username"] == "first"
    pool.api.confirm_sign_up(
        ClientId=pool.client_id, Username="second", ConfirmationCode=second, ForceAliasCreation=True
    )
    assert pool.api.admin_get_user(UserPoolId=pool.id, Username=email)["Username"] == "second"


def test_an_unverified_alias_does_not_sign_in(make_pool, refused, new_address):
    pool = make_pool(AliasAttributes=["email"])
    email = pool.sign_up(new_address(), Username="grace")
    with refused("UserNotFoundException", "User does not exist."):
        pool.sign_in(email)


def test_a_user_name_that_is_no_mail_address_is_refused(make_pool, refused):
    with refused("InvalidParameterException", "Username should be an email."):
        make_pool().sign_up(Username="ada")


def test_a_required_attribute_must_be_given(make_pool, refused):
    pool = make_pool(Schema=[{"Name": "given_name", "AttributeDataType": "String", "Required": True}])
    with refused(
        "InvalidParameterException",
        "Attributes did not conform to the schema: given_name: The attribute given_name is required\n",
    ):
        pool.sign_up()


def test_a_client_writes_only_the_attributes_it_may(make_pool, refused):
    pool = make_pool(client={"WriteAttributes": ["email"]})
    with refused("NotAuthorizedException", "A client attempted to write unauthorized attribute"):
        pool.api.sign_up(
            ClientId=pool.client_id,
            Username="x@people.example",
            Password=PASSWORD,
            UserAttributes=[{"Name": "name", "Value": "Ada"}],
        )


def test_signing_up_is_the_administrators_where_the_pool_says_so(make_pool, refused):
    pool = make_pool(AdminCreateUserConfig={"AllowAdminCreateUserOnly": True})
    with refused("NotAuthorizedException", "SignUp is not permitted for this user pool"):
        pool.sign_up()


def test_a_client_with_a_secret_must_prove_it(make_pool, refused, new_address):
    pool = make_pool(client={"GenerateSecret": True})
    email = new_address()
    with refused(
        "NotAuthorizedException", f"Client {pool.client_id} is configured with secret but SECRET_HASH was not received"
    ):
        pool.sign_up(email)
    with refused("NotAuthorizedException", f"Unable to verify secret hash for client {pool.client_id}"):
        pool.sign_up(email, SecretHash="x")
    message = (email + pool.client_id).encode()
    digest = hmac.new(pool.client["ClientSecret"].encode(), message, hashlib.sha256).digest()
    pool.sign_up(email, SecretHash=base64.b64encode(digest).decode())


def test_code_is_sent_by_sms_if_phone_number_is_verified(make_pool, engine):
    pool = make_pool(UsernameAttributes=["phone_number"], AutoVerifiedAttributes=["phone_number"])
    number = "+1206" + str(abs(hash(pool.id)))[:7].zfill(7)
    pool.api.sign_up(ClientId=pool.client_id, Username=number, Password=PASSWORD)
    [message] = engine.harness.outbox(recipient=number)
    assert (message["channel"], message["text"]) == ("sms", f"Your verification code is {message['code']}. ")
    pool.confirm(number, message["code"])


def test_the_pool_words_its_mails(make_pool, engine):
    pool = make_pool(EmailVerificationSubject="Lumen", EmailVerificationMessage="Type {####} into Lumen.")
    email = pool.sign_up()
    [mail] = engine.harness.outbox(recipient=email)
    assert (mail["subject"], mail["html"]) == ("Lumen", f"Type {mail['code']} into Lumen.")


def test_developer_account_mail_needs_a_verified_ses_identity(make_pool, engine, aws, refused):
    sender = "hello@developer-account.example"
    arn = f"arn:aws:ses:us-east-1:000000000000:identity/{sender}"
    config = {"EmailSendingAccount": "DEVELOPER", "SourceArn": arn, "From": sender}
    aws("ses").delete_identity(Identity=sender)
    pool = make_pool(EmailConfiguration=config)
    with refused("CodeDeliveryFailureException"):
        pool.sign_up()
    aws("ses").verify_email_identity(EmailAddress=sender)
    email = pool.sign_up()
    [mail] = engine.harness.outbox(recipient=email)
    assert (mail["source"], mail["sender"]) == ("ses", sender)
    pool.confirm(email, mail["code"])


def test_forgotten_password_is_reset_with_the_mailed_code(make_pool, refused):
    pool = make_pool()
    email = pool.person()
    sent = pool.api.forgot_password(ClientId=pool.client_id, Username=email)["CodeDeliveryDetails"]
    assert sent["DeliveryMedium"] == "EMAIL"
    code = pool.code(email)

    def confirm(value, password):
        pool.api.confirm_forgot_password(
            ClientId=pool.client_id, Username=email, ConfirmationCode=value, Password=password
        )

    with refused("CodeMismatchException", "Invalid verification code provided, please try again."):
        confirm(wrong(code), "New-horse-10")
    with refused("InvalidPasswordException"):
        confirm(code, "weak")
    confirm(code, "New-horse-10")
    with refused("ExpiredCodeException", "Invalid code provided, please request a code again."):
        confirm(code, "Other-horse-11")
    with refused("NotAuthorizedException", "Incorrect username or password."):
        pool.sign_in(email)
    assert pool.tokens(email, "New-horse-10")


def test_a_reset_code_expires(make_pool, engine, refused):
    pool = make_pool()
    email = pool.person()
    pool.api.forgot_password(ClientId=pool.client_id, Username=email)
    engine.harness.fire("cognito-code-expiry", user_pool_id=pool.id, username=email)
    with refused("ExpiredCodeException"):
        pool.api.confirm_forgot_password(
            ClientId=pool.client_id, Username=email, ConfirmationCode=pool.code(email), Password="New-horse-10"
        )


def test_an_unconfirmed_user_cannot_reset_a_password(make_pool, refused):
    pool = make_pool()
    email = pool.sign_up()
    with refused(
        "InvalidParameterException",
        "Cannot reset password for the user as there is no registered/verified email or phone_number",
    ):
        pool.api.forgot_password(ClientId=pool.client_id, Username=email)


def test_a_client_may_hide_whether_users_exist(make_pool, refused, new_address, engine):
    hiding, telling = make_pool(client={"PreventUserExistenceErrors": "ENABLED"}), make_pool()
    email = new_address()
    with refused("NotAuthorizedException", "Incorrect username or password."):
        hiding.sign_in(email)
    with refused("UserNotFoundException", "User does not exist."):
        telling.sign_in(email)
    assert "CodeDeliveryDetails" in hiding.api.forgot_password(ClientId=hiding.client_id, Username=email)
    with refused("UserNotFoundException"):
        telling.api.forgot_password(ClientId=telling.client_id, Username=email)
    assert engine.harness.outbox(recipient=email) == []
