"""Identities, their roles and credentials.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-identity.html
"""

import uuid

import boto3
import pytest


@pytest.fixture
def identities(aws):
    return aws("cognito-identity")


def make_identity_pool(identities, pool=None, *, guests=False, check=False):
    providers = []
    if pool is not None:
        name = f"cognito-idp.us-east-1.amazonaws.com/{pool.id}"
        providers = [{"ProviderName": name, "ClientId": pool.client_id, "ServerSideTokenCheck": check}]
    return identities.create_identity_pool(
        IdentityPoolName=f"pool {uuid.uuid4()}",
        AllowUnauthenticatedIdentities=guests,
        CognitoIdentityProviders=providers,
    )["IdentityPoolId"]


def logins(pool, email):
    return {f"cognito-idp.us-east-1.amazonaws.com/{pool.id}": pool.tokens(email)["IdToken"]}


def caller(engine, credentials):
    sts = boto3.client(
        "sts",
        endpoint_url=engine.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretKey"],
        aws_session_token=credentials["SessionToken"],
    )
    return sts.get_caller_identity()["Arn"]


def test_signed_in_user_gets_credentials_of_authenticated_role(make_pool, identities, trust, engine):
    pool = make_pool()
    email = pool.person()
    pool_id = make_identity_pool(identities, pool)
    role = trust(pool_id)
    identities.set_identity_pool_roles(IdentityPoolId=pool_id, Roles={"authenticated": role})
    identity = identities.get_id(IdentityPoolId=pool_id, Logins=logins(pool, email))["IdentityId"]
    assert identities.get_id(IdentityPoolId=pool_id, Logins=logins(pool, email))["IdentityId"] == identity
    answer = identities.get_credentials_for_identity(IdentityId=identity, Logins=logins(pool, email))
    name = role.rpartition("/")[2]
    assert caller(engine, answer["Credentials"]).endswith(f"assumed-role/{name}/CognitoIdentityCredentials")


def test_identity_of_another_user_is_forbidden(make_pool, identities, trust, refused):
    pool = make_pool()
    pool_id = make_identity_pool(identities, pool)
    identities.set_identity_pool_roles(IdentityPoolId=pool_id, Roles={"authenticated": trust(pool_id)})
    mine = identities.get_id(IdentityPoolId=pool_id, Logins=logins(pool, pool.person()))["IdentityId"]
    theirs = logins(pool, pool.person())
    identities.get_id(IdentityPoolId=pool_id, Logins=theirs)
    with refused("NotAuthorizedException"):
        identities.get_credentials_for_identity(IdentityId=mine, Logins=theirs)
    with refused("NotAuthorizedException", f"Access to Identity '{mine}' is forbidden."):
        identities.get_credentials_for_identity(IdentityId=mine)


def test_guests_come_in_only_where_the_pool_lets_them(identities, trust, refused, engine):
    closed, opened = make_identity_pool(identities), make_identity_pool(identities, guests=True)
    with refused("NotAuthorizedException", "Unauthenticated access is not supported for this identity pool."):
        identities.get_id(IdentityPoolId=closed)
    role = trust(opened, "unauthenticated")
    identities.set_identity_pool_roles(IdentityPoolId=opened, Roles={"unauthenticated": role})
    identity = identities.get_id(IdentityPoolId=opened)["IdentityId"]
    credentials = identities.get_credentials_for_identity(IdentityId=identity)["Credentials"]
    assert role.rpartition("/")[2] in caller(engine, credentials)


def test_foreign_expired_and_forged_tokens_are_refused(make_pool, identities, engine, refused):
    pool, other = make_pool(), make_pool()
    pool_id = make_identity_pool(identities, pool)
    with refused("NotAuthorizedException", "Token is not from a supported provider of this identity pool."):
        identities.get_id(IdentityPoolId=pool_id, Logins=logins(other, other.person()))
    email = pool.person()
    [(provider, token)] = logins(pool, email).items()
    header, payload, _signature = token.split(".")
    with refused("NotAuthorizedException", "Invalid login token. Token signature invalid."):
        identities.get_id(IdentityPoolId=pool_id, Logins={provider: f"{header}.{payload}.{'A' * 342}"})
    expired = engine.harness.fire(
        "cognito-token-expiry", user_pool_id=pool.id, client_id=pool.client_id, username=email
    )
    with refused("NotAuthorizedException") as refusal:
        identities.get_id(IdentityPoolId=pool_id, Logins={provider: expired["id_token"]})
    assert "Token expired" in str(refusal.value)


def test_a_role_that_does_not_trust_the_pool_is_refused(identities, trust, refused):
    pool_id = make_identity_pool(identities, guests=True)
    role = trust("us-east-1:another-pool", "unauthenticated")
    identities.set_identity_pool_roles(IdentityPoolId=pool_id, Roles={"unauthenticated": role})
    identity = identities.get_id(IdentityPoolId=pool_id)["IdentityId"]
    with refused(
        "InvalidIdentityPoolConfigurationException",
        "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
    ):
        identities.get_credentials_for_identity(IdentityId=identity)


def test_a_group_gives_its_role(make_pool, identities, trust, engine):
    pool = make_pool()
    email = pool.person()
    pool_id = make_identity_pool(identities, pool)
    plain, admin = trust(pool_id), trust(pool_id)
    pool.api.create_group(UserPoolId=pool.id, GroupName="admins", RoleArn=admin, Precedence=1)
    pool.api.admin_add_user_to_group(UserPoolId=pool.id, GroupName="admins", Username=email)
    mapping = {"Type": "Token", "AmbiguousRoleResolution": "AuthenticatedRole"}
    provider = f"cognito-idp.us-east-1.amazonaws.com/{pool.id}:{pool.client_id}"
    identities.set_identity_pool_roles(
        IdentityPoolId=pool_id, Roles={"authenticated": plain}, RoleMappings={provider: mapping}
    )
    login = logins(pool, email)
    identity = identities.get_id(IdentityPoolId=pool_id, Logins=login)["IdentityId"]
    credentials = identities.get_credentials_for_identity(IdentityId=identity, Logins=login)["Credentials"]
    assert admin.rpartition("/")[2] in caller(engine, credentials)


def test_developer_provider_identity_gets_credentials(identities, trust, engine):
    pool_id = identities.create_identity_pool(
        IdentityPoolName=f"pool {uuid.uuid4()}",
        AllowUnauthenticatedIdentities=False,
        DeveloperProviderName="login.lumen",
    )["IdentityPoolId"]
    role = trust(pool_id)
    identities.set_identity_pool_roles(IdentityPoolId=pool_id, Roles={"authenticated": role})
    made = identities.get_open_id_token_for_developer_identity(IdentityPoolId=pool_id, Logins={"login.lumen": "ada"})
    credentials = identities.get_credentials_for_identity(
        IdentityId=made["IdentityId"], Logins={"cognito-identity.amazonaws.com": made["Token"]}
    )["Credentials"]
    assert role.rpartition("/")[2] in caller(engine, credentials)
