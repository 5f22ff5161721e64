"""From sign-up to the welcome mail, and what is refused on the way."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings

from fixtures.people import People, Person, unique_address
from fixtures.strategies import persons
from harness import Deployment, NewFlow, Outbox


def _refused(code: str, message: str = ""):
    return pytest.raises(ClientError, match=rf"\({code}\).*{message}")


def _another(code: str) -> str:
    """Six digits that are not the code."""
    return f"{(int(code) + 1) % 1_000_000:06}"


# Examples share the fixtures, and each has a separate flow; print_blob names the example of a failure.
@settings(
    max_examples=50,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(person=persons())
def test_confirmed_user_receives_welcome_mail_with_name(flow: NewFlow, people: People, outbox: Outbox, person: Person):
    with flow() as f:
        people.sign_up(person)
        people.confirm(person, people.code_mailed_to(person))
    f.settle()
    [welcome] = outbox.read(recipient=person.address, subject="(?i)welcome")
    assert welcome.recipients == (person.address,)
    assert person.name in (welcome.text or "")
    assert "<b>" not in (welcome.html or "").replace("<body>", "")
    claims = people.cognito.get_user(AccessToken=people.sign_in(person).access_token)
    attributes = {a["Name"]: a["Value"] for a in claims["UserAttributes"]}
    assert (attributes["name"], attributes["email_verified"]) == (person.name, "true")


def test_the_code_comes_in_the_products_own_words(people: People, outbox: Outbox):
    person = Person()
    people.sign_up(person)
    [mail] = outbox.read(recipient=person.address)
    assert "Lumen" in (mail.subject or "")
    assert mail.code is not None
    assert mail.code in (mail.text or mail.html or "")


def test_confirmed_user_has_a_profile(people: People, aws, deployment: Deployment):
    person = Person(name="Mary Somerville")
    user_id = people.sign_up(person)
    people.confirm(person, people.code_mailed_to(person))
    table = deployment["users"].resources["ProfilesTable"].physical_id
    item = aws("dynamodb").get_item(TableName=table, Key={"user_id": {"S": user_id}}, ConsistentRead=True)["Item"]
    assert item["email"]["S"] == person.address
    assert item["name"]["S"] == "Mary Somerville"


def test_a_wrong_code_is_refused_and_the_right_one_still_works(people: People):
    person = Person()
    people.sign_up(person)
    code = people.code_mailed_to(person)
    with _refused("CodeMismatchException", "Invalid verification code provided"):
        people.confirm(person, _another(code))
    people.confirm(person, code)
    assert people.sign_in(person).access_token


def test_an_expired_code_is_refused_and_a_new_one_works(people: People, outbox: Outbox, fire):
    person = Person()
    people.sign_up(person)
    [mail] = outbox.read(recipient=person.address)
    fire("cognito-code-expiry", user_pool_id=people.user_pool_id, username=person.address)
    with _refused("ExpiredCodeException", "Invalid code provided, please request a code again"):
        people.confirm(person, mail.code or "")
    people.cognito.resend_confirmation_code(ClientId=people.client_id, Username=person.address)
    assert len(outbox.read(recipient=person.address)) == 2
    people.confirm(person, people.code_mailed_to(person))
    assert people.sign_in(person).access_token


def test_a_code_works_once(people: People):
    person = Person()
    people.sign_up(person)
    code = people.code_mailed_to(person)
    people.confirm(person, code)
    with _refused("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED"):
        people.confirm(person, code)


def test_a_new_code_replaces_the_one_before(people: People, outbox: Outbox):
    person = Person()
    people.sign_up(person)
    people.cognito.resend_confirmation_code(ClientId=people.client_id, Username=person.address)
    first, second = (mail.code or "" for mail in outbox.read(recipient=person.address))
    if first != second:
        with _refused("CodeMismatchException"):
            people.confirm(person, first)
    people.confirm(person, second)


@pytest.mark.parametrize(
    ("password", "missing"),
    [
        ("Sh0rt-pw", "Password not long enough"),
        ("no-upper-case-7-here", "Password must have uppercase characters"),
        ("NO-LOWER-CASE-7-HERE", "Password must have lowercase characters"),
        ("No-digits-in-this-one", "Password must have numeric characters"),
    ],
)
def test_weak_password_is_refused_with_the_missing_rule(people: People, outbox: Outbox, password: str, missing: str):
    person = Person(password=password)
    with _refused("InvalidPasswordException", f"Password did not conform with policy: {missing}"):
        people.sign_up(person)
    assert outbox.read(recipient=person.address) == []


@pytest.mark.parametrize("domain", ["trashmail.example", "TrashMail.example", "in.trashmail.example"])
def test_a_blocked_mail_domain_cannot_sign_up(people: People, outbox: Outbox, domain: str):
    person = Person(address=unique_address(domain=domain))
    with _refused("UserLambdaValidationException", "PreSignUp failed with error"):
        people.sign_up(person)
    assert outbox.read(recipient=person.address) == []
    with _refused("UserNotFoundException|NotAuthorizedException"):
        people.sign_in(person)


def test_an_address_signs_up_once(people: People):
    person = people.registered()
    with _refused("UsernameExistsException"):
        people.sign_up(person)


def test_sign_in_before_confirmation_is_refused(people: People):
    person = Person()
    people.sign_up(person)
    with _refused("UserNotConfirmedException", "User is not confirmed"):
        people.sign_in(person)


def test_concurrent_sign_ups_receive_their_own_mails(flow: NewFlow, people: People, outbox: Outbox):
    def register(person: Person) -> None:
        with flow() as f:
            people.registered(person)
        f.settle()

    crowd = [Person(name=f"Person Number {n}") for n in range(8)]
    with ThreadPoolExecutor(len(crowd)) as pool:
        list(pool.map(register, crowd))
    for person in crowd:
        [mail] = outbox.read(recipient=person.address, subject="(?i)welcome")
        assert person.name in (mail.text or "")
