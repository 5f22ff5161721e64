"""Evaluates the rules of an event bus and delivers to their targets, as EventBridge does and LocalStack 4.14.0 does not.

- A disabled rule takes no event; LocalStack stores the state of a rule and never asks it.
- An event that a target refuses goes to the target's dead-letter queue, with attributes that say why; LocalStack drops it
  (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
- A scheduled rule runs by `schedules.clock`, with the event that AWS gives.
- An error that may pass (the target is throttled or unavailable) is tried again first, as often and as long as the
  target's retry policy says, with a growing pause (`delays`)
  (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html).

What happens is recorded on the way: each rule's decision, each attempt, what is given up.
"""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to
from localstack.utils.aws.arns import parse_arn, sqs_queue_url_for_arn
from localstack.utils.event_matcher import matches_event
from localstack.utils.strings import long_uid
from localstack.utils.xray.trace_header import TraceHeader

from harness.emulator.host.attachments import FIRST_SEEN
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal import marks, payloads
from harness.emulator.journal.activity import activity, error_of
from harness.emulator.journal.causes import CAUSE, doing
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.journal.waiting import Later
from harness.emulator.patches import patched, replaced
from harness.emulator.schedules.clock import Scheduled, add_source
from harness.emulator.schedules.expressions import InvalidScheduleError, parse
from harness.emulator.schedules.retries import RETRYABLE, may_pass, pause_after
from harness.journal.records import Kind

LOG = logging.getLogger(__name__)

DEFAULT_RETRY_ATTEMPTS = 185
DEFAULT_EVENT_AGE_SECONDS = 24 * 3600


def install() -> None:
    when_loaded("events", _patch)


class _SingleCalls:
    """Clients of targets, an attempt of which is one call: boto3 would retry a throttled one for up to 15 s."""

    _ONCE = Config(retries={"max_attempts": 0})

    def __call__(self, **options: Any) -> Any:
        return connect_to(config=self._ONCE, **options)

    def with_assumed_role(self, **options: Any) -> Any:
        return connect_to.with_assumed_role(config=self._ONCE, **options)


def _patch() -> None:
    from localstack.services.events import target
    from localstack.services.events.provider import EventsProvider
    from localstack.services.events.rule import RuleService

    replaced(
        target,
        "connect_to",
        _SingleCalls(),
        because="an attempt to deliver is one call: boto3 would repeat a throttled one by itself",
        source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html",
    )

    patched(
        EventsProvider._process_rules,
        because="LocalStack evaluates disabled rules, and drops what a target refuses",
        source="https://github.com/localstack/localstack/issues/3616",
    )(_process_rules)

    patched(
        RuleService._validate_input,
        because="LocalStack takes event patterns and schedules that EventBridge refuses",
        source="https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html",
    )(_validate)

    add_source("events", _scheduled_rules)


def _process_rules(
    _original: Any, self: Any, rule: Any, region: str, account_id: str, event_formatted: Any, trace_header: Any
) -> None:
    event = {name: value for name, value in event_formatted.items() if name != "event-bus-name"}
    reason = _refusal(rule, event_formatted)
    decision = JOURNAL.note(
        Kind.DECISION,
        service="events",
        name=rule.name,
        resource=rule.arn,
        account_id=account_id,
        region=region,
        data={
            "rule": rule.arn,
            "passed": reason is None,
            **({"reason": reason} if reason else {}),
            "pattern": payloads.text(rule.event_pattern),
            "event": event,
        },
    )
    if reason is not None:
        return
    with doing(decision):
        for target in list(rule.targets.values()):
            if ":archive/" in target["Arn"]:
                self._put_to_archive(region, account_id, archive_target_id=target["Id"], event=event_formatted)
                _note_archived(rule, target, event)
            else:
                _Attempt(self._target_sender_store[f"{rule.arn}-{target['Id']}"], event_formatted).make(trace_header)


def _validate(
    original: Any, event_pattern: Any, schedule_expression: str | None, event_bus_name: Any = "default"
) -> None:
    from localstack.services.events.models import ValidationException

    original(event_pattern, schedule_expression, event_bus_name)
    if schedule_expression:
        try:
            parse(schedule_expression)
        except InvalidScheduleError:
            raise ValidationException("Parameter ScheduleExpression is not valid.") from None


def _refusal(rule: Any, event: Mapping[str, Any]) -> str | None:
    """Why a rule does not pass on an event; None if it does."""
    if rule.state == "DISABLED":
        return "Disabled"
    if not matches_event(rule.event_pattern, event):
        return "Pattern"
    return None if rule.targets else "NoTargets"


def _note_archived(rule: Any, target: Mapping[str, Any], event: Mapping[str, Any]) -> None:
    JOURNAL.note(
        Kind.DELIVERY,
        service="events",
        name=target["Id"],
        resource=target["Arn"],
        leaves=(marks.archived_event(target["Arn"], event["id"]),),
        data={"source": rule.arn, "target": target["Arn"]},
    )


# ---- delivery ----------------------------------------------------------------------------------------------------


