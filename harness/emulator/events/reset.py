"""What a reset does to rules and archives."""

from harness.emulator.controls.emptying import empties, of_account, provider_of, stops


def install() -> None:
    stops("events", _forget_rules)
    empties("events", _empty_archives)


def _forget_rules(account_id: str | None) -> None:
    """EventBridge keeps services next to its store, by ARN."""
    provider = provider_of("events")
    for name in ("rule", "event_bus", "archive", "replay", "connection", "api_destination"):
        services = getattr(provider, f"_{name}_services_store", None)
        services = getattr(provider, f"_{name}_service_store", {}) if services is None else services
        for arn in list(services):
            if account_id is None or f":{account_id}:" in arn:
                services.pop(arn, None)
    senders = provider._target_sender_store
    for arn in list(senders):
        if account_id is None or f":{account_id}:" in arn:
            senders.pop(arn, None)


def _empty_archives(account_id: str | None) -> None:
    from localstack.services.events.models import events_stores

    for _, _, store in of_account(events_stores, account_id):
        for archive in store.archives.values():
            archive.events.clear()
