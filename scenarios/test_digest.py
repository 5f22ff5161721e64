"""The nightly digest: the week's new albums, to every user who wants news."""

import json
import secrets
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from fixtures.campaigns import AWAITS, Campaigns, album_event, published
from fixtures.catalog import Owner
from fixtures.services import Bus, Queues
from harness import Activity, Deployment, Faults, Flow, Kind, NewFlow, Schedules
from harness.journal.records import Phase


def _a_night() -> datetime:
    """A scheduled time that no other test uses for the digest; its albums are those of the week before."""
    return datetime(2031, 1, 1, 3, tzinfo=UTC) + timedelta(seconds=secrets.randbelow(10**9))


def _scheduled(aws: Callable[[str], Any], deployment: Deployment, night: datetime) -> list[str]:
    """Give the digest what the schedule gives it; returns the campaigns of that night, one for every 1 000 readers."""
    answer = aws("lambda").invoke(
        FunctionName=deployment["campaigns"].resources["DigestFunction"].physical_id,
        Payload=json.dumps({"scheduled_time": f"{night:%Y-%m-%dT%H:%M:%SZ}"}),
    )
    assert "FunctionError" not in answer, answer["Payload"].read().decode()
    started: list[str] = json.load(answer["Payload"])
    return started


def _made(bus: Bus, flow: NewFlow, *events: dict[str, Any]) -> Flow:
    with flow() as f:
        for event in events:
            bus.put(event["type"], "lumen.catalog", event)
    return f.settle()


def _titles(campaigns: Campaigns, digests: Iterable[str]) -> set[str]:
    texts = [campaigns.saas.seen(digest)["content"]["text"] for digest in digests]
    return {line.removeprefix("- ") for text in texts for line in text.splitlines() if line.startswith("- ")}


def _mailed(campaigns: Campaigns, digests: Iterable[str]) -> list[str]:
    return [recipient["id"] for digest in digests for recipient in campaigns.saas.seen(digest)["content"]["recipients"]]


def test_digest_of_new_albums_is_sent_to_users_who_want_news(
    flow: NewFlow, aws, bus: Bus, campaigns: Campaigns, deployment: Deployment
):
    night, reader, other = _a_night(), campaigns.reader(), campaigns.reader(wants_news=False)
    new, old = f"New {uuid.uuid4()}", f"Old {uuid.uuid4()}"
    _made(
        bus,
        flow,
        album_event("AlbumCreated", new, 1, at=night - timedelta(days=6), title=new),
        album_event("AlbumCreated", old, 1, at=night - timedelta(days=8), title=old),
    )
    with flow() as f:
        digests = _scheduled(aws, deployment, night)
    f.settle(waiting_for=AWAITS)
    assert new in _titles(campaigns, digests)
    assert old not in _titles(campaigns, digests)
    mailed = _mailed(campaigns, digests)
    assert mailed.count(reader) == 1
    assert other not in mailed
    with flow() as f:
        for digest in digests:
            campaigns.saas.call_back(digest, "done")
    f.settle()
    assert [event for event, _ in published(f)] == ["CampaignCompleted"] * len(digests)


def test_a_night_that_is_delivered_twice_has_one_digest(
    flow: NewFlow, aws, bus: Bus, campaigns: Campaigns, deployment: Deployment
):
    night, album = _a_night(), str(uuid.uuid4())
    campaigns.reader()
    _made(bus, flow, album_event("AlbumCreated", album, 1, at=night - timedelta(days=1), title=album))
    with flow() as f:
        digests = _scheduled(aws, deployment, night)
        # One more for the readers that came meanwhile, on an engine that has some thousand.
        again = _scheduled(aws, deployment, night)
        assert again[0] == digests[0]
    f.settle(waiting_for=AWAITS)
    assert {campaigns.saas.seen(digest)["times_accepted"] for digest in {*digests, *again}} == {1}


