"""Records the mails and text messages that leave the system, as the outbox has them, without the codes in them."""

from collections.abc import Mapping
from typing import Any

from harness.emulator.controls.outbox import CODE_TAG, OUTBOX, OutboxMessage
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.journal.enrichers import redacts
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.journal.secrets import REDACTOR
from harness.emulator.patches import replaced
from harness.journal.records import Kind


def install() -> None:
    OUTBOX.listeners.append(note)
    redacts("ses", lambda recorded, request: without_code(recorded, code_in(request)))
    when_loaded("ses", _keep_mails_in_memory)


def _keep_mails_in_memory() -> None:
    """LocalStack also writes each mail to a file below the engine's state, with the codes in it, and never reads it."""
    from localstack.services.ses import provider

    def keep(mail: Any) -> None:
        mail.setdefault("Timestamp", provider.timestamp())
        provider.EMAILS[mail["Id"]] = mail

    replaced(
        provider, "save_for_retrospection", keep, because="mails that LocalStack keeps have no codes in the journal"
    )


def note(message: OutboxMessage) -> None:
    JOURNAL.note(
        Kind.MESSAGE,
        service=message.source,
        name=message.channel.value,
        resource=", ".join(message.recipients),
        account_id=message.account_id,
        region=message.region,
        data=without_code(message.to_json(), message.code),
    )


def code_in(request: Mapping[str, Any]) -> str | None:
    """The confirmation code that a call of SES sends, if its sender marks it."""
    return next((t["Value"] for t in request.get("Tags") or () if t.get("Name") == CODE_TAG), None)


def without_code(value: Any, code: str | None) -> Any:
    if not code:
        return value
    if isinstance(value, str):
        return value.replace(code, REDACTOR.mark("code", code))
    if isinstance(value, dict):
        return {name: without_code(member, code) for name, member in value.items()}
    return [without_code(member, code) for member in value] if isinstance(value, list | tuple) else value
