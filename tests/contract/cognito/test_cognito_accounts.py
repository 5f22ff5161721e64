"""Users' calls about their accounts, second factors, and administrators' calls.

https://docs.aws.amazon.com/cognito/latest/developerguide/managing-users.html
"""

import base64
import hashlib
import hmac
import struct
import time

import pytest

PASSWORD = "Right-horse-9"


def one_time_password(secret, steps=0):
    """RFC 6238, as an authenticator app computes it, now or so many steps of 30 seconds later."""
    step = int(time.time()) // 30 + steps
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1000000:06d}"


def test_user_changes_the_password(make_pool, refused):
    pool = make_pool()
    email = pool.person()
    token = pool.tokens(email)["AccessToken"]
    with refused("NotAuthorizedException", "Incorrect username or password."):
        pool.api.change_password(AccessToken=token, PreviousPassword="Wrong-1", ProposedPassword="Next-horse-1")
    pool.api.change_password(AccessToken=token, PreviousPassword=PASSWORD, ProposedPassword="Next-horse-1")
    assert pool.tokens(email, "Next-horse-1")


def test_a_new_mail_address_is_verified_by_a_code(make_pool, new_address):
    pool = make_pool(AliasAttributes=["email"])
    pool.sign_up(old := new_address(), Username="ada")
    pool.confirm("ada", pool.code(old))
    token = pool.tokens("ada")["AccessToken"]
    new = new_address()
    answer = pool.api.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "email", "Value": new}])
    assert answer["CodeDeliveryDetailsList"][0]["AttributeName"] == "email"
    attributes = {a["Name"]: a["Value"] for a in pool.api.get_user(AccessToken=token)["UserAttributes"]}
    assert (attributes["email"], attributes["email_verified"]) == (new, "false")
    pool.api.verify_user_attribute(AccessToken=token, AttributeName="email", Code=pool.code(new))
    assert pool.tokens(new)


def test_old_address_stays_valid_until_the_new_one_is_verified(make_pool, new_address):
    settings = {"AttributesRequireVerificationBeforeUpdate": ["email"]}
    pool = make_pool(UserAttributeUpdateSettings=settings)
    old, new = pool.person(), new_address()
    token = pool.tokens(old)["AccessToken"]
    pool.api.update_user_attributes(AccessToken=token, UserAttributes=[{"Name": "email", "Value": new}])
    assert pool.tokens(old)
    pool.api.verify_user_attribute(AccessToken=token, AttributeName="email", Code=pool.code(new))
    assert pool.tokens(new)


def test_an_immutable_attribute_stays(make_pool, refused):
    pool = make_pool(Schema=[{"Name": "tenant", "AttributeDataType": "String", "Mutable": False}])
    email = pool.person()

    def update(value):
        attributes = [{"Name": "custom:tenant", "Value": value}]
        pool.api.admin_update_user_attributes(UserPoolId=pool.id, Username=email, UserAttributes=attributes)

    update("acme")
    with refused("InvalidParameterException", "user.custom:tenant: Attribute cannot be updated.\n"):
        update("other")


def test_deleted_user_is_unknown_and_address_can_sign_up_again(make_pool, refused):
    pool = make_pool()
    email = pool.person()
    token = pool.tokens(email)["AccessToken"]
    pool.api.delete_user(AccessToken=token)
    with refused("NotAuthorizedException", "Access Token has been revoked"):
        pool.api.get_user(AccessToken=token)
    with refused("UserNotFoundException", "User does not exist."):
        pool.status(email)
    pool.sign_up(email)


