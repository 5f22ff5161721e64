"""Messages to browsers about albums, pictures and campaigns: each browser receives those of its user only."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from typing import Any

import pytest
from joserfc import jwk, jwt
from websockets.exceptions import InvalidStatus

from fixtures.people import People, Person
from fixtures.push import PUSHED, Browser, Browsers, Happening, happening
from fixtures.services import Bus, Queues
from harness import Faults, Flow, Kind, NewFlow

TOPIC = {"Album": "albums", "Picture": "pictures", "Campaign": "campaigns"}
POST = "PostToConnection"


def publish(bus: Bus, event: Happening) -> None:
    bus.put(event.type, event.source, event.detail)


def topic_of(event_type: str) -> str:
    return next(topic for kind, topic in TOPIC.items() if event_type.startswith(kind))


def posts(f: Flow) -> list[str]:
    """The ids of the connections that something was posted to."""
    return [call.data["request"]["ConnectionId"] for call in f.find(Kind.CALL, name=POST)]


def functions_in(f: Flow) -> set[str]:
    return {name.split("-")[1] for name in (invocation.begin.name for invocation in f.find(Kind.INVOCATION))}


@pytest.mark.parametrize("event_type", PUSHED)
def test_subscriber_receives_events_about_their_own_data(
    flow: NewFlow, bus: Bus, people: People, browsers: Browsers, event_type: str
):
    browser = browsers.subscribed(people.registered(), topic_of(event_type))
    event = happening(event_type, browser.user_id)
    with flow() as f:
        publish(bus, event)
    f.settle()
    assert browser.told() == [event.shown]
    assert not f.explain()


def test_push_omits_events_about_another_user(flow: NewFlow, bus: Bus, people: People, browsers: Browsers):
    ada, grace = browsers.subscribed(people.registered()), browsers.subscribed(people.registered())
    event = happening("AlbumChanged", ada.user_id)
    with flow() as f:
        publish(bus, event)
    f.settle()
    assert ada.told() == [event.shown]
    assert grace.told() == []
    assert len(posts(f)) == 1


def test_push_reaches_every_tab_of_a_user(flow: NewFlow, bus: Bus, people: People, browsers: Browsers):
    person = people.registered()
    tabs = [browsers.subscribed(person), browsers.subscribed(person)]
    event = happening("PictureProcessed", tabs[0].user_id)
    with flow() as f:
        publish(bus, event)
    f.settle()
    assert [tab.told() for tab in tabs] == [[event.shown]] * 2


def test_push_without_subscription_sends_nothing(flow: NewFlow, bus: Bus, people: People, browsers: Browsers):
    browser = browsers.open(people.registered())
    with flow() as f:
        publish(bus, happening("AlbumCreated", browser.user_id))
    f.settle()
    assert browser.told() == []
    assert posts(f) == []


def test_push_after_unsubscribe_omits_the_topic(flow: NewFlow, bus: Bus, people: People, browsers: Browsers):
    browser = browsers.subscribed(people.registered())
    before = happening("AlbumCreated", browser.user_id)
    with flow() as f:
        publish(bus, before)
    f.settle()
    assert browser.unsubscribe("albums") == {"type": "subscribed", "topics": ["campaigns", "pictures"]}
    picture = happening("PictureRejected", browser.user_id)
    with flow() as later:
        publish(bus, happening("AlbumDeleted", browser.user_id))
        publish(bus, picture)
    later.settle()
    assert browser.told() == [before.shown, picture.shown]


def test_push_for_unknown_user_ends_without_error(
    flow: NewFlow, bus: Bus, queue: Queues, people: People, browsers: Browsers
):
    browser = browsers.subscribed(people.registered())
    with flow() as f:
        publish(bus, happening("CampaignCompleted", "nobody-who-is-here"))
    f.settle()
    assert "DeliverFunction" in functions_in(f)
    assert posts(f) == []
    assert browser.told() == []
    assert queue("push", "FailedPushesQueue").left_by(f) == []


@pytest.fixture
def accounts(people: People):
    """Twenty users with accounts that an administrator created: no event announces them."""

    def account(number: int) -> Person:
        person = Person(name=f"Guest {number}")
        pool = {"UserPoolId": people.user_pool_id, "Username": person.address}
        people.cognito.admin_create_user(
            **pool, MessageAction="SUPPRESS", UserAttributes=[{"Name": "email", "Value": person.address}]
        )
        people.cognito.admin_set_user_password(**pool, Password=person.password, Permanent=True)
        return person

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(account, range(20)))


def test_push_to_twenty_users_reaches_each_with_own_events(
    flow: NewFlow, bus: Bus, browsers: Browsers, accounts: list[Person]
):
    with ThreadPoolExecutor(4) as pool:
        opened: list[Browser] = list(pool.map(browsers.subscribed, accounts))
    with ThreadPoolExecutor(20) as pool:
        events = {browser.user_id: [happening(each, browser.user_id) for each in PUSHED[:3]] for browser in opened}
        with flow() as f:
            published = [
                pool.submit(copy_context().run, publish, bus, event) for own in events.values() for event in own
            ]
            for each in published:
                each.result()
        f.settle(timeout_seconds=120)
    assert len(events) == 20
    for browser in opened:
        told = {event["event_id"]: event for event in browser.told()}
        assert told == {event.shown["event_id"]: event.shown for event in events[browser.user_id]}
        assert len(browser.told()) == len(told)
    assert len(posts(f)) == 60


def test_ping_returns_pong(flow: NewFlow, people: People, browsers: Browsers):
    token = people.sign_in(people.registered()).id_token
    with flow() as f:
        browser = browsers.open_with(token)
        assert browser.ask({"action": "ping"}) == {"type": "pong"}
    f.settle()
    assert {"AuthorizeFunction", "ConnectFunction", "PingFunction"} == functions_in(f)
    assert not f.explain()


@pytest.mark.parametrize(
    "message",
    [{"action": "dance"}, {"hello": "world"}, {}, "hello", "[1, 2]", '"ping"', '{"action": ["ping"]}'],
    ids=json.dumps,
)
def test_unknown_action_returns_error_with_valid_actions(people: People, browsers: Browsers, message):
    answer = browsers.open(people.registered()).ask(message)
    assert answer["type"] == "error"
    assert all(action in answer["message"] for action in ("subscribe", "unsubscribe", "ping"))


@pytest.mark.parametrize("topics", [["news"], [], "albums", [["albums"]]], ids=json.dumps)
def test_unknown_topic_returns_error_with_valid_topics(people: People, browsers: Browsers, topics):
    browser = browsers.open(people.registered())
    answer = browser.ask({"action": "subscribe", "topics": topics})
    assert answer["type"] == "error"
    assert "albums, campaigns, pictures" in answer["message"]
    assert browser.subscribe("albums") == {"type": "subscribed", "topics": ["albums"]}


def test_closed_browser_connection_is_deleted_and_gets_no_push(
    flow: NewFlow, bus: Bus, people: People, browsers: Browsers, connections_of
):
    person = people.registered()
    with flow() as visit:
        browser = browsers.subscribed(person)
        assert len(connections_of(browser.user_id)) == 1
        browser.close()
    visit.settle()
    assert "DisconnectFunction" in functions_in(visit)
    assert connections_of(browser.user_id) == []
    with flow() as f:
        publish(bus, happening("AlbumChanged", browser.user_id))
    f.settle()
    assert posts(f) == []


def test_reconnected_browser_must_subscribe_again(flow: NewFlow, bus: Bus, people: People, browsers: Browsers):
    person = people.registered()
    browsers.subscribed(person).close()
    again = browsers.open(person)
    with flow() as f:
        publish(bus, happening("AlbumChanged", again.user_id))
    f.settle()
    assert again.told() == []
    assert again.subscribe("albums") == {"type": "subscribed", "topics": ["albums"]}


def test_push_removes_stale_connection(
    flow: NewFlow, bus: Bus, people: People, browsers: Browsers, faults: Faults, connections_of, queue: Queues
):
    """API Gateway invokes $disconnect on a best-effort basis."""
    person = people.registered()
    leaves = browsers.subscribed(person)
    [left] = connections_of(leaves.user_id)
    stays = browsers.subscribed(person)
    unheard = faults.failing(
        "dynamodb", "DeleteItem", code="AccessDeniedException", when=f"Key.connection_id.S == '{left}'"
    )
    with unheard, flow() as end:
        leaves.close()
        end.settle()
    assert left in connections_of(leaves.user_id)
    event = happening("PictureProcessed", leaves.user_id)
    with flow() as f:
        publish(bus, event)
    f.settle()
    assert left in posts(f)
    assert [call.error["code"] for call in f.find(Kind.CALL, name=POST) if call.error] == ["GoneException"]
    assert stays.told() == [event.shown]
    assert len(connections_of(leaves.user_id)) == 1
    assert queue("push", "FailedPushesQueue").left_by(f) == []


def test_push_failing_for_one_tab_reaches_others_and_is_kept(
    flow: NewFlow, bus: Bus, people: People, browsers: Browsers, faults: Faults, connections_of, queue: Queues
):
    person = people.registered()
    slow = browsers.subscribed(person)
    [connection] = connections_of(slow.user_id)
    other = browsers.subscribed(person)
    event = happening("CampaignFailed", slow.user_id)
    throttled = faults.failing(
        "apigatewaymanagementapi", POST, code="LimitExceededException", when=f"ConnectionId == '{connection}'"
    )
    with throttled, flow() as f:
        publish(bus, event)
        f.settle(hurry=True)
    [failed] = queue("push", "FailedPushesQueue").left_by(f)
    assert failed.body["detail"] == event.detail
    assert failed.attributes["ErrorMessage"].endswith(connection)
    assert slow.told() == []
    # Each of the three attempts delivers to every reachable browser, with the same id: a browser can drop duplicates.
    assert other.told() == [event.shown] * 3


def test_an_event_that_breaks_its_schema_ends_whole_in_the_queue(
    flow: NewFlow, bus: Bus, people: People, browsers: Browsers, queue: Queues
):
    browser = browsers.subscribed(people.registered())
    broken = happening("AlbumCreated", browser.user_id, revision="the first")
    with flow() as f:
        publish(bus, broken)
    f.settle(hurry=True)
    [failed] = queue("push", "FailedPushesQueue").left_by(f)
    assert failed.body["detail"] == broken.detail
    assert browser.told() == []


def refused(flow: NewFlow, browsers: Browsers, **query: str) -> tuple[int, Flow]:
    """The status with which a handshake is refused, and its flow."""
    with flow() as f, pytest.raises(InvalidStatus) as refusal:
        browsers.connect(**query)
    return refusal.value.response.status_code, f.settle()


def test_websocket_connect_without_token_returns_401(flow: NewFlow, browsers: Browsers):
    status, f = refused(flow, browsers)
    assert status == 401
    assert functions_in(f) == set()


@pytest.fixture(scope="module")
def forger() -> jwk.RSAKey:
    return jwk.RSAKey.generate_key(2048)


@pytest.fixture
def another_client(people: People) -> Iterator[People]:
    """The same users in an application that is not Lumen."""
    client = people.cognito.create_user_pool_client(
        UserPoolId=people.user_pool_id, ClientName="other", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    yield replace(people, client_id=client)
    people.cognito.delete_user_pool_client(UserPoolId=people.user_pool_id, ClientId=client)


@pytest.fixture(params=["nonsense", "a.b.c", "access", "expired", "forged", "changed", "of another client"])
def wrong_token(request: pytest.FixtureRequest, people: People, fire, forger: jwk.RSAKey) -> str:
    """A token that is none of a person's."""
    if request.param in ("nonsense", "a.b.c"):
        return str(request.param)
    person = people.registered()
    tokens = people.sign_in(person)
    if request.param == "access":
        return tokens.access_token
    if request.param == "expired":
        pool = {"user_pool_id": people.user_pool_id, "client_id": people.client_id}
        return str(fire("cognito-token-expiry", **pool, username=person.address)["id_token"])
    header, payload, signature = tokens.id_token.split(".")
    claims = decoded(payload)
    if request.param == "forged":
        return jwt.encode(decoded(header), claims, forger)
    if request.param == "changed":
        return f"{header}.{encoded({**claims, 'sub': 'somebody-else'})}.{signature}"
    other: People = request.getfixturevalue("another_client")
    return other.sign_in(person).id_token


def test_websocket_connect_with_wrong_token_returns_403(flow: NewFlow, browsers: Browsers, wrong_token: str):
    status, f = refused(flow, browsers, token=wrong_token)
    assert status == 403
    # The authorizer said no, and did not fail.
    assert functions_in(f) == {"AuthorizeFunction"}
    assert not [invocation.error for invocation in f.find(Kind.INVOCATION) if invocation.error]


def decoded(part: str) -> dict[str, Any]:
    """One part of a token, without a look at its signature."""
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
