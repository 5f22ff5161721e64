"""Records the events that no rule evaluates: those for a bus that does not exist or has no rules, those that EventBridge refuses,
and those that are replayed from an archive. `rules` records the decisions of rules.
"""

from typing import Any

from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal import marks, payloads
from harness.emulator.journal.activity import activity
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import patched
from harness.journal.records import Kind

_ARCHIVED = "harness-archived"
"""Of an entry that a replay puts: the mark of the event in its archive."""


def install() -> None:
    when_loaded("events", _patch)


def _patch() -> None:
    from localstack.services.events.provider import EventsProvider
    from localstack.services.events.replay import ReplayService
    from localstack.services.events.utils import extract_event_bus_name

    @patched(ReplayService.re_format_events_from_archive, because="events that no rule decides about are recorded")
    def reformat(original: Any, self: Any, events: list[Any], replay_name: str) -> Any:
        entries = original(self, events, replay_name)
        return [
            {**entry, _ARCHIVED: marks.archived_event(self.event_source_arn, event["id"])}
            for entry, event in zip(entries, events, strict=True)
        ]

    @patched(EventsProvider._process_entry, because="events that no rule decides about are recorded")
    def process_entry(original: Any, self: Any, entry: Any, processed: list[Any], *args: Any) -> None:
        archived = entry.pop(_ARCHIVED, None)
        if archived is None:
            original(self, entry, processed, *args)
        else:
            with activity(
                Kind.DELIVERY,
                service="events",
                name=entry["ReplayName"],
                resource=entry["EventBusName"],
                takes=(archived,),
                data={"source": archived.partition(":")[2].rpartition(":")[0], "target": entry["EventBusName"]},
            ) as delivery:
                original(self, entry, processed, *args)
                delivery.ended["event_id"] = processed[-1].get("EventId")
        if JOURNAL.enabled:
            _note_unheard(self, entry, processed[-1], args[-1], extract_event_bus_name)


def _note_unheard(provider: Any, entry: Any, processed: Any, context: Any, bus_name_of: Any) -> None:
    named = entry.get("EventBusName") or "default"
    # PutEvents takes a name or an ARN.
    region, account = named.split(":")[3:5] if named.startswith("arn:") else (context.region, context.account_id)
    name = bus_name_of(named)
    bus = provider.get_store(region, account).event_buses.get(name)
    arn = f"arn:aws:events:{region}:{account}:event-bus/{name}"
    if "ErrorCode" in processed:
        reason = processed["ErrorCode"]
    elif bus is None:
        # "If the bus does not exist, the event is dropped": PutEvents succeeds.
        reason = "NoSuchEventBus"
    elif not any(not rule.schedule_expression for rule in list(bus.rules.values())):
        reason = "NoRules"
    else:
        return
    JOURNAL.note(
        Kind.DECISION,
        service="events",
        name=name,
        resource=arn,
        account_id=account,
        region=region,
        data={
            "rule": "",
            "passed": False,
            "reason": reason,
            **({"error": processed["ErrorMessage"]} if "ErrorMessage" in processed else {}),
            "event": {
                "id": processed.get("EventId"),
                "source": entry.get("Source"),
                "detail-type": entry.get("DetailType"),
                "detail": payloads.text(entry.get("Detail")) if isinstance(entry.get("Detail"), str) else None,
            },
        },
    )
