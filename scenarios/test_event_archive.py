"""The archive of all events: what happened can happen again, and nobody is told twice."""

import json
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fixtures.people import Person
from fixtures.queues import Queue
from fixtures.services import Bus, user_registered
from harness.deploy import Deployment
from harness.engine import Outbox

MINUTES_IN_TEN_WEEKS = 10 * 7 * 24 * 60


def _a_minute_of_its_own() -> datetime:
    """A minute of the last weeks that no other event has: a replay brings back all of its time range."""
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    return minute - timedelta(minutes=random.SystemRandom().randrange(60, MINUTES_IN_TEN_WEEKS))


def test_an_archived_event_is_replayed_to_the_consumers_and_welcomes_nobody_twice(
    aws: Callable[[str], Any], bus: Bus, deployment: Deployment, outbox: Outbox, queue: Callable[[str, str], Queue]
):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html"""
    person, minute = Person(), _a_minute_of_its_own()
    event = user_registered(person)
    audit = queue("notifications", "AuditQueue")
    bus.put("UserRegistered", "lumen.users", event, time=minute)
    audit.wait_for(lambda received: received.body["detail"] == event, what="the event")
    outbox.wait_for(recipient=person.address)
    platform, events = deployment["platform"].resources, aws("events")
    replay = f"replay-{uuid.uuid4().hex[:12]}"
    archive = events.describe_archive(ArchiveName=platform["EventArchive"].physical_id)
    events.start_replay(
        ReplayName=replay,
        EventSourceArn=archive["ArchiveArn"],
        EventStartTime=minute,
        EventEndTime=minute + timedelta(seconds=59),
        Destination={"Arn": archive["EventSourceArn"]},
    )
    replayed = audit.wait_for(lambda received: received.body["detail"] == event, what="the replayed event")
    assert replayed.body["replay-name"] == replay
    # The welcome of a registration that came later has left: so would have the second one.
    later = Person()
    bus.put("UserRegistered", "lumen.users", user_registered(later))
    outbox.wait_for(recipient=later.address)
    assert len(outbox.read(recipient=person.address)) == 1, json.dumps(replayed.body)
