"""The claims in the tokens about a user's rights, which users cannot set themselves."""

import pytest
from botocore.exceptions import ClientError
from joserfc import jwk, jwt

from fixtures.people import People, Person, Tokens, unique_phone_number
from fixtures.services import Api
from harness import Target


@pytest.fixture
def claims(engine: Target, http, people: People):
    """`claims(tokens)`: those of the ID token, after a look at its signature."""
    published = http.get(f"{engine.user_pool_url(people.user_pool_id)}/.well-known/jwks.json").json()
    keys = jwk.KeySet.import_key_set(published)
    return lambda tokens: jwt.decode(tokens.id_token, keys, algorithms=["RS256"]).claims


def _update(people: People, tokens: Tokens, **attributes: str) -> None:
    people.cognito.update_user_attributes(
        AccessToken=tokens.access_token,
        UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
    )


def test_a_newcomer_is_a_member_with_the_free_plan(people: People, claims):
    told = claims(people.sign_in(people.registered()))
    assert (told["lumen:role"], told["lumen:plan"]) == ("member", "free")
    assert "cognito:groups" not in told


def test_admin_token_has_role_and_group_claims(people: People, claims):
    told = claims(people.sign_in(people.admin()))
    assert (told["lumen:role"], told["cognito:groups"]) == ("admin", ["admins"])


def test_a_plan_that_was_paid_is_in_the_next_tokens(people: People, users_api: Api, claims):
    person = people.registered()
    tokens = people.sign_in(person)
    people.cognito.admin_update_user_attributes(
        UserPoolId=people.user_pool_id,
        Username=person.address,
        UserAttributes=[{"Name": "custom:plan", "Value": "studio"}],
    )
    assert claims(people.sign_in(person))["lumen:plan"] == "studio"
    refreshed = users_api.post("/tokens/refresh", {"refresh_token": tokens.refresh_token}).json()
    assert claims(Tokens(refreshed["id_token"], refreshed["access_token"], ""))["lumen:plan"] == "studio"


@pytest.mark.parametrize("attribute", ["custom:plan", "email_verified", "profile"])
def test_user_cannot_write_protected_attribute(people: People, claims, attribute: str):
    person = people.registered()
    tokens = people.sign_in(person)
    with pytest.raises(ClientError, match=r"\(NotAuthorizedException\).*unauthorized attribute"):
        _update(people, tokens, **{attribute: "true"})
    assert claims(people.sign_in(person))["lumen:plan"] == "free"


def test_sign_up_with_a_plan_is_refused(people: People):
    with pytest.raises(ClientError, match=r"\(NotAuthorizedException\).*unauthorized attribute"):
        people.sign_up(Person(attributes={"custom:plan": "studio"}))


def test_user_updates_own_attributes(people: People):
    tokens = people.sign_in(people.registered())
    number = unique_phone_number()
    _update(people, tokens, **{"name": "Ada King", "phone_number": number, "custom:sms_welcome": "true"})
    attributes = people.cognito.get_user(AccessToken=tokens.access_token)["UserAttributes"]
    told = {attribute["Name"]: attribute["Value"] for attribute in attributes}
    assert (told["name"], told["phone_number"], told["custom:sms_welcome"]) == ("Ada King", number, "true")


def test_a_new_address_counts_once_its_code_was_given_back(people: People):
    person, new = people.registered(), Person()
    tokens = people.sign_in(person)
    _update(people, tokens, email=new.address)
    assert people.sign_in(person).access_token
    code = people.code_mailed_to(new)
    people.cognito.verify_user_attribute(AccessToken=tokens.access_token, AttributeName="email", Code=code)
    assert people.sign_in(Person(address=new.address)).access_token
    with pytest.raises(ClientError, match=r"NotAuthorizedException|UserNotFoundException"):
        people.sign_in(person)
