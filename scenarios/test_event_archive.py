"""The archive of all events: a replay repeats the events, and no user gets a second message."""

import json
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fixtures.people import Person
from fixtures.services import Bus, Queues, user_registered
from harness import Deployment, NewFlow, Outbox

MINUTES_IN_TEN_WEEKS = 10 * 7 * 24 * 60


def _a_minute_of_its_own() -> datetime:
    """A minute of the last weeks that no other event has: a replay brings back all of its time range."""
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    return minute - timedelta(minutes=random.SystemRandom().randrange(60, MINUTES_IN_TEN_WEEKS))


def test_replayed_event_reaches_consumers_without_second_welcome(
    flow: NewFlow, aws: Callable[[str], Any], bus: Bus, deployment: Deployment, outbox: Outbox, queue: Queues
):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html"""
    person, minute = Person(), _a_minute_of_its_own()
    event = user_registered(person)
    audit = queue("notifications", "AuditQueue")
    with flow() as happened:
        bus.put("UserRegistered", "lumen.users", event, time=minute)
    happened.settle()
    assert [message.body["detail"] for message in audit.left_by(happened)] == [event]
    assert len(outbox.read(recipient=person.address)) == 1
    archive = aws("events").describe_archive(ArchiveName=deployment["platform"].resources["EventArchive"].physical_id)
    with flow() as happened_again:
        aws("events").start_replay(
            ReplayName=(replay := f"replay-{uuid.uuid4().hex[:12]}"),
            EventSourceArn=archive["ArchiveArn"],
            EventStartTime=minute,
            EventEndTime=minute + timedelta(seconds=59),
            Destination={"Arn": archive["EventSourceArn"]},
        )
    happened_again.settle()
    # An engine that stays up has other events of that minute, once in a while.
    [replayed] = [one for one in audit.left_by(happened_again) if one.body["detail"]["event_id"] == event["event_id"]]
    assert (replayed.body["detail"], replayed.body["replay-name"]) == (event, replay)
    assert len(outbox.read(recipient=person.address)) == 1, json.dumps(replayed.body)
