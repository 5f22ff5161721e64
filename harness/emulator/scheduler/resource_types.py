"""Completes LocalStack's resource types of EventBridge Scheduler: changes in place, and properties that a creation ignores."""

from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _schedule(update: Update) -> None:
    given = {name: update.after[name] for name in _SCHEDULE if update.after.get(name) is not None}
    update.client("scheduler").update_schedule(**given)


_SCHEDULE = (
    "Description", "EndDate", "FlexibleTimeWindow", "GroupName", "KmsKeyArn", "Name", "ScheduleExpression",
    "ScheduleExpressionTimezone", "StartDate", "State", "Target",
)  # fmt: skip


TYPES = (KnownType("AWS::Scheduler::Schedule", change=TypeUpdate(_schedule)),)
