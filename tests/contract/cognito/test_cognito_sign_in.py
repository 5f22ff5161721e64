"""Signing in, tokens and what ends them.

https://docs.aws.amazon.com/cognito/latest/developerguide/authentication.html
"""

import base64
import json
import time

import httpx
import pytest
from botocore.exceptions import ClientError
from joserfc import jwk, jwt
from pycognito.aws_srp import AWSSRP
from pycognito.exceptions import ForceChangePasswordException

PASSWORD = "Right-horse-9"


def claims(engine, token):
    """The claims, once the signature is verified as any library does it: with the pool's published keys."""
    issuer = json.loads(_payload(token))["iss"]
    pool_id = issuer.rpartition("/")[2]
    configuration = httpx.get(
        f"{engine.endpoint_url}/{pool_id}/.well-known/openid-configuration", trust_env=False, timeout=30
    ).json()
    assert configuration["issuer"] == issuer
    keys = jwk.KeySet.import_key_set(httpx.get(configuration["jwks_uri"], trust_env=False, timeout=30).json())
    return jwt.decode(token, keys, algorithms=["RS256"]).claims


def _payload(token):
    part = token.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def srp(pool, username, password=PASSWORD):
    return AWSSRP(username, password, pool.id, pool.client_id, client=pool.api)


def test_tokens_carry_what_aws_puts_in(make_pool, engine):
    pool = make_pool(Schema=[{"Name": "tier", "AttributeDataType": "String", "Mutable": True}])
    email = pool.person()
    update = [{"Name": "custom:tier", "Value": "gold"}]
    pool.api.admin_update_user_attributes(UserPoolId=pool.id, Username=email, UserAttributes=update)
    result = pool.tokens(email)
    identity, access = claims(engine, result["IdToken"]), claims(engine, result["AccessToken"])
    sub = pool.api.admin_get_user(UserPoolId=pool.id, Username=email)["Username"]
    assert identity["iss"] == access["iss"] == f"https://cognito-idp.us-east-1.amazonaws.com/{pool.id}"
    assert identity["sub"] == access["sub"] == identity["cognito:username"] == access["username"] == sub
    assert (identity["aud"], access["client_id"]) == (pool.client_id, pool.client_id)
    assert (identity["token_use"], access["token_use"]) == ("id", "access")
    assert (identity["email"], identity["email_verified"], identity["custom:tier"]) == (email, True, "gold")
    assert access["scope"] == "aws.cognito.signin.user.admin"
    assert identity["origin_jti"] == access["origin_jti"]
    assert identity["event_id"] == access["event_id"]
    assert identity["jti"] != access["jti"]
    assert access["exp"] - access["iat"] == result["ExpiresIn"] == 3600
    assert "aud" not in access
    assert "client_id" not in identity


def test_a_client_sets_how_long_tokens_last_and_what_they_show(make_pool, engine):
    pool = make_pool(
        client={
            "AccessTokenValidity": 5,
            "IdTokenValidity": 2,
            "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "hours"},
            "ReadAttributes": ["email"],
        }
    )
    result = pool.tokens(pool.person())
    identity, access = claims(engine, result["IdToken"]), claims(engine, result["AccessToken"])
    assert (access["exp"] - access["iat"], identity["exp"] - identity["iat"]) == (300, 7200)
    assert "email" in identity
    assert "email_verified" not in identity


def test_groups_are_in_the_tokens_by_precedence(make_pool, engine):
    pool = make_pool()
    email = pool.person()
    for name, precedence, role in (("readers", 20, "arn:aws:iam::1:role/r"), ("admins", 1, "arn:aws:iam::1:role/a")):
        pool.api.create_group(UserPoolId=pool.id, GroupName=name, Precedence=precedence, RoleArn=role)
        pool.api.admin_add_user_to_group(UserPoolId=pool.id, GroupName=name, Username=email)
    pool.api.create_group(UserPoolId=pool.id, GroupName="all")
    pool.api.admin_add_user_to_group(UserPoolId=pool.id, GroupName="all", Username=email)
    result = pool.tokens(email)
    identity, access = claims(engine, result["IdToken"]), claims(engine, result["AccessToken"])
    assert identity["cognito:groups"] == access["cognito:groups"] == ["admins", "readers", "all"]
    assert identity["cognito:roles"] == ["arn:aws:iam::1:role/a", "arn:aws:iam::1:role/r"]
    assert identity["cognito:preferred_role"] == "arn:aws:iam::1:role/a"
    listed = pool.api.admin_list_groups_for_user(UserPoolId=pool.id, Username=email)["Groups"]
    assert {g["GroupName"] for g in listed} == {"admins", "readers", "all"}


def test_a_wrong_password_is_refused(make_pool, refused):
    pool = make_pool()
    email = pool.person()
    with refused("NotAuthorizedException", "Incorrect username or password."):
        pool.sign_in(email, "Wrong-horse-9")