def test_a_one_time_password_is_the_second_factor(make_pool, refused):
    pool = make_pool()
    pool.api.set_user_pool_mfa_config(
        UserPoolId=pool.id, MfaConfiguration="OPTIONAL", SoftwareTokenMfaConfiguration={"Enabled": True}
    )
    email = pool.person()
    token = pool.tokens(email)["AccessToken"]
    secret = pool.api.associate_software_token(AccessToken=token)["SecretCode"]
    with refused("EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA"):
        wrong = f"{(int(one_time_password(secret)) + 1) % 1_000_000:06d}"
        pool.api.verify_software_token(AccessToken=token, UserCode=wrong)
    used = one_time_password(secret)
    assert pool.api.verify_software_token(AccessToken=token, UserCode=used)["Status"] == "SUCCESS"
    settings = {"Enabled": True, "PreferredMfa": True}
    pool.api.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=settings)
    challenge = pool.sign_in(email)
    assert challenge["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def respond(code):
        return pool.api.respond_to_auth_challenge(
            ClientId=pool.client_id,
            ChallengeName="SOFTWARE_TOKEN_MFA",
            Session=challenge["Session"],
            ChallengeResponses={"USERNAME": email, "SOFTWARE_TOKEN_MFA_CODE": code},
        )

    with refused("CodeMismatchException", "Invalid code received for user"):
        respond("abcdef")
    with refused("ExpiredCodeException", "Your software token has already been used once."):
        respond(used)
    challenge = pool.sign_in(email)
    current = one_time_password(secret)
    following = one_time_password(secret, steps=1) if current == used else current
    assert respond(following)["AuthenticationResult"]["IdToken"]


def test_a_text_message_is_the_second_factor(make_pool, engine, refused):
    sms = {"SnsCallerArn": "arn:aws:iam::000000000000:role/sms"}
    pool = make_pool(SmsConfiguration=sms)
    pool.api.set_user_pool_mfa_config(
        UserPoolId=pool.id, MfaConfiguration="ON", SmsMfaConfiguration={"SmsConfiguration": sms}
    )
    email = pool.person()
    number = "+1206" + str(int(pool.id[-5:], 16)).zfill(7)
    attributes = [{"Name": "phone_number", "Value": number}, {"Name": "phone_number_verified", "Value": "true"}]
    pool.api.admin_update_user_attributes(UserPoolId=pool.id, Username=email, UserAttributes=attributes)
    challenge = pool.sign_in(email)
    assert challenge["ChallengeName"] == "SMS_MFA"
    assert challenge["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"] == f"+*******{number[-4:]}"
    code = engine.harness.outbox(recipient=number)[-1]["code"]
    answer = {"ClientId": pool.client_id, "ChallengeName": "SMS_MFA", "Session": challenge["Session"]}
    with refused("CodeMismatchException"):
        pool.api.respond_to_auth_challenge(
            **answer, ChallengeResponses={"USERNAME": email, "SMS_MFA_CODE": f"{(int(code) + 1) % 1000000:06d}"}
        )
    result = pool.api.respond_to_auth_challenge(**answer, ChallengeResponses={"USERNAME": email, "SMS_MFA_CODE": code})
    assert result["AuthenticationResult"]
    with refused("NotAuthorizedException"):
        pool.api.respond_to_auth_challenge(**answer, ChallengeResponses={"USERNAME": email, "SMS_MFA_CODE": code})


def test_users_are_listed_by_pages_and_found_by_filters(make_pool, refused):
    pool = make_pool()
    emails = {pool.sign_up() for _ in range(5)}
    found, token = [], {}
    while True:
        page = pool.api.list_users(UserPoolId=pool.id, Limit=2, **token)
        assert len(page["Users"]) <= 2
        found += page["Users"]
        if "PaginationToken" not in page:
            break
        token = {"PaginationToken": page["PaginationToken"]}
    assert {a["Value"] for u in found for a in u["Attributes"] if a["Name"] == "email"} == emails
    one = sorted(emails)[0]

    def search(expression):
        return len(pool.api.list_users(UserPoolId=pool.id, Filter=expression)["Users"])

    assert search(f'email = "{one}"') == 1
    assert search(f'email ^= "{one[:20]}"') == 1
    assert search('cognito:user_status = "UNCONFIRMED"') == 5
    assert search('status = "Disabled"') == 0
    with refused("InvalidParameterException", "Error while parsing filter."):
        search("email contains x")
    with refused("InvalidParameterException", "Invalid search attribute: nickname"):
        search('nickname = "x"')


def test_members_of_a_group_are_listed(make_pool, refused):
    pool = make_pool()
    inside, _outside = pool.person(), pool.person()
    pool.api.create_group(UserPoolId=pool.id, GroupName="admins")
    pool.api.admin_add_user_to_group(UserPoolId=pool.id, GroupName="admins", Username=inside)
    [member] = pool.api.list_users_in_group(UserPoolId=pool.id, GroupName="admins")["Users"]
    assert {"Name": "email", "Value": inside} in member["Attributes"]
    pool.api.admin_remove_user_from_group(UserPoolId=pool.id, GroupName="admins", Username=inside)
    assert pool.api.list_users_in_group(UserPoolId=pool.id, GroupName="admins")["Users"] == []
    with refused("ResourceNotFoundException", "Group not found."):
        pool.api.list_users_in_group(UserPoolId=pool.id, GroupName="nobody")


def test_pool_has_standard_and_custom_attributes(make_pool):
    pool = make_pool(Schema=[{"Name": "tier", "AttributeDataType": "String"}])
    description = pool.api.describe_user_pool(UserPoolId=pool.id)["UserPool"]
    names = [a["Name"] for a in description["SchemaAttributes"]]
    assert len(names) == 21
    assert {"sub", "email", "custom:tier"} <= set(names)


@pytest.mark.parametrize("trigger", ["CustomEmailSender", "CustomSMSSender"])
def test_unsupported_trigger_is_refused_and_not_ignored(make_pool, trigger):
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError, match=f"LambdaConfig.{trigger} is not emulated"):
        make_pool(
            LambdaConfig={
                trigger: {"LambdaVersion": "V1_0", "LambdaArn": "arn:aws:lambda:us-east-1:000000000000:function:x"},
                "KMSKeyID": "arn:aws:kms:us-east-1:000000000000:key/x",
            }
        )
