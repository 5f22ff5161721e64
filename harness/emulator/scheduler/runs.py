"""EventBridge Scheduler: its schedules run, with the role of their target, retries and a dead-letter queue.

LocalStack 4.14.0 keeps schedules (in moto) and never runs them.

- A target is called as its `RoleArn`, which the Scheduler must be allowed to assume.
- Without `Input` the target is given a notification; `<aws.scheduler.…>` in it is replaced by what this run is.
- A *templated* target is a resource, a *universal* one an operation of an AWS service
  (https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html).
- What cannot be delivered is tried again as the retry policy says, then sent to the dead-letter queue
  (https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html).
- A flexible time window begins when the schedule is due; it is invoked then.
"""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from localstack.aws.connect import connect_to
from localstack.utils.aws.arns import sqs_queue_url_for_arn
from localstack.utils.xray.trace_header import TraceHeader

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal.activity import activity, error_of
from harness.emulator.journal.causes import CAUSE, doing
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.journal.waiting import Later
from harness.emulator.patches import patched
from harness.emulator.scheduler import targets
from harness.emulator.schedules.clock import Scheduled, add_source, zone
from harness.emulator.schedules.expressions import InvalidScheduleError, parse
from harness.emulator.schedules.retries import may_pass, pause_after
from harness.journal.records import Kind

LOG = logging.getLogger(__name__)

SERVICE = "scheduler"


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.aws.api.scheduler import ResourceNotFoundException, ValidationException
    from moto.scheduler.models import EventBridgeSchedulerBackend

    def check(backend: Any, schedule: Mapping[str, Any]) -> None:
        expression = schedule["schedule_expression"]
        try:
            parse(expression, one_time=True)
        except InvalidScheduleError:
            raise ValidationException(f"Invalid Schedule Expression {expression}.") from None
        try:
            zone(schedule.get("schedule_expression_timezone") or "UTC")
            targets.call_of(schedule["target"])
        except ValueError as error:
            raise ValidationException(str(error)) from None
        if (schedule.get("group_name") or "default") not in backend.schedule_groups:
            raise ResourceNotFoundException(f"Schedule group {schedule['group_name']} does not exist.")
        queue = (schedule["target"].get("DeadLetterConfig") or {}).get("Arn") or ""
        if queue.endswith(".fifo"):
            raise ValidationException("A FIFO queue cannot be the dead-letter queue of a schedule.")

    @patched(
        EventBridgeSchedulerBackend.create_schedule,
        because="schedules are kept and never run",
        source="https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html",
    )
    def create(original: Any, self: Any, **schedule: Any) -> Any:
        check(self, schedule)
        return original(self, **schedule)

    @patched(
        EventBridgeSchedulerBackend.update_schedule,
        because="schedules are kept and never run",
        source="https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html",
    )
    def update(original: Any, self: Any, **schedule: Any) -> Any:
        check(self, schedule)
        updated = original(self, **schedule)
        # An update that does not say it is a schedule that is enabled.
        updated.state = updated.state or "ENABLED"
        return updated

    add_source(SERVICE, _schedules)


def _schedules() -> Iterator[Scheduled]:
    from moto.scheduler.models import scheduler_backends

    for regions in list(scheduler_backends.values()):
        for backend in list(regions.values()):
            for group in list(backend.schedule_groups.values()):
                for schedule in list(group.schedules.values()):
                    yield Scheduled(
                        arn=schedule.arn,
                        name=schedule.name,
                        expression=schedule.schedule_expression,
                        enabled=schedule.state == "ENABLED",
                        began=_time(schedule.start_date) or datetime.fromtimestamp(schedule.creation_date, UTC),
                        ends=_time(schedule.end_date),
                        timezone=zone(schedule.schedule_expression_timezone),
                        run=partial(_run, schedule),
                        completed=partial(_complete, group, schedule),
                    )


def _time(value: Any) -> datetime | None:
    return datetime.fromtimestamp(float(value), UTC) if value else None


