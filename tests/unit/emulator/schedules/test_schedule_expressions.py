"""https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from harness.emulator.schedules.expressions import InvalidScheduleError, parse

BEGAN = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)


def due(expression: str, *when: str, zone: str = "UTC") -> list[str]:
    parsed = parse(expression, one_time=True)
    times = [datetime.fromisoformat(one).replace(tzinfo=UTC) for one in when]
    return [w for w, t in zip(when, times, strict=True) if parsed.is_due(t, BEGAN, ZoneInfo(zone))]


@pytest.mark.parametrize(
    ("expression", "due_at", "not_due_at"),
    [
        # The examples of AWS's page.
        ("cron(0 10 * * ? *)", "2026-03-05T10:00", "2026-03-05T10:01"),
        ("cron(15 12 * * ? *)", "2026-03-05T12:15", "2026-03-05T11:15"),
        ("cron(0 18 ? * MON-FRI *)", "2026-03-06T18:00", "2026-03-07T18:00"),
        ("cron(0 8 1 * ? *)", "2026-03-01T08:00", "2026-03-02T08:00"),
        ("cron(0/15 * * * ? *)", "2026-03-01T08:45", "2026-03-01T08:50"),
        ("cron(0/5 8-17 ? * MON-FRI *)", "2026-03-06T17:55", "2026-03-06T18:00"),
        ("cron(0 9 ? * 2#1 *)", "2026-03-02T09:00", "2026-03-09T09:00"),
        ("cron(0 0 L * ? *)", "2026-02-28T00:00", "2026-02-27T00:00"),
        ("cron(0 0 ? * 6L *)", "2026-03-27T00:00", "2026-03-20T00:00"),
        # The 15th is a Sunday, so the weekday nearest to it is the 16th; the 1st too, and it stays in its month.
        ("cron(0 0 15W * ? *)", "2026-03-16T00:00", "2026-03-15T00:00"),
        ("cron(0 0 LW * ? *)", "2026-05-29T00:00", "2026-05-31T00:00"),
        ("cron(0 0 1,15 JAN,MAR ? 2026)", "2026-03-15T00:00", "2027-03-15T00:00"),
        ("at(2026-03-05T10:00:30)", "2026-03-05T10:00", "2026-03-05T10:01"),
    ],
)
def test_a_schedule_is_due_in_its_minutes_only(expression, due_at, not_due_at):
    assert due(expression, due_at, not_due_at) == [due_at]


def test_a_rate_counts_from_when_the_schedule_was_made():
    every = parse("rate(5 minutes)")
    minutes = [datetime(2026, 1, 1, 12, 0, tzinfo=UTC) + timedelta(minutes=n) for n in range(16)]
    assert [m.minute for m in minutes if every.is_due(m, BEGAN, UTC)] == [5, 10, 15]


def test_a_cron_is_of_the_time_zone_of_its_schedule():
    assert due("cron(0 9 * * ? *)", "2026-07-01T07:00", "2026-07-01T09:00", zone="Europe/Berlin") == [
        "2026-07-01T07:00"
    ]


def test_schedule_runs_once_when_clocks_are_put_back():
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time"""
    both = ("2026-10-25T00:30", "2026-10-25T01:30")  # 2:30 in Berlin, twice
    assert due("cron(30 2 * * ? *)", *both, zone="Europe/Berlin") == [both[0]]


@pytest.mark.parametrize(
    "wrong",
    [
        "rate(0 minutes)", "rate(1 minutes)", "rate(5 minute)", "rate(5 weeks)", "rate( minutes)", "rate(5 minutes) ",
        "cron(0 10 * * *)", "cron(0 10 * * * *)", "cron(0 10 ? * ? *)", "cron(60 10 * * ? *)", "cron(0 24 * * ? *)",
        "cron(0 0 32 * ? *)", "cron(0 0 ? * MOON *)", "cron(5-1 0 * * ? *)", "cron(0/0 0 * * ? *)", "every day", "",
        "at(2026-13-01T00:00:00)", "at(tomorrow)",
    ],
)  # fmt: skip
def test_invalid_schedule_expression_is_refused(wrong):
    with pytest.raises(InvalidScheduleError):
        parse(wrong, one_time=True)


def test_a_rule_has_no_one_time_schedule():
    with pytest.raises(InvalidScheduleError, match="cron"):
        parse("at(2026-03-05T10:00:30)")