@dataclass
class _Attempt:
    """An event on its way to one target; the same object makes the next attempt."""

    sender: Any
    event: Mapping[str, Any]
    number: int = 0
    began: float = 0.0

    def make(self, trace_header: Any) -> None:
        self.began = self.began or time.time()
        self.number += 1
        target = self.sender.target
        event = {name: value for name, value in self.event.items() if name != "event-bus-name"}
        try:
            with activity(
                Kind.DELIVERY,
                service="events",
                name=target["Id"],
                resource=target["Arn"],
                data={
                    "source": self.sender.rule_arn,
                    "target": target["Arn"],
                    "attempt": self.number,
                    **{k: target[k] for k in ("Input", "InputPath", "InputTransformer") if k in target},
                    "event": event,
                },
            ):
                self.sender.process_event(dict(self.event), trace_header)
        except Exception as error:  # noqa: BLE001 - whatever it is, the event is retried or given up
            self._fail(error, trace_header)

    def _fail(self, error: Exception, trace_header: Any) -> None:
        policy = self.sender.target.get("RetryPolicy") or {}
        attempts = policy.get("MaximumRetryAttempts", DEFAULT_RETRY_ATTEMPTS)
        age = policy.get("MaximumEventAgeInSeconds", DEFAULT_EVENT_AGE_SECONDS)
        pause = pause_after(self.number)
        if not may_pass(error):
            self._give_up(error, None)
        elif self.number > attempts:
            self._give_up(error, "MaximumRetryAttempts")
        elif time.time() + pause - self.began > age:
            self._give_up(error, "MaximumEventAgeInSeconds")
        else:
            self._retry(pause, trace_header)

    def _retry(self, pause: float, trace_header: Any) -> None:
        Later(
            "retry",
            pause,
            lambda: self.make(trace_header),
            service="events",
            name=self.sender.target["Id"],
            resource=self.sender.rule_arn,
            data={"attempt": self.number + 1},
        ).start()

    def _give_up(self, error: Exception, exhausted: str | None) -> None:
        target, rule_arn = self.sender.target, self.sender.rule_arn
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        said = error_of(error)
        note = JOURNAL.note(
            Kind.DEAD_LETTER,
            service="events",
            name=target["Id"],
            resource=rule_arn,
            data={
                "source": target["Arn"],
                **({"target": queue} if queue else {}),
                "reason": "RetriesExhausted" if exhausted else said["code"],
                "error": said,
                "event": self.event,
            },
        )
        if not queue:
            LOG.info("the event %s of %s is lost: %s does not take it", self.event.get("id"), rule_arn, target["Arn"])
            return
        attributes = {
            "RULE_ARN": rule_arn,
            "TARGET_ARN": target["Arn"],
            "ERROR_CODE": _error_code(said["code"]),
            "ERROR_MESSAGE": said["message"],
            "RETRY_ATTEMPTS": str(self.number - 1),
            **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {}),
        }
        body = {name: value for name, value in self.event.items() if name != "event-bus-name"}
        arn = parse_arn(queue)
        client = connect_to(aws_access_key_id=arn["account"], region_name=arn["region"]).sqs
        with doing(note):
            try:
                client.request_metadata(service_principal="events", source_arn=rule_arn).send_message(
                    QueueUrl=sqs_queue_url_for_arn(queue),
                    MessageBody=json.dumps(body, default=str),
                    MessageAttributes={
                        name: {"DataType": "String", "StringValue": value}
                        for name, value in attributes.items()
                        if value
                    },
                )
            except ClientError as refused:
                # AWS, too, drops the event then.
                _note_lost(queue, rule_arn, refused)


def _note_lost(queue: str, rule_arn: str, refused: Exception) -> None:
    LOG.warning("an event of %s is lost: its dead-letter queue %s does not take it: %s", rule_arn, queue, refused)
    JOURNAL.note(
        Kind.DEAD_LETTER,
        service="events",
        name="lost",
        resource=rule_arn,
        data={"source": queue, "reason": "DeadLetterQueueRefused", "error": error_of(refused)},
    )


def _error_code(code: str) -> str:
    """What EventBridge calls an error of a target."""
    if "AccessDenied" in code or "Unauthorized" in code or "Authorization" in code:
        return "NO_PERMISSIONS"
    if "NotFound" in code or "NonExistent" in code or "DoesNotExist" in code:
        return "NO_RESOURCE"
    if code in RETRYABLE:
        return "THROTTLING"
    return "SDK_CLIENT_ERROR"


# ---- schedules ---------------------------------------------------------------------------------------------------


def _scheduled_rules() -> Iterator[Scheduled]:
    from localstack.services.events.models import events_stores

    now = datetime.now(UTC)
    for _, _, store in list(events_stores.iter_stores()):
        # Only the default bus has rules with a schedule.
        bus = store.event_buses.get("default")
        for rule in list(bus.rules.values()) if bus else ():
            if rule.schedule_expression:
                yield Scheduled(
                    arn=rule.arn,
                    name=rule.name,
                    expression=rule.schedule_expression,
                    enabled=rule.state != "DISABLED",
                    # LocalStack keeps no time; PutRule makes another object of it.
                    began=FIRST_SEEN.setdefault(rule, now),
                    run=partial(run_schedule, rule),
                )


def run_schedule(rule: Any, when: datetime) -> int:
    """Pass a scheduled rule's event to its targets and return their number; each run is the root of a flow if no test
    fired it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
    """
    from localstack.services.plugins import SERVICE_PLUGINS

    caused_by = CAUSE.get()
    trace = TraceHeader(root=caused_by.trace if caused_by and caused_by.trace else None).ensure_root_exists()
    event = {
        "version": "0",
        "id": long_uid(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule.account_id,
        "time": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": rule.region,
        "resources": [rule.arn],
        "detail": {},
    }
    note = JOURNAL.note(
        Kind.TIMER,
        service="events",
        name=rule.name,
        resource=rule.arn,
        trace=trace.root,
        account_id=rule.account_id,
        region=rule.region,
        data={"what": "schedule", "schedule": rule.schedule_expression, "event": event},
    )
    senders = SERVICE_PLUGINS.get_service("events")._provider._target_sender_store
    targets = list(rule.targets.values())
    with doing(note):
        for target in targets:
            _Attempt(senders[f"{rule.arn}-{target['Id']}"], event).make(trace)
    return len(targets)