def test_sign_in_before_confirmation_is_refused(make_pool, refused):
    pool = make_pool()
    email = pool.sign_up()
    with refused("UserNotConfirmedException", "User is not confirmed."):
        pool.sign_in(email)


def test_a_disabled_user_does_not_sign_in(make_pool, refused):
    pool = make_pool()
    email = pool.person()
    pool.api.admin_disable_user(UserPoolId=pool.id, Username=email)
    with refused("NotAuthorizedException", "User is disabled."):
        pool.sign_in(email)
    pool.api.admin_enable_user(UserPoolId=pool.id, Username=email)
    assert pool.tokens(email)


def test_after_five_wrong_passwords_the_right_one_waits(make_pool, refused):
    pool = make_pool()
    email = pool.person()
    for _attempt in range(3):
        for _ in range(5):
            with refused("NotAuthorizedException", "Incorrect username or password."):
                pool.sign_in(email, "Wrong-horse-9")
        try:
            pool.sign_in(email)
        except ClientError as error:
            assert error.response["Error"]["Message"] == "Password attempts exceeded"  # noqa: PT017 - or it signs in
            return
        # A busy machine may take longer than the second that it has to wait.
    pytest.fail("The right password was good at once")


def test_a_flow_must_be_allowed_by_the_client(make_pool, refused):
    pool = make_pool(client={"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"]})
    email = pool.person()
    with refused("InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client"):
        pool.sign_in(email)
    with refused("InvalidParameterException", "Auth flow not enabled for this client"):
        pool.api.admin_initiate_auth(
            UserPoolId=pool.id,
            ClientId=pool.client_id,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )


def test_srp_with_the_right_password_signs_in(make_pool, engine):
    pool = make_pool()
    email = pool.person()
    result = srp(pool, email).authenticate_user()["AuthenticationResult"]
    assert claims(engine, result["IdToken"])["email"] == email


def test_srp_with_a_wrong_password_is_refused(make_pool, refused):
    pool = make_pool()
    email = pool.person()
    with refused("NotAuthorizedException", "Incorrect username or password."):
        srp(pool, email, "Wrong-horse-9").authenticate_user()


def test_srp_hides_whether_a_user_exists(make_pool, refused, new_address):
    pool = make_pool(client={"PreventUserExistenceErrors": "ENABLED"})
    with refused("NotAuthorizedException", "Incorrect username or password."):
        srp(pool, new_address()).authenticate_user()


