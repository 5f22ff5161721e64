"""One clock for all schedules: each minute it runs those that are due, and a test runs one now
(`POST /_harness/fire`, kind `schedule`).

Schedules are read from where their services keep them, again each minute, so that what is changed, deleted or reset needs
no call to the clock. LocalStack 4.14.0 keeps a job for each rule: it outlives the rule, exists once more after each
PutTargets, and runs up to a minute early; the schedules of EventBridge Scheduler have none.

AWS invokes within the minute in which a schedule is due
(https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html).
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from harness.emulator.controls.timers import on_fire
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import patched, replaced
from harness.emulator.schedules.expressions import MINUTE, At, InvalidScheduleError, parse
from harness.journal.records import Kind

LOG = logging.getLogger(__name__)

KIND = "schedule"
THREAD = "harness-schedules"


@dataclass(frozen=True)
class Scheduled:
    """Something with a schedule, as its service has it now. `run` is given the time that it was due."""

    arn: str
    name: str
    expression: str
    enabled: bool
    began: datetime
    run: Callable[[datetime], int]
    """Hands its event to its targets; how many there are."""
    timezone: tzinfo = UTC
    ends: datetime | None = None
    completed: Callable[[], None] = lambda: None
    """What becomes of it after its last run."""

    @property
    def service(self) -> str:
        return self.arn.split(":")[2]

    def is_due(self, minute: datetime) -> bool:
        if not self.enabled or minute + MINUTE <= self.began or (self.ends and minute >= self.ends):
            return False
        try:
            return parse(self.expression, one_time=True).is_due(minute, self.began, self.timezone)
        except InvalidScheduleError:
            # Validated when it was made; an older state may hold what is refused by now.
            return False


Source = Callable[[], Iterator[Scheduled]]
_SOURCES: dict[str, Source] = {}
_STARTED = threading.Lock()


def install() -> None:
    on_fire(KIND)(fire_schedule)
    when_loaded("events", _stop_the_jobs_of_localstack)


def add_source(service: str, schedules: Source) -> None:
    """Where the schedules of a service are found. The clock begins to go with the first service that is loaded."""
    _SOURCES[service] = schedules
    if _STARTED.acquire(blocking=False):
        threading.Thread(target=_go, name=THREAD, daemon=True).start()


def _stop_the_jobs_of_localstack() -> None:
    from localstack.services.events.rule import RuleService
    from localstack.services.events.scheduler import JobScheduler

    replaced(
        JobScheduler,
        "start",
        classmethod(lambda cls: cls.instance()),
        because="a job outlives its rule, runs early, and twice after PutTargets",
        source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html",
    )

    @patched(
        RuleService.create_schedule_job,
        because="a job outlives its rule, runs early, and twice after PutTargets",
        source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html",
    )
    def create_schedule_job(_original: Any, _self: Any, _job: Any) -> None:
        return None


def _go() -> None:
    minute = _this_minute()
    while True:
        time.sleep(max(0.0, (minute + MINUTE - datetime.now(UTC)).total_seconds()))
        # A machine that slept comes back to the present; what was due meanwhile is past.
        minute = _this_minute()
        for scheduled in all_schedules():
            if scheduled.is_due(minute):
                threading.Thread(target=_run, args=(scheduled, minute), name="harness-schedule-run").start()


def _run(scheduled: Scheduled, when: datetime) -> None:
    try:
        scheduled.run(when)
        if isinstance(parse(scheduled.expression, one_time=True), At):
            scheduled.completed()
    except Exception:
        LOG.exception("the schedule %s could not be run", scheduled.arn)


def _this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def all_schedules() -> Iterator[Scheduled]:
    for source in list(_SOURCES.values()):
        yield from source()


def zone(name: str) -> tzinfo:
    """The time zone of this name. Raises ValueError for an unknown name."""
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"there is no time zone {name!r}") from error


# ---- on demand ---------------------------------------------------------------------------------------------------


def fire_schedule(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Run a schedule now: `schedule`, the name or the ARN of a rule or of a schedule of EventBridge Scheduler.

    Returns `{"schedule": its ARN, "state", "targets": how many were given the event}`. A disabled one
    invokes no target, and the journal records that.
    """
    if set(parameters) != {"schedule"} or not isinstance(parameters["schedule"], str) or not parameters["schedule"]:
        raise ValueError(f'{KIND} takes "schedule", the name or ARN of a rule with a schedule or of a schedule')
    scheduled = _find(parameters["schedule"])
    if not scheduled.enabled:
        _note_disabled(scheduled)
        return {"schedule": scheduled.arn, "state": "DISABLED", "targets": 0}
    targets = scheduled.run(datetime.now(UTC))
    if isinstance(parse(scheduled.expression, one_time=True), At):
        scheduled.completed()
    return {"schedule": scheduled.arn, "state": "ENABLED", "targets": targets}


def _find(named: str) -> Scheduled:
    there = list(all_schedules())
    found = [s for s in there if named in (s.arn, s.name, s.arn.partition(":schedule/")[2])]
    if not found:
        names = ", ".join(sorted(s.name for s in there)) or "none"
        raise LookupError(f"there is no schedule {named}, nor a rule of that name that has one; there are: {names}")
    if len(found) > 1:
        raise ValueError(f"{named} is the name of several: {', '.join(s.arn for s in found)}; give the ARN")
    return found[0]


def _note_disabled(scheduled: Scheduled) -> None:
    JOURNAL.note(
        Kind.DECISION,
        service=scheduled.service,
        name=scheduled.name,
        resource=scheduled.arn,
        account_id=scheduled.arn.split(":")[4],
        region=scheduled.arn.split(":")[3],
        data={"rule": scheduled.arn, "passed": False, "reason": "Disabled", "schedule": scheduled.expression},
    )
