"""Domain events about albums: every change is published once, in order, and none is lost."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fixtures.catalog import Listener, Owner
from fixtures.services import Queues
from harness import Faults, Flow, Kind, NewFlow

CATALOG = "lumen.catalog"
DEAD_LETTERS = "UnpublishedChangesDeadLetterQueue"
REFUSED = "AccessDeniedException"
"""An error that the SDK does not repeat
(https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html)."""


def _told(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(event["type"], event["data"]["revision"]) for event in events]


def _given(flow: Flow, owner: Owner) -> list[dict[str, Any]]:
    """The changes of one user's albums that functions received; a batch may hold changes of other users too."""
    events = [one.data["event"] for one in flow.find(Kind.INVOCATION)]
    records = [record for event in events for record in event.get("Records", []) if "dynamodb" in record]
    own = [record for record in records if owner.user_id in record["dynamodb"]["Keys"]["pk"]["S"]]
    # A neighbour in the batch that fails has all of it come again.
    return list({record["dynamodb"]["SequenceNumber"]: record for record in own}.values())


def _published(flow: Flow, owner: Owner) -> list[dict[str, Any]]:
    """The events about one user's albums, in the order in which the bus accepted them; delivery may reorder them."""
    calls = [call for call in flow.find(Kind.CALL, service="events", name="PutEvents") if call.error is None]
    entries = [entry for call in calls for entry in call.data["request"]["Entries"] if entry["Source"] == CATALOG]
    events = [json.loads(entry["Detail"]) for entry in entries]
    return [event for event in events if event["data"]["user_id"] == owner.user_id]


def _about(text: str) -> str:
    """A fault's condition: only events about this fail."""
    return f"contains(Entries[0].Detail, '{text}')"


@pytest.fixture
def nothing_given_up(queue: Queues) -> Iterator[None]:
    """No other test has changes given up now: what comes behind one in its batch goes with it, and out of its order."""
    with queue("catalog", DEAD_LETTERS).undisturbed():
        yield


def test_a_new_album_is_announced_once(flow: NewFlow, owner: Owner, listener: Listener):
    with flow() as f:
        album = owner.create("Dust Bowl")
    f.settle(hurry=True)
    [event] = listener.heard(f)
    assert event["type"] == "AlbumCreated"
    assert event["data"] == {
        "user_id": owner.user_id, "album_id": album["album_id"], "title": "Dust Bowl", "revision": 1
    }  # fmt: skip
    assert event["occurred_at"] == album["created_at"]
    # It also reports a failing neighbour in its batch.
    alone = all(len(batch.data["records"]) == 1 for batch in f.find(Kind.BATCH))
    assert not alone or not f.explain(), f.explain()


@pytest.mark.usefixtures("nothing_given_up")
def test_the_facts_of_an_album_come_in_their_order(flow: NewFlow, owner: Owner, listener: Listener):
    with flow() as f:
        album = owner.create("Dust Bowl")
        for number in range(2, 6):
            album = owner.change(album, f"Title {number}").json()
        assert owner.delete(album).status_code == 204
    f.settle(hurry=True)
    changes = [("AlbumChanged", revision) for revision in range(2, 6)]
    assert _told(_published(f, owner)) == [("AlbumCreated", 1), *changes, ("AlbumDeleted", 6)]
    heard = sorted(listener.heard(f), key=lambda event: event["data"]["revision"])
    assert heard == _published(f, owner)
    assert len({event["event_id"] for event in heard}) == len(heard)
    assert heard[-1]["data"] == {"user_id": owner.user_id, "album_id": album["album_id"], "revision": 6}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", heard[-1]["occurred_at"])


def test_refused_album_change_is_not_announced(
    flow: NewFlow, owner: Owner, owners: Callable[[], Owner], listener: Listener
):
    album, stranger = owner.create("Dust Bowl"), owners()
    with flow() as f:
        owner.send("POST", "/albums", {"title": ""})
        owner.change(album, "Too late", etag='"7"')
        stranger.change(album, "Not yours")
        stranger.delete(album)
        owner.read(album)
        owner.listed()
    f.settle()
    assert listener.heard(f) == []
    assert not [one for one in f.find(Kind.INVOCATION) if "PublishChanges" in one.begin.name]


def test_repeated_create_with_idempotency_key_is_announced_once(flow: NewFlow, owner: Owner, listener: Listener):
    with flow() as f:
        for _ in range(2):
            assert owner.send("POST", "/albums", {"title": "Once"}, Idempotency_Key="k-1").status_code == 201
    f.settle(hurry=True)
    assert _told(listener.heard(f)) == [("AlbumCreated", 1)]
    keys = [record["dynamodb"]["Keys"] for record in _given(f, owner)]
    assert [key["sk"]["S"].partition("#")[0] for key in keys] == ["ALBUM"]
    filtered = [one for one in f.find(Kind.DECISION, service="lambda") if not one.data["passed"]]
    assert len([one for one in filtered if owner.user_id in json.dumps(one.data)]) == 1


