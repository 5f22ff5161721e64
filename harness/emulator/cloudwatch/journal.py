"""Records the transitions of alarms; what an alarm does is caused by its transition, which is the root of a flow
where no test fired it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

from collections.abc import Mapping
from typing import Any

from localstack.utils.xray.trace_header import TraceHeader

from harness.emulator.controls.timers import on_fire
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal.causes import CAUSE, doing
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import replaced
from harness.journal.records import Kind

KIND = "cloudwatch-alarm"


def install() -> None:
    when_loaded("cloudwatch", _patch)
    on_fire(KIND)(evaluate_alarm)


def _patch() -> None:
    from localstack.services.cloudwatch import alarm_scheduler

    original = alarm_scheduler.update_alarm_state

    def update_alarm_state(
        client: Any, alarm_name: str, current_state: str, desired_state: str, *args: Any, **options: Any
    ) -> None:
        if current_state == desired_state:
            return
        caused_by = CAUSE.get()
        note = JOURNAL.note(
            Kind.TIMER,
            service="cloudwatch",
            name=alarm_name,
            trace=caused_by.trace if caused_by else TraceHeader().ensure_root_exists().root,
            data={"what": "alarm", "before": current_state, "after": desired_state},
        )
        with doing(note):
            original(client, alarm_name, current_state, desired_state, *args, **options)

    replaced(alarm_scheduler, "update_alarm_state", update_alarm_state, because="transitions of alarms are recorded")


def evaluate_alarm(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate an alarm now, over the periods that it looks at: `alarm_arn`. Returns `{"state": what it is in then}`."""
    arn = parameters.get("alarm_arn")
    if set(parameters) != {"alarm_arn"} or not isinstance(arn, str):
        raise ValueError(f'{KIND} takes "alarm_arn", the ARN of a metric alarm')
    from localstack.services.cloudwatch import alarm_scheduler

    if arn.count(":") < 6 or alarm_scheduler.get_metric_alarm_details_for_alarm_arn(arn) is None:
        raise LookupError(f"there is no metric alarm {arn}")
    alarm_scheduler.calculate_alarm_state(arn)
    details = alarm_scheduler.get_metric_alarm_details_for_alarm_arn(arn)
    return {"state": details["StateValue"]}
