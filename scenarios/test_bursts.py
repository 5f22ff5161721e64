"""Bursts: an album that gets many clicks within a minute is trending at once, and has a report."""

import json
from typing import Any

import pytest

from fixtures.analytics import BURST_CLICKS, Analytics, click_on, unique_album
from fixtures.services import Queues
from harness import Faults, Flow, Kind, NewFlow

REFUSED = "AccessDeniedException"
"""A refusal that the SDK does not repeat."""
MINUTE = "2026-03-01T12:00"


def _clicks(album_id: str, count: int) -> list[dict[str, Any]]:
    """All within one minute, whenever the test runs."""
    return [click_on(album_id, at=f"{MINUTE}:{n % 60:02}.000Z") for n in range(count)]


def _burst(album_id: str) -> str:
    return json.dumps({"album_id": album_id, "minute": MINUTE, "clicks": BURST_CLICKS})


def _publish(analytics: Analytics, album_id: str) -> None:
    """Announce a burst, as the aggregation does."""
    analytics.aws("sns").publish(TopicArn=analytics.physical_id("BurstsTopic"), Message=_burst(album_id))


def _announcements(flow: Flow, album_id: str) -> int:
    """How often a burst of this album was announced; other tests' clicks may come in the same batch."""
    messages = [call.data["request"]["Message"] for call in flow.find(Kind.CALL, service="sns", name="Publish")]
    return sum(json.loads(message)["album_id"] == album_id for message in messages)


def _report_of(album_id: str) -> str:
    """A fault's condition: only reports of this album are not written."""
    return f"starts_with(Key, 'reports/{album_id}/')"


def _trend_of(album_id: str) -> str:
    """A fault's condition: only the trend of this album is not written."""
    return f"contains(UpdateExpression, 'minutes') && Key.album_id.S == '{album_id}'"


def test_many_clicks_in_a_minute_make_a_trend_and_a_report(flow: NewFlow, analytics: Analytics):
    album = unique_album()
    with flow() as f:
        analytics.put(*_clicks(album, BURST_CLICKS))
    f.settle(hurry=True)
    assert analytics.trending(album) == {MINUTE}
    [report] = analytics.reports(album)
    assert report == {
        "album_id": album,
        "burst": {"minute": MINUTE, "clicks": report["burst"]["clicks"]},
        "days": {MINUTE[:10]: {"clicks": BURST_CLICKS, "clicks_open": BURST_CLICKS}},
    }
    assert report["burst"]["clicks"] >= BURST_CLICKS


def test_clicks_below_the_threshold_make_no_burst(flow: NewFlow, analytics: Analytics):
    album = unique_album()
    with flow() as f:
        analytics.put(*_clicks(album, BURST_CLICKS - 1))
    f.settle(hurry=True)
    assert analytics.counted(album)["clicks"] == BURST_CLICKS - 1
    assert (analytics.trending(album), analytics.reports(album)) == (set(), [])
    assert _announcements(f, album) == 0


def test_clicks_of_two_minutes_are_no_burst_of_one(flow: NewFlow, analytics: Analytics):
    album = unique_album()
    later = [click | {"at": f"2026-03-01T12:01:{n:02}.000Z"} for n, click in enumerate(_clicks(album, 10))]
    with flow() as f:
        analytics.put(*_clicks(album, BURST_CLICKS - 5), *later)
    f.settle(hurry=True)
    assert analytics.counted(album)["clicks"] == BURST_CLICKS + 5
    assert (analytics.trending(album), analytics.reports(album)) == (set(), [])


def test_continuing_burst_is_announced_once(flow: NewFlow, analytics: Analytics):
    album = unique_album()
    announced = []
    for count in (BURST_CLICKS, 3, 3):
        with flow() as f:
            analytics.put(*_clicks(album, count))
        f.settle(hurry=True)
        announced.append(_announcements(f, album))
    assert announced == [1, 0, 0]
    assert analytics.trending(album) == {MINUTE}


def test_burst_announced_twice_makes_one_trend_and_one_report(flow: NewFlow, analytics: Analytics, faults: Faults):
    """The aggregation crashes after it has announced it, before it has noted that."""
    album = unique_album()
    noting = f"UpdateExpression == 'SET announced = :yes' && Key.album_id.S == '{album}'"
    with faults.failing("dynamodb", "UpdateItem", code=REFUSED, times=1, when=noting) as fault, flow() as f:
        analytics.put(*_clicks(album, BURST_CLICKS))
        f.settle(hurry=True)
        assert fault.struck == 1
    assert _announcements(f, album) == 2
    assert analytics.counted(album)["clicks"] == BURST_CLICKS
    assert analytics.trending(album) == {MINUTE}
    assert len(analytics.reports(album)) == 1