@pytest.mark.usefixtures("nothing_given_up")
def test_event_refused_temporarily_by_the_bus_is_published_later(
    flow: NewFlow, owner: Owner, listener: Listener, faults: Faults
):
    with faults.failing("events", "PutEvents", code=REFUSED, times=2, when=_about(owner.user_id)) as fault, flow() as f:
        album = owner.create("Dust Bowl")
        owner.change(album, "Migrant Mother")
        f.settle(hurry=True)
        assert fault.struck == 2
    assert _told(_published(f, owner)) == [("AlbumCreated", 1), ("AlbumChanged", 2)]
    assert sorted(_told(listener.heard(f)), key=lambda told: told[1]) == [("AlbumCreated", 1), ("AlbumChanged", 2)]


def test_in_a_batch_nothing_overtakes_what_failed(
    flow: NewFlow, owner: Owner, listener: Listener, faults: Faults, aws, deployment
):
    """https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html"""
    function = deployment["catalog"].resources["PublishChangesFunction"].physical_id
    with flow() as f:
        album = owner.create("Dust Bowl")
        owner.change(album, "Migrant Mother")
    f.settle(hurry=True)
    records = _given(f, owner)
    assert len(records) == 2
    with faults.failing("events", "PutEvents", code=REFUSED, times=1, when=_about(owner.user_id)), flow() as batch:
        answer = aws("lambda").invoke(FunctionName=function, Payload=json.dumps({"Records": records}))
    batch.settle()
    failed = [{"itemIdentifier": records[0]["dynamodb"]["SequenceNumber"]}]
    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": failed}
    assert listener.heard(batch) == []


def test_a_redelivered_record_has_the_event_id_that_it_had(
    flow: NewFlow, owner: Owner, listener: Listener, aws, deployment
):
    function = deployment["catalog"].resources["PublishChangesFunction"].physical_id
    with flow() as f:
        owner.create("Dust Bowl")
    f.settle(hurry=True)
    # Lambda may give a record more than once (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html).
    with flow() as again:
        aws("lambda").invoke(FunctionName=function, Payload=json.dumps({"Records": _given(f, owner)}))
    again.settle()
    [first], [second] = listener.heard(f), listener.heard(again)
    assert first == second


def test_change_refused_by_bus_is_dead_lettered_and_redriven(
    flow: NewFlow, owner: Owner, listener: Listener, faults: Faults, queue: Queues
):
    dead_letters = queue("catalog", DEAD_LETTERS)
    with dead_letters.alone():
        with faults.failing("events", "PutEvents", code=REFUSED, when=_about(owner.user_id)), flow() as f:
            album = owner.create("Dust Bowl", description="California, 1936")
            # The stream's attempts, then the queue's: minutes lie between them, which are over at once here.
            f.settle(hurry=True)
        [dead] = dead_letters.left_by(f)
        kept = dead.body["dynamodb"]["NewImage"]
        assert (dead.body["eventName"], kept["album_id"]["S"]) == ("INSERT", album["album_id"])
        assert kept["description"]["S"] == "California, 1936"
        assert listener.heard(f) == []
        with flow() as moved:
            dead_letters.move_back()
        # What other tests left there is moved, too, and some of it fails again.
        moved.settle(hurry=True)
    [event] = listener.heard(moved)
    assert (event["type"], event["data"]["album_id"]) == ("AlbumCreated", album["album_id"])
    assert event["occurred_at"] == album["created_at"]


def test_poison_change_is_dead_lettered_and_others_are_announced(
    flow: NewFlow, owner: Owner, listener: Listener, queue: Queues, aws, deployment
):
    """A manual repair of the table has created an album that no event can describe."""
    dead_letters = queue("catalog", DEAD_LETTERS)
    table = deployment["catalog"].resources["AlbumsTable"].physical_id
    with dead_letters.alone():
        with flow() as f:
            first = owner.create("Before")
            aws("dynamodb").put_item(
                TableName=table,
                Item={
                    "pk": {"S": f"USER#{owner.user_id}"},
                    "sk": {"S": "ALBUM#poison"},
                    "user_id": {"S": owner.user_id},
                },
            )
            second = owner.create("After")
            f.settle(hurry=True)
        [dead] = dead_letters.left_by(f)
        assert dead.body["dynamodb"]["Keys"]["sk"]["S"] == "ALBUM#poison"
    told = {event["data"]["album_id"] for event in listener.heard(f)}
    assert told == {first["album_id"], second["album_id"]}
