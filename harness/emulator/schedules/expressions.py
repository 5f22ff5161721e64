"""Schedule expressions: `cron(...)`, `rate(...)` and, of EventBridge Scheduler, `at(...)`.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

MINUTE = timedelta(minutes=1)
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
# AWS counts the days of the week from Sunday, 1.
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_RATE = re.compile(r"rate\(([1-9]\d*) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\(([^()]+)\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_SPECIAL = re.compile(r"L|LW|\d+W|\d+L|\d+#[1-5]|\?")


class InvalidScheduleError(ValueError):
    """The expression is none; the message says what of it."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so often, from its beginning on."""

    every: timedelta

    def is_due(self, minute: datetime, began: datetime, timezone: tzinfo) -> bool:
        """Whether it is due in the minute that begins then. `began`: when the schedule was made, or its start date."""
        del timezone  # an interval has none
        elapsed = minute + MINUTE - began
        return elapsed >= self.every and elapsed % self.every < MINUTE


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a local time."""

    when: datetime

    def is_due(self, minute: datetime, began: datetime, timezone: tzinfo) -> bool:
        del began
        return minute <= self.when.replace(tzinfo=timezone).astimezone(UTC) < minute + MINUTE


@dataclass(frozen=True, slots=True)
class Cron:
    """Minutes of a calendar; each field of the expression is a test of a local time."""

    fields: tuple[Callable[[datetime], bool], ...]

    def is_due(self, minute: datetime, began: datetime, timezone: tzinfo) -> bool:
        del began
        local = minute.astimezone(timezone)
        # Where clocks are put back, a schedule runs in the first of the two hours only.
        # https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#daylist-savings-time
        return not local.fold and all(field(local) for field in self.fields)


Expression = Rate | At | Cron


def parse(text: str, *, one_time: bool = False) -> Expression:
    """The expression. `one_time` takes `at(...)` too, as EventBridge Scheduler does. Raises InvalidScheduleError."""
    if found := _RATE.fullmatch(text):
        value, unit, plural = int(found[1]), found[2], found[3]
        if (value == 1) is bool(plural):
            raise InvalidScheduleError(f"{text}: the unit of 1 is singular, of more plural")
        return Rate(timedelta(**{f"{unit}s": value}))
    if found := _CRON.fullmatch(text):
        return _cron(text, found[1].split())
    if one_time and (found := _AT.fullmatch(text)):
        try:
            return At(datetime.fromisoformat(found[1]))
        except ValueError as error:
            raise InvalidScheduleError(f"{text}: {error}") from error
    kinds = "cron(fields), rate(value unit)" + (" or at(yyyy-mm-ddThh:mm:ss)" if one_time else "")
    raise InvalidScheduleError(f"{text}: a schedule is {kinds}")


def _cron(text: str, fields: list[str]) -> Cron:
    if len(fields) != 6:
        raise InvalidScheduleError(f"{text}: it has {len(fields)} fields, not minutes hours day month weekday year")
    minutes, hours, days, months, weekdays, years = (field.upper() for field in fields)
    if (days == "?") == (weekdays == "?"):
        raise InvalidScheduleError(f"{text}: one of day and weekday, and only one, is ?")
    try:
        return Cron(
            (
                _numbers(minutes, 0, 59, lambda t: t.minute),
                _numbers(hours, 0, 23, lambda t: t.hour),
                _days(days),
                _numbers(months, 1, 12, lambda t: t.month, _MONTHS),
                _weekdays(weekdays),
                _numbers(years, 1970, 2199, lambda t: t.year),
            )
        )
    except ValueError as error:
        raise InvalidScheduleError(f"{text}: {error}") from error


def _numbers(
    field: str, low: int, high: int, of: Callable[[datetime], int], names: dict[str, int] | None = None
) -> Callable[[datetime], bool]:
    wanted = {number for part in field.split(",") for number in _range(part, low, high, names or {})}
    return lambda time: of(time) in wanted


def _range(part: str, low: int, high: int, names: dict[str, int]) -> range:
    """`*`, `5`, `1-5`, `MON-FRI`, `0/15`, `1-10/2`."""
    span, slash, step = part.partition("/")
    first, dash, last = span.partition("-")
    if span == "*":
        begin, end = low, high
    else:
        begin = _number(first, names)
        end = _number(last, names) if dash else (high if slash else begin)
    by = _number(step, {}) if slash else 1
    if not (low <= begin <= high and low <= end <= high) or by < 1:
        raise ValueError(f"{part} is not within {low} to {high}")
    if begin > end:
        raise ValueError(f"{part} ends before it begins")
    return range(begin, end + 1, by)


def _number(text: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no value of its field")
    return int(text)


def _days(field: str) -> Callable[[datetime], bool]:
    """Days of a month: numbers, `L` (the last), `LW` (the last weekday), `15W` (the weekday nearest to the 15th)."""
    if field == "?":
        return lambda _: True
    if not _SPECIAL.fullmatch(field):
        return _numbers(field, 1, 31, lambda t: t.day)
    if field == "L":
        return lambda t: t.day == _last_day(t)
    if field == "LW":
        return lambda t: t.day == _nearest_weekday(t, _last_day(t))
    if field.endswith("W") and 1 <= (day := int(field[:-1])) <= 31:
        return lambda t: day <= _last_day(t) and t.day == _nearest_weekday(t, day)
    raise ValueError(f"{field!r} is no day of a month")


def _weekdays(field: str) -> Callable[[datetime], bool]:
    """Days of a week: 1 is Sunday. `6L` is the last Friday of the month, `2#1` its first Monday, `L` Saturday."""
    if field == "?":
        return lambda _: True
    if field == "L":
        return lambda t: _weekday(t) == 7
    named = re.sub("|".join(_DAYS), lambda found: str(_DAYS[found[0]]), field)
    if found := re.fullmatch(r"([1-7])L", named):
        last = int(found[1])
        return lambda t: _weekday(t) == last and t.day > _last_day(t) - 7
    if found := re.fullmatch(r"([1-7])#([1-5])", named):
        day, week = int(found[1]), int(found[2])
        return lambda t: _weekday(t) == day and (t.day - 1) // 7 + 1 == week
    return _numbers(named, 1, 7, _weekday)


def _weekday(time: datetime) -> int:
    return time.isoweekday() % 7 + 1


def _last_day(time: datetime) -> int:
    return calendar.monthrange(time.year, time.month)[1]


def _nearest_weekday(time: datetime, day: int) -> int:
    """Within the month: of Saturday the 1st that is Monday the 3rd."""
    match calendar.weekday(time.year, time.month, day):
        case calendar.SATURDAY:
            return day - 1 if day > 1 else day + 2
        case calendar.SUNDAY:
            return day + 1 if day < _last_day(time) else day - 2
    return day