def test_failed_trend_is_kept_whole_and_report_is_still_made(
    flow: NewFlow, analytics: Analytics, faults: Faults, queue: Queues
):
    album = unique_album()
    with faults.failing("dynamodb", "UpdateItem", code=REFUSED, when=_trend_of(album)) as fault, flow() as f:
        _publish(analytics, album)
        f.settle(hurry=True)
        assert fault.struck == 3
    [kept] = queue("analytics", "TrendingFailuresQueue").left_by(f)
    [record] = kept.body["requestPayload"]["Records"]
    assert record["Sns"]["Message"] == _burst(album)
    assert kept.body["requestContext"]["condition"] == "RetriesExhausted"
    assert analytics.trending(album) == set()
    assert len(analytics.reports(album)) == 1


def test_kept_trend_is_written_when_function_is_invoked_again(
    flow: NewFlow, analytics: Analytics, faults: Faults, queue: Queues
):
    album = unique_album()
    with faults.failing("dynamodb", "UpdateItem", code=REFUSED, when=_trend_of(album)), flow() as f:
        _publish(analytics, album)
        f.settle(hurry=True)
    [kept] = queue("analytics", "TrendingFailuresQueue").left_by(f)
    with flow() as again:
        analytics.aws("lambda").invoke(
            FunctionName=analytics.physical_id("TrendingFunction"),
            InvocationType="Event",
            Payload=json.dumps(kept.body["requestPayload"]),
        )
    again.settle(hurry=True)
    assert analytics.trending(album) == {MINUTE}


def test_report_batches_hold_ten_and_retry_only_the_failed_one(
    flow: NewFlow, analytics: Analytics, faults: Faults, queue: Queues
):
    albums = [unique_album() for _ in range(14)]
    unlucky = albums[5]
    dead_letters = queue("analytics", "ReportsDeadLetterQueue")
    entries = [{"Id": str(n), "MessageBody": _burst(album)} for n, album in enumerate(albums)]
    reports = {"QueueUrl": analytics.physical_id("ReportsQueue")}
    sent: list[str] = []
    with (
        dead_letters.undisturbed(),
        faults.failing("s3", "PutObject", code=REFUSED, status=403, when=_report_of(unlucky)) as fault,
    ):
        with flow() as f:
            for part in (entries[:10], entries[10:]):
                answer = analytics.aws("sqs").send_message_batch(Entries=part, **reports)
                sent += [one["MessageId"] for one in answer["Successful"]]
        f.settle(hurry=True)
        assert fault.struck == 3
        [dead] = dead_letters.left_by(f)
        assert dead.body["album_id"] == unlucky
        made = {album: len(analytics.reports(album)) for album in albums}
        assert made == {album: int(album != unlucky) for album in albums}
    batches = [batch for batch in f.find(Kind.BATCH) if "ReportsQueue" in batch.data["source"]]
    assert max(len(batch.data["records"]) for batch in batches) <= 10
    received = [one["id"] for batch in batches for one in batch.data["records"]]
    # With them, in the same batch, other tests' reports may come.
    assert [received.count(one) for one in sent] == [3 if album == unlucky else 1 for album in albums]


def test_a_report_that_failed_is_made_once_it_is_moved_back(
    flow: NewFlow, analytics: Analytics, faults: Faults, queue: Queues
):
    album = unique_album()
    dead_letters = queue("analytics", "ReportsDeadLetterQueue")
    with dead_letters.alone():
        with (
            faults.failing("s3", "PutObject", code=REFUSED, status=403, when=_report_of(album)),
            flow() as f,
        ):
            _publish(analytics, album)
            f.settle(hurry=True)
        assert len(dead_letters.left_by(f)) == 1
        # The other subscriber of the topic is not affected.
        assert (analytics.trending(album), analytics.reports(album)) == ({MINUTE}, [])
        with flow() as moved:
            dead_letters.move_back()
        moved.settle(hurry=True)
        assert dead_letters.left_by(f) == []
    assert len(analytics.reports(album)) == 1


@pytest.mark.parametrize("message", ["no JSON", '{"album_id": 7}'])
def test_invalid_burst_message_is_dead_lettered_by_consumers(
    flow: NewFlow, analytics: Analytics, queue: Queues, message: str
):
    dead_letters = queue("analytics", "ReportsDeadLetterQueue")
    with dead_letters.undisturbed():
        with flow() as f:
            analytics.aws("sns").publish(TopicArn=analytics.physical_id("BurstsTopic"), Message=message)
        f.settle(hurry=True)
        assert len(dead_letters.left_by(f)) == 1
    [kept] = queue("analytics", "TrendingFailuresQueue").left_by(f)
    assert kept.body["requestPayload"]["Records"][0]["Sns"]["Message"] == message