def test_digest_has_latest_title_and_omits_deleted_album(
    flow: NewFlow, aws, bus: Bus, campaigns: Campaigns, deployment: Deployment
):
    night, renamed, gone = _a_night(), str(uuid.uuid4()), str(uuid.uuid4())
    campaigns.reader()
    at = night - timedelta(days=1)
    # The bus keeps no order.
    for event in (
        album_event("AlbumDeleted", gone, 2, at=at),
        album_event("AlbumCreated", gone, 1, at=at, title=gone),
        album_event("AlbumChanged", renamed, 3, at=at, title=f"{renamed}, at last"),
        album_event("AlbumChanged", renamed, 2, at=at, title=f"{renamed}, better"),
        album_event("AlbumCreated", renamed, 1, at=at, title=renamed),
    ):
        _made(bus, flow, event)
    with flow() as f:
        digests = _scheduled(aws, deployment, night)
    f.settle(waiting_for=AWAITS)
    told = _titles(campaigns, digests)
    assert f"{renamed}, at last" in told
    assert not {renamed, f"{renamed}, better", gone} & told


def test_digest_omits_album_deleted_by_its_owner(
    flow: NewFlow, aws, campaigns: Campaigns, deployment: Deployment, owner: Owner
):
    night = datetime.now(UTC) + timedelta(hours=1, seconds=secrets.randbelow(10**5))
    kept, deleted = str(uuid.uuid4()), str(uuid.uuid4())
    campaigns.reader()
    with flow() as f:
        owner.create(kept)
        assert owner.delete(owner.create(deleted)).status_code == 204
    f.settle(hurry=True)
    with flow() as f:
        digests = _scheduled(aws, deployment, night)
    f.settle(waiting_for=AWAITS)
    told = _titles(campaigns, digests)
    assert kept in told
    assert deleted not in told


def test_the_schedule_starts_the_digest_of_this_night(
    flow: NewFlow, bus: Bus, campaigns: Campaigns, schedules: Schedules
):
    album, reader = str(uuid.uuid4()), campaigns.reader()
    _made(bus, flow, album_event("AlbumCreated", album, 1, at=datetime.now(UTC) - timedelta(minutes=1), title=album))
    with flow() as f:
        assert schedules.fire("NightlyDigest")["targets"] == 1
    f.settle(waiting_for=AWAITS)
    # Only the input names the night: the time for which the run was scheduled.
    digests = {execution.begin.resource.rpartition(":")[2] for execution in _executions(f)}
    assert len({digest.rpartition("-")[0] for digest in digests}) == 1
    assert all(digest.startswith(f"digest-{datetime.now(UTC):%Y}") for digest in digests)
    assert album in _titles(campaigns, digests)
    assert reader in _mailed(campaigns, digests)


def _executions(flow: Flow) -> list[Activity]:
    return [a for a in flow.find(Kind.TRANSITION) if a.begin.phase is not Phase.NOTE]


def test_a_digest_that_cannot_start_is_kept_whole(
    flow: NewFlow, aws, bus: Bus, campaigns: Campaigns, deployment: Deployment, faults: Faults, queue: Queues
):
    night, album = _a_night(), str(uuid.uuid4())
    campaigns.reader()
    _made(bus, flow, album_event("AlbumCreated", album, 1, at=night - timedelta(days=1), title=album))
    event = {"scheduled_time": f"{night:%Y-%m-%dT%H:%M:%SZ}"}
    refused = faults.failing(
        "stepfunctions",
        "StartExecution",
        code="AccessDeniedException",
        when=f"name == 'digest-{night:%Y%m%dT%H%M%S}-1'",
    )
    with refused, flow() as f:
        aws("lambda").invoke(
            FunctionName=deployment["campaigns"].resources["DigestFunction"].physical_id,
            InvocationType="Event",
            Payload=json.dumps(event),
        )
        f.settle(hurry=True)
    [dead] = queue("campaigns", "FailedEventsQueue").left_by(f)
    assert dead.body == event
