"""Users: blocked domains, the event of a registration, pages, words of mails."""

import json
from types import SimpleNamespace

import pytest


@pytest.mark.parametrize(
    "address", ["a@blocked.example", "a@BLOCKED.example", "a@in.blocked.example", "a@blocked.example."]
)
def test_an_address_of_a_blocked_domain_or_below_it_is_blocked(function, address):
    assert function("users", "pre_sign_up").is_blocked(address, ["other.example", " blocked.example "])


@pytest.mark.parametrize("address", ["a@notblocked.example", "a@blocked.example.org", "blocked.example@fine.example"])
def test_an_address_that_only_looks_like_a_blocked_one_is_not(function, address):
    assert not function("users", "pre_sign_up").is_blocked(address, ["blocked.example", ""])


def test_the_same_registration_has_the_same_event_id(function):
    registered = function("users", "post_confirmation").user_registered
    ada = {"sub": "1", "email": "ada@people.example", "name": "Ada"}
    assert registered(ada, "x").event_id == registered(ada, "y").event_id
    assert registered(ada, "x").event_id != registered({**ada, "sub": "2"}, "x").event_id


def test_a_phone_number_alone_is_no_wish_for_text_messages(function):
    registered = function("users", "post_confirmation").user_registered
    ada = {"sub": "1", "email": "ada@people.example", "name": "Ada", "phone_number": "+15550100"}
    assert registered(ada, "x").data["wants_text_messages"] is False
    assert registered({**ada, "custom:sms_welcome": "true"}, "x").data["wants_text_messages"] is True


def test_a_page_begins_where_the_one_before_ended(function):
    users = function("users", "list_users")
    assert users.start_of(users.cursor({"user_id": "abc"})) == {"user_id": "abc"}


@pytest.mark.parametrize("value", ["", "not-a-page", "e30=", "W10=", "bnVsbA==", "eyJ1c2VyX2lkIjogMX0=", "é"])
def test_invalid_page_token_raises(function, value):
    users = function("users", "list_users")
    with pytest.raises(users.InvalidPageError):
        users.start_of(value)


@pytest.mark.parametrize("value", ["0", "101", "-1", "many", "", "1.5", "²"])
def test_a_limit_that_is_none_is_refused(function, value):
    users = function("users", "list_users")
    with pytest.raises(users.InvalidPageError):
        users.limit_of(value)


@pytest.mark.parametrize(("claim", "groups"), [(None, []), ("admins", ["admins"]), ("a,admins", ["a", "admins"])])
def test_groups_are_read_from_the_claim(function, claim, groups):
    assert function("users", "list_users").groups_of({"cognito:groups": claim}) == groups


class _Bus:
    """EventBridge, as far as publishing goes."""

    def __init__(self, failed):
        self.failed = failed

    def put_events(self, *, Entries):  # noqa: N803 - AWS's name
        entry = {"ErrorCode": "InternalException", "ErrorMessage": "no"} if self.failed else {"EventId": "e-1"}
        return {"FailedEntryCount": int(self.failed), "Entries": [entry for _ in Entries]}


class _Queue:
    def __init__(self):
        self.bodies = []

    def send_message(self, *, QueueUrl, MessageBody):  # noqa: N803 - AWS's names
        self.bodies.append((QueueUrl, json.loads(MessageBody)))


@pytest.mark.parametrize("failed", [False, True])
def test_only_an_event_that_the_bus_refuses_goes_to_the_queue(function, monkeypatch, failed):
    module, queue = function("users", "post_confirmation"), _Queue()
    monkeypatch.setattr(module, "events", _Bus(failed))
    monkeypatch.setattr(module, "queues", queue)
    event = module.user_registered({"sub": "1", "email": "ada@people.example", "name": "Ada"}, "c-1")
    module.announce(event)
    assert queue.bodies == ([("https://queue.example", event.to_json())] if failed else [])


def test_plan_claim_defaults_to_free(function):
    handler = function("users", "pre_token_generation").handler
    context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r")

    def claims(**attributes):
        event = {"request": {"userAttributes": attributes, "groupConfiguration": {}}, "response": {}}
        return handler(event, context)["response"]["claimsOverrideDetails"]["claimsToAddOrOverride"]

    assert claims()["lumen:plan"] == "free"
    assert claims(**{"custom:plan": "studio"}) == {"lumen:role": "member", "lumen:plan": "studio"}
