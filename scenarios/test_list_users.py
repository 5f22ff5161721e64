"""The list of users: for administrators only."""

import base64
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwk, jwt

from fixtures.people import People, Person
from fixtures.services import Api


def _decoded(part: str) -> dict[str, Any]:
    """One part of a token, without a look at its signature."""
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def admin_token(people: People) -> str:
    return people.sign_in(people.admin()).id_token


def test_admin_lists_all_users_page_by_page(people: People, users_api: Api, admin_token: str):
    newcomers = [people.registered(Person(name=f"Listed {n}")) for n in range(3)]
    listed: dict[str, dict[str, Any]] = {}
    pages: list[str | None] = [None]
    # The first in small pages, the others in large ones: a long-running engine has thousands of users.
    for limit in itertools.chain([2, 2, 2], itertools.repeat(60)):
        query = {"limit": str(limit)} | ({"next": pages[-1]} if pages[-1] else {})
        answer = users_api.get("/users", token=admin_token, params=query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert len(body["users"]) <= limit
        listed |= {user["email"]: user for user in body["users"]}
        if body["next"] is None:
            break
        assert body["next"] not in pages
        pages.append(body["next"])
    assert len(pages) > 1
    for person in newcomers:
        assert listed[person.address]["name"] == person.name


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "many"}, {"next": "not-a-page"}])
def test_list_with_invalid_page_returns_400(users_api: Api, admin_token: str, query: dict[str, str]):
    answer = users_api.get("/users", token=admin_token, params=query)
    assert answer.status_code == 400
    assert answer.json()["title"]


def test_without_a_token_the_list_is_refused(users_api: Api):
    answer = users_api.get("/users")
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_an_access_token_is_no_id_token(people: People, users_api: Api):
    tokens = people.sign_in(people.admin())
    assert users_api.get("/users", token=tokens.access_token).status_code == 401


@pytest.mark.parametrize("token", ["", "nonsense", "Bearer", "a.b.c", "null"])
def test_invalid_token_is_refused(users_api: Api, token: str):
    assert users_api.get("/users", token=token).status_code == 401


def test_a_forged_token_is_refused(users_api: Api, admin_token: str):
    """The claims of an administrator, signed with a key of the forger's own."""
    header, payload, _signature = admin_token.split(".")
    claims = {**_decoded(payload), "exp": int(time.time()) + 3600}
    forged = jwt.encode(_decoded(header), claims, jwk.RSAKey.generate_key(2048))
    assert users_api.get("/users", token=forged).status_code == 401


def test_a_token_with_a_changed_claim_is_refused(people: People, users_api: Api):
    token = people.sign_in(people.registered()).id_token
    header, payload, signature = token.split(".")
    claims = {**_decoded(payload), "cognito:groups": ["admins"]}
    assert users_api.get("/users", token=f"{header}.{_encoded(claims)}.{signature}").status_code == 401


def test_an_expired_token_is_refused(people: People, users_api: Api, fire):
    admin = people.admin()
    people.sign_in(admin)
    expired = fire(
        "cognito-token-expiry",
        user_pool_id=people.user_pool_id,
        client_id=people.client_id,
        username=admin.address,
    )
    answer = users_api.get("/users", token=expired["id_token"])
    assert (answer.status_code, answer.json()) == (401, {"message": "The incoming token has expired"})


@pytest.fixture
def foreign(aws, engine) -> Iterator[People]:
    """Another user pool of the same account, in which any user may claim to be an administrator."""
    cognito = aws("cognito-idp")
    pool_id = cognito.create_user_pool(PoolName="foreign", AutoVerifiedAttributes=["email"])["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool_id, ClientName="foreign", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )
    cognito.create_group(UserPoolId=pool_id, GroupName="admins")
    yield People(engine, cognito, pool_id, client["UserPoolClient"]["ClientId"])
    cognito.delete_user_pool(UserPoolId=pool_id)


def test_a_token_of_another_user_pool_is_refused(foreign: People, users_api: Api):
    person = Person()
    foreign.cognito.admin_create_user(UserPoolId=foreign.user_pool_id, Username=person.address)
    foreign.cognito.admin_set_user_password(
        UserPoolId=foreign.user_pool_id, Username=person.address, Password=person.password, Permanent=True
    )
    foreign.cognito.admin_add_user_to_group(
        UserPoolId=foreign.user_pool_id, Username=person.address, GroupName="admins"
    )
    answer = users_api.get("/users", token=foreign.sign_in(person).id_token)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_user_list_without_admin_role_returns_403(people: People, users_api: Api):
    token = people.sign_in(people.registered()).id_token
    answer = users_api.get("/users", token=token)
    assert answer.status_code == 403
    assert answer.json()["title"]
    assert "users" not in answer.json()


def test_user_reads_own_profile(people: People, users_api: Api):
    person = people.registered(Person(name="Maria Mitchell"))
    answer = users_api.get("/users/me", token=people.sign_in(person).id_token)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["email"], answer.json()["name"]) == (person.address, "Maria Mitchell")
