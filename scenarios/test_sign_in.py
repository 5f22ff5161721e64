"""Signing in, staying signed in, and a password that was forgotten."""

import pytest
from botocore.exceptions import ClientError

from fixtures.people import People, Person
from fixtures.services import Api
from harness import NewFlow, Outbox

NEW_PASSWORD = "Brand-new-staple-9"


def _refused(code: str, message: str = ""):
    return pytest.raises(ClientError, match=rf"\({code}\).*{message}")


def test_a_browser_signs_in_without_sending_the_password(people: People):
    person = people.registered()
    tokens = people.sign_in_with_srp(person)
    assert people.cognito.get_user(AccessToken=tokens.access_token)["Username"]
    with _refused("NotAuthorizedException", "Incorrect username or password"):
        people.sign_in_with_srp(person, password="Wrong-horse-7-battery")


def test_a_wrong_password_is_refused(people: People):
    person = people.registered()
    with _refused("NotAuthorizedException", "Incorrect username or password"):
        people.sign_in(person, password="Wrong-horse-7-battery")


def test_a_refresh_token_gives_new_tokens_through_the_api(people: People, users_api: Api):
    tokens = people.sign_in(people.registered())
    answer = users_api.post("/tokens/refresh", {"refresh_token": tokens.refresh_token})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert people.cognito.get_user(AccessToken=body["access_token"])["Username"]
    assert users_api.get("/users/me", token=body["id_token"]).status_code == 200
    assert body["expires_in"] > 0


@pytest.mark.parametrize("body", [{}, {"refresh_token": ""}, {"refresh_token": 7}, {"refresh_token": "not-a-token"}])
def test_a_refresh_token_that_is_none_is_refused(users_api: Api, body: dict[str, object]):
    answer = users_api.post("/tokens/refresh", body)
    assert answer.status_code in (400, 401), answer.text
    assert "access_token" not in answer.text


def test_a_revoked_refresh_token_is_refused(people: People, users_api: Api):
    tokens = people.sign_in(people.registered())
    people.cognito.revoke_token(Token=tokens.refresh_token, ClientId=people.client_id)
    assert users_api.post("/tokens/refresh", {"refresh_token": tokens.refresh_token}).status_code == 401


def test_forgotten_password_is_reset_with_the_mailed_code(people: People):
    person = people.registered()
    people.cognito.forgot_password(ClientId=people.client_id, Username=person.address)
    code = people.code_mailed_to(person)
    confirm = {"ClientId": people.client_id, "Username": person.address, "ConfirmationCode": code}
    with _refused("InvalidPasswordException"):
        people.cognito.confirm_forgot_password(**confirm, Password="weak")
    people.cognito.confirm_forgot_password(**confirm, Password=NEW_PASSWORD)
    assert people.sign_in(person, password=NEW_PASSWORD).access_token
    with _refused("NotAuthorizedException"):
        people.sign_in(person)
    with _refused("ExpiredCodeException|CodeMismatchException"):
        people.cognito.confirm_forgot_password(**confirm, Password=NEW_PASSWORD)


def test_password_reset_sends_no_second_welcome_mail(flow: NewFlow, people: People, outbox: Outbox):
    """PostConfirmation runs for a reset password too, with another trigger source."""
    person = people.registered(Person(name="Welcomed Once"))
    with flow() as f:
        people.cognito.forgot_password(ClientId=people.client_id, Username=person.address)
        people.cognito.confirm_forgot_password(
            ClientId=people.client_id,
            Username=person.address,
            ConfirmationCode=people.code_mailed_to(person),
            Password=NEW_PASSWORD,
        )
    f.settle()
    assert len(outbox.read(recipient=person.address, subject="(?i)welcome")) == 1