def test_invited_user_sets_own_password(make_pool, engine, refused, new_address):
    pool = make_pool()
    email = new_address()
    created = pool.api.admin_create_user(
        UserPoolId=pool.id, Username=email, UserAttributes=[{"Name": "email_verified", "Value": "true"}]
    )["User"]
    assert created["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    [mail] = engine.harness.outbox(recipient=email)
    temporary = mail["code"]
    assert mail["html"] == f"Your username is {email} and temporary password is {temporary}. "
    challenge = pool.sign_in(email, temporary)
    assert challenge["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    def respond(session, password):
        return pool.api.respond_to_auth_challenge(
            ClientId=pool.client_id,
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=session,
            ChallengeResponses={"USERNAME": email, "NEW_PASSWORD": password},
        )

    with refused("InvalidPasswordException"):
        respond(challenge["Session"], "weak")
    assert respond(challenge["Session"], "My-own-horse-1")["AuthenticationResult"]
    assert pool.status(email) == "CONFIRMED"
    with refused("NotAuthorizedException"):
        respond(challenge["Session"], "My-own-horse-2")


def test_invited_user_gets_new_password_challenge_by_srp(make_pool, new_address):
    pool = make_pool()
    email = new_address()
    pool.api.admin_create_user(UserPoolId=pool.id, Username=email, TemporaryPassword=PASSWORD, MessageAction="SUPPRESS")
    with pytest.raises(ForceChangePasswordException):
        srp(pool, email).authenticate_user()


def test_a_temporary_password_expires(make_pool, engine, refused, new_address):
    pool = make_pool()
    email = new_address()
    pool.api.admin_create_user(UserPoolId=pool.id, Username=email, TemporaryPassword=PASSWORD)
    engine.harness.fire("cognito-code-expiry", user_pool_id=pool.id, username=email)
    with refused("NotAuthorizedException", "Temporary password has expired and must be reset by an administrator."):
        pool.sign_in(email)


def test_password_reset_by_admin_must_be_set_again(make_pool, refused):
    pool = make_pool()
    email = pool.person()
    pool.api.admin_reset_user_password(UserPoolId=pool.id, Username=email)
    assert pool.status(email) == "RESET_REQUIRED"
    with refused("PasswordResetRequiredException", "Password reset required for the user"):
        pool.sign_in(email)
    pool.api.confirm_forgot_password(
        ClientId=pool.client_id, Username=email, ConfirmationCode=pool.code(email), Password="New-horse-10"
    )
    assert pool.tokens(email, "New-horse-10")


def refresh(pool, token):
    return pool.api.initiate_auth(
        ClientId=pool.client_id, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": token}
    )["AuthenticationResult"]


def test_a_refresh_token_gives_new_tokens_of_the_same_sign_in(make_pool, engine):
    pool = make_pool()
    first = pool.tokens(pool.person())
    second = refresh(pool, first["RefreshToken"])
    before, after = claims(engine, first["AccessToken"]), claims(engine, second["AccessToken"])
    assert before["jti"] != after["jti"]
    assert (before["auth_time"], before["origin_jti"]) == (after["auth_time"], after["origin_jti"])
    assert "RefreshToken" not in second


def test_a_revoked_refresh_token_ends_its_sign_in_and_no_other(make_pool, refused):
    pool = make_pool()
    email = pool.person()
    one, other = pool.tokens(email), pool.tokens(email)
    pool.api.revoke_token(ClientId=pool.client_id, Token=one["RefreshToken"])
    with refused("NotAuthorizedException", "Refresh Token has been revoked"):
        refresh(pool, one["RefreshToken"])
    with refused("NotAuthorizedException", "Access Token has been revoked"):
        pool.api.get_user(AccessToken=one["AccessToken"])
    assert pool.api.get_user(AccessToken=other["AccessToken"])["Username"]
    assert refresh(pool, other["RefreshToken"])


@pytest.mark.parametrize("who", ["person", "administrator"])
def test_signing_out_everywhere_ends_every_sign_in(make_pool, refused, who):
    pool = make_pool()
    email = pool.person()
    tokens = [pool.tokens(email), pool.tokens(email)]
    if who == "person":
        pool.api.global_sign_out(AccessToken=tokens[0]["AccessToken"])
    else:
        pool.api.admin_user_global_sign_out(UserPoolId=pool.id, Username=email)
    for result in tokens:
        with refused("NotAuthorizedException", "Refresh Token has been revoked"):
            refresh(pool, result["RefreshToken"])
        with refused("NotAuthorizedException", "Access Token has been revoked"):
            pool.api.get_user(AccessToken=result["AccessToken"])


def test_token_rotation_returns_new_token_and_refuses_the_old(make_pool, refused):
    rotation = {"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}
    pool = make_pool(client={"RefreshTokenRotation": rotation, "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"]})
    first = pool.tokens(pool.person())["RefreshToken"]

    def rotate(token):
        return pool.api.get_tokens_from_refresh_token(ClientId=pool.client_id, RefreshToken=token)[
            "AuthenticationResult"
        ]

    second = rotate(first)["RefreshToken"]
    assert second != first
    with refused("RefreshTokenReuseException"):
        rotate(first)
    assert rotate(second)["AccessToken"]


def test_expired_tokens_are_refused(make_pool, engine, refused):
    pool = make_pool()
    email = pool.person()
    refresh_token = pool.tokens(email)["RefreshToken"]
    expired = engine.harness.fire(
        "cognito-token-expiry", user_pool_id=pool.id, client_id=pool.client_id, username=email
    )
    with refused("NotAuthorizedException", "Access Token has expired"):
        pool.api.get_user(AccessToken=expired["access_token"])
    with refused("NotAuthorizedException", "Refresh Token has expired"):
        refresh(pool, refresh_token)
    assert claims(engine, expired["id_token"])["exp"] <= time.time()


def test_a_forged_token_and_an_id_token_are_no_access_tokens(make_pool, refused):
    pool = make_pool()
    result = pool.tokens(pool.person())
    header, payload, _signature = result["AccessToken"].split(".")
    with refused("NotAuthorizedException", "Could not verify signature for Access Token"):
        pool.api.get_user(AccessToken=f"{header}.{payload}.{'A' * 342}")
    with refused("NotAuthorizedException", "Invalid Access Token"):
        pool.api.get_user(AccessToken=result["IdToken"])
    with refused("NotAuthorizedException", "Invalid Access Token"):
        pool.api.get_user(AccessToken="nonsense")


def test_pools_sign_with_separate_keys(make_pool, engine):
    keys = [
        httpx.get(f"{engine.endpoint_url}/{make_pool().id}/.well-known/jwks.json", trust_env=False, timeout=30).json()[
            "keys"
        ][0]
        for _ in range(2)
    ]
    assert keys[0]["kid"] != keys[1]["kid"]
    assert set(keys[0]) == {"alg", "e", "kid", "kty", "n", "use"}


def test_a_client_library_does_the_whole_of_it(make_pool):
    """pycognito with SRP, as an application uses it."""
    pool = make_pool()
    email = pool.person()
    made = srp(pool, email)
    tokens = made.authenticate_user()["AuthenticationResult"]
    assert pool.api.get_user(AccessToken=tokens["AccessToken"])["Username"]
    pool.api.change_password(
        AccessToken=tokens["AccessToken"], PreviousPassword=PASSWORD, ProposedPassword="Next-horse-11"
    )
    assert srp(pool, email, "Next-horse-11").authenticate_user()["AuthenticationResult"]