def _complete(group: Any, schedule: Any) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html"""
    if schedule.action_after_completion == "DELETE":
        group.schedules.pop(schedule.name, None)


def _run(schedule: Any, when: datetime) -> int:
    caused_by = CAUSE.get()
    trace = TraceHeader(root=caused_by.trace if caused_by and caused_by.trace else None).ensure_root_exists()
    _, _, _, region, account, _ = schedule.arn.split(":", 5)
    run = _Invocation(schedule, when)
    note = JOURNAL.note(
        Kind.TIMER,
        service=SERVICE,
        name=schedule.name,
        resource=schedule.arn,
        trace=trace.root,
        account_id=account,
        region=region,
        data={"what": "schedule", "schedule": schedule.schedule_expression, "event": run.payload},
    )
    with doing(note):
        run.make()
    return 1


@dataclass
class _Invocation:
    """One run of a schedule; the same object makes the next attempt."""

    schedule: Any
    when: datetime
    number: int = 0
    execution_id: str = field(default_factory=lambda: uuid4().hex[:16])
    began: float = field(default_factory=time.time)

    @property
    def target(self) -> dict[str, Any]:
        return dict(self.schedule.target)

    @property
    def scheduled_time(self) -> str:
        return self.when.strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def payload(self) -> str:
        """https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html"""
        _, _, _, region, account, _ = self.schedule.arn.split(":", 5)
        text = self.target.get("Input")
        if text is None:
            text = json.dumps(
                {
                    "version": "0",
                    "id": str(uuid4()),
                    "detail-type": "Scheduled Event",
                    "source": "aws.scheduler",
                    "account": account,
                    "time": self.scheduled_time,
                    "region": region,
                    "resources": [self.schedule.arn],
                    "detail": "{}",
                }
            )
        attributes = {
            "schedule-arn": self.schedule.arn,
            "scheduled-time": self.scheduled_time,
            "execution-id": self.execution_id,
            "attempt-number": str(max(self.number, 1)),
        }
        for name, value in attributes.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text

    def make(self) -> None:
        self.number += 1
        target, payload = self.target, self.payload
        try:
            with activity(
                Kind.DELIVERY,
                service=SERVICE,
                name=self.schedule.name,
                resource=target["Arn"],
                data={
                    "source": self.schedule.arn,
                    "target": target["Arn"],
                    "attempt": self.number,
                    "event": payload,
                },
            ):
                targets.call_of(target).make(self._clients(target["Arn"]), payload)
        except Exception as error:  # noqa: BLE001 - whatever it is, the run is retried or given up
            self._fail(error)

    def _clients(self, arn: str) -> Any:
        region = arn.split(":")[3] or self.schedule.arn.split(":")[3]
        return connect_to.with_assumed_role(
            role_arn=self.target["RoleArn"], service_principal=SERVICE, region_name=region
        )

    def _fail(self, error: Exception) -> None:
        policy = self.target.get("RetryPolicy") or {}
        pause = pause_after(self.number)
        if not may_pass(error):
            self._give_up(error, "")
        elif self.number > policy.get("MaximumRetryAttempts", 185):
            self._give_up(error, "MaximumRetryAttempts")
        elif time.time() + pause - self.began > policy.get("MaximumEventAgeInSeconds", 86400):
            self._give_up(error, "MaximumEventAgeInSeconds")
        else:
            Later(
                "retry",
                pause,
                self.make,
                service=SERVICE,
                name=self.schedule.name,
                resource=self.schedule.arn,
                data={"attempt": self.number + 1},
            ).start()

    def _give_up(self, error: Exception, exhausted: str) -> None:
        target, said = self.target, error_of(error)
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        note = JOURNAL.note(
            Kind.DEAD_LETTER,
            service=SERVICE,
            name=self.schedule.name,
            resource=self.schedule.arn,
            data={
                "source": target["Arn"],
                **({"target": queue} if queue else {}),
                "reason": "RetriesExhausted" if exhausted else said["code"],
                "error": said,
                "event": self.payload,
            },
        )
        if not queue:
            LOG.info("a run of %s is lost: %s does not take it: %s", self.schedule.arn, target["Arn"], said["message"])
            return
        attributes = {
            "ERROR_CODE": said["code"],
            "ERROR_MESSAGE": said["message"],
            "EXECUTION_ID": self.execution_id,
            "EXHAUSTED_RETRY_CONDITION": exhausted,
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(self.number - 1),
            "SCHEDULED_TIME": self.scheduled_time,
            "SCHEDULE_ARN": self.schedule.arn,
            "TARGET_ARN": target["Arn"],
        }
        with doing(note):
            try:
                self._clients(queue).sqs.send_message(
                    QueueUrl=sqs_queue_url_for_arn(queue),
                    MessageBody=self.payload,
                    MessageAttributes={
                        name: {"DataType": "String", "StringValue": value}
                        for name, value in attributes.items()
                        if value
                    },
                )
            except Exception as refused:  # noqa: BLE001 - AWS, too, drops the run then
                _note_lost(queue, self.schedule, refused)


def _note_lost(queue: str, schedule: Any, refused: Exception) -> None:
    LOG.warning("a run of %s is lost: its dead-letter queue %s does not take it: %s", schedule.arn, queue, refused)
    JOURNAL.note(
        Kind.DEAD_LETTER,
        service=SERVICE,
        name="lost",
        resource=schedule.arn,
        data={"source": queue, "reason": "DeadLetterQueueRefused", "error": error_of(refused)},
    )
