"""The hosted sign-in: external OpenID Connect provider, authorization codes, client credentials.

https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html
"""

import base64
import hashlib
import json
import uuid
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwk

from fixtures import oidc_provider as oidc

CALLBACK = "https://app.lumen.example/signed-in"
PASSWORD = "Right-horse-9"


def payload(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture
def provider(callback):
    made = oidc.Provider({"sub": uuid.uuid4().hex, "email": "ada@provider.example", "email_verified": True})
    server = oidc.serve(made, callback)
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def browser():
    with httpx.Client(trust_env=False, follow_redirects=False, timeout=20) as client:
        yield client


@pytest.fixture
def hosted(make_pool, provider, engine):
    """`hosted(...)`: a pool with a domain, the provider `Lumen` and a client of the hosted sign-in."""

    def make(flows=("code",), scopes=("openid", "email"), **client):
        pool = make_pool(AliasAttributes=["email"])
        domain = f"lumen-{uuid.uuid4().hex[:12]}"
        pool.api.create_user_pool_domain(UserPoolId=pool.id, Domain=domain)
        pool.api.create_identity_provider(
            UserPoolId=pool.id,
            ProviderName="Lumen",
            ProviderType="OIDC",
            ProviderDetails={
                "client_id": provider.client_id,
                "client_secret": provider.client_secret,
                "authorize_scopes": "openid email",
                "oidc_issuer": provider.issuer,
                "attributes_request_method": "GET",
            },
            AttributeMapping={"username": "sub", "email": "email", "email_verified": "email_verified"},
        )
        pool.client = pool.api.create_user_pool_client(
            UserPoolId=pool.id,
            ClientName="hosted",
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthFlows=list(flows),
            AllowedOAuthScopes=list(scopes),
            CallbackURLs=[CALLBACK],
            LogoutURLs=["https://app.lumen.example/bye"],
            SupportedIdentityProviders=["Lumen", "COGNITO"],
            **client,
        )["UserPoolClient"]
        return pool, engine.hosted_sign_in_url(domain)

    return make


def authorize(browser, pool, address, **more):
    """Follow the redirects to the application. Returns the query that the application receives."""
    query = {"client_id": pool.client_id, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid email"}
    query |= {"state": "s-1", "identity_provider": "Lumen", **more}
    answer = browser.get(f"{address}/oauth2/authorize", params=query)
    while answer.status_code == 302 and not answer.headers["Location"].startswith(CALLBACK):
        answer = browser.get(answer.headers["Location"])
    assert answer.status_code == 302, answer.text
    split = urlsplit(answer.headers["Location"])
    return {name: values[0] for name, values in parse_qs(split.query or split.fragment).items()}


def exchange(browser, pool, address, code, **more):
    form = {"grant_type": "authorization_code", "client_id": pool.client_id, "code": code, "redirect_uri": CALLBACK}
    return browser.post(f"{address}/oauth2/token", data={**form, **more})


def test_external_provider_user_signs_in_by_hosted_ui(hosted, browser, provider):
    pool, address = hosted()
    told = authorize(browser, pool, address, nonce="n-1")
    assert told["state"] == "s-1"
    answer = exchange(browser, pool, address, told["code"])
    tokens = answer.json()
    assert set(tokens) == {"id_token", "access_token", "refresh_token", "expires_in", "token_type"}
    identity, access = payload(tokens["id_token"]), payload(tokens["access_token"])
    username = f"Lumen_{provider.claims['sub']}"
    assert (identity["cognito:username"], identity["email"], identity["nonce"]) == (
        username,
        "ada@provider.example",
        "n-1",
    )
    assert identity["identities"][0]["providerName"] == "Lumen"
    assert identity["cognito:groups"] == [f"{pool.id}_Lumen"]
    assert (access["scope"], access["version"]) == ("openid email", 2)
    assert pool.status(username) == "EXTERNAL_PROVIDER"
    info = browser.get(f"{address}/oauth2/userInfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert (info.json()["username"], info.json()["email_verified"]) == (username, "true")
    refreshed = browser.post(
        f"{address}/oauth2/token",
        data={"grant_type": "refresh_token", "client_id": pool.client_id, "refresh_token": tokens["refresh_token"]},
    ).json()
    assert payload(refreshed["id_token"])["sub"] == identity["sub"]
    browser.post(f"{address}/oauth2/revoke", data={"token": tokens["refresh_token"], "client_id": pool.client_id})
    info = browser.get(f"{address}/oauth2/userInfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert (info.status_code, info.json()["error"]) == (401, "invalid_token")


def test_second_external_sign_in_updates_the_same_user(hosted, browser, provider):
    pool, address = hosted()
    first = exchange(browser, pool, address, authorize(browser, pool, address)["code"]).json()
    provider.claims["email"] = "new@provider.example"
    second = exchange(browser, pool, address, authorize(browser, pool, address)["code"]).json()
    assert payload(first["id_token"])["sub"] == payload(second["id_token"])["sub"]
    assert payload(second["id_token"])["email"] == "new@provider.example"


def test_linked_provider_user_signs_in_as_user_of_the_pool(hosted, browser, provider, refused):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-identity-federation-consolidate-users.html"""
    pool, address = hosted()
    name = f"ada-{uuid.uuid4().hex}"
    pool.api.admin_create_user(UserPoolId=pool.id, Username=name, MessageAction="SUPPRESS")
    pool.api.admin_set_user_password(UserPoolId=pool.id, Username=name, Password=PASSWORD, Permanent=True)
    source = {
        "ProviderName": "Lumen",
        "ProviderAttributeName": "Cognito_Subject",
        "ProviderAttributeValue": provider.claims["sub"],
    }
    destination = {"ProviderName": "Cognito", "ProviderAttributeValue": name}
    pool.api.admin_link_provider_for_user(UserPoolId=pool.id, SourceUser=source, DestinationUser=destination)
    tokens = exchange(browser, pool, address, authorize(browser, pool, address)["code"]).json()
    identity = payload(tokens["id_token"])
    assert (identity["cognito:username"], identity["email"]) == (name, "ada@provider.example")
    assert [i["userId"] for i in identity["identities"]] == [provider.claims["sub"]]
    pool.api.admin_disable_provider_for_user(UserPoolId=pool.id, User=source)
    with refused("UserNotFoundException"):
        pool.api.admin_disable_provider_for_user(UserPoolId=pool.id, User=source)


def test_an_application_may_leave_its_redirect_uri_to_the_pool(hosted, browser):
    """https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html"""
    pool, address = hosted(DefaultRedirectURI=CALLBACK)
    assert "code" in authorize(browser, pool, address, redirect_uri="")


def test_an_authorization_code_works_once_and_with_its_verifier(hosted, browser):
    pool, address = hosted()
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

    def code():
        return authorize(browser, pool, address, code_challenge=challenge, code_challenge_method="S256")["code"]

    assert exchange(browser, pool, address, code(), code_verifier="x" * 50).json() == {"error": "invalid_grant"}
    one = code()
    assert "access_token" in exchange(browser, pool, address, one, code_verifier=verifier).json()
    assert exchange(browser, pool, address, one, code_verifier=verifier).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize("wrong", ["issuer", "audience", "expired", "nonce", "key"])
def test_provider_id_token_that_is_invalid_signs_in_no_user(hosted, browser, provider, wrong):
    pool, address = hosted()
    provider.extra = {
        "issuer": {"iss": "https://elsewhere.example"},
        "audience": {"aud": "another"},
        "expired": {"exp": 1},
        "nonce": {"nonce": "another"},
        "key": {},
    }[wrong]
    if wrong == "key":
        provider.sign_with = jwk.RSAKey.generate_key(2048)
    told = authorize(browser, pool, address)
    assert "code" not in told
    assert told["error_description"].startswith("Bad id_token")
    assert pool.api.list_users(UserPoolId=pool.id)["Users"] == []


def test_unregistered_redirect_uri_is_refused_without_redirect(hosted, browser):
    pool, address = hosted()
    query = {"client_id": pool.client_id, "redirect_uri": "https://evil.example", "response_type": "code"}
    answer = browser.get(f"{address}/oauth2/authorize", params=query)
    assert (answer.status_code, answer.json()["error"]) == (400, "redirect_mismatch")


def test_a_user_of_the_pool_signs_in_by_the_form(hosted, browser, new_address):
    pool, address = hosted()
    email = new_address()
    pool.sign_up(email, Username="ada")
    pool.confirm("ada", pool.code(email))
    query = {"client_id": pool.client_id, "redirect_uri": CALLBACK, "response_type": "code", "state": "s-2"}
    form = browser.get(f"{address}/oauth2/authorize", params=query)
    page = form.headers["Location"]
    assert 'name="password"' in browser.get(page).text
    refused = browser.post(page, data={"username": "ada", "password": "Wrong-horse-9"})
    assert "Incorrect username or password." in refused.text
    left = browser.post(page, data={"username": "ada", "password": PASSWORD})
    told = parse_qs(urlsplit(left.headers["Location"]).query)
    assert told["state"] == ["s-2"]
    tokens = exchange(browser, pool, address, told["code"][0]).json()
    assert payload(tokens["id_token"])["cognito:username"] == "ada"


def test_client_credentials_return_token_for_allowed_scopes(hosted, browser):
    pool, address = hosted()
    pool.api.create_resource_server(
        UserPoolId=pool.id,
        Identifier="albums",
        Name="Albums",
        Scopes=[{"ScopeName": "read", "ScopeDescription": "r"}, {"ScopeName": "write", "ScopeDescription": "w"}],
    )
    client = pool.api.create_user_pool_client(
        UserPoolId=pool.id,
        ClientName="machine",
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=["albums/read"],
    )["UserPoolClient"]

    def ask(scope, secret):
        form = {"grant_type": "client_credentials", "scope": scope}
        return browser.post(f"{address}/oauth2/token", data=form, auth=(client["ClientId"], secret))

    token = ask("albums/read", client["ClientSecret"]).json()["access_token"]
    claims = payload(token)
    assert (claims["sub"], claims["scope"]) == (client["ClientId"], "albums/read")
    assert ask("albums/write", client["ClientSecret"]).json() == {"error": "invalid_scope"}
    assert ask("albums/read", "wrong").json() == {"error": "invalid_client"}


def test_a_link_confirms_a_sign_up(make_pool, engine, browser):
    template = {"DefaultEmailOption": "CONFIRM_WITH_LINK", "EmailMessageByLink": "Click {##here##}."}
    pool = make_pool(VerificationMessageTemplate=template)
    domain = f"lumen-{uuid.uuid4().hex[:12]}"
    pool.api.create_user_pool_domain(UserPoolId=pool.id, Domain=domain)
    email = pool.sign_up()
    [mail] = engine.harness.outbox(recipient=email)
    link = mail["html"].split('"')[1]
    assert mail["html"] == f'Click <a href="{link}">here</a>.'
    split = urlsplit(link)
    assert (split.netloc, split.path) == (f"{domain}.auth.us-east-1.amazoncognito.com", "/confirmUser")
    here = f"{engine.endpoint_url}/_aws/cognito-idp/{domain}{split.path}?{split.query}"
    assert "confirmed" in browser.get(here).text
    assert pool.status(email) == "CONFIRMED"
