"""Records the mails and text messages that leave the system, as the outbox has them, without the codes in them."""

from typing import Any

from harness.emulator.journal.payloads import REDACTED
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.outbox import OUTBOX, Message
from harness.journal.records import Kind


def install() -> None:
    OUTBOX.listeners.append(note)


def note(message: Message) -> None:
    JOURNAL.note(
        Kind.MESSAGE,
        service=message.source,
        name=message.channel.value,
        resource=", ".join(message.recipients),
        account_id=message.account_id,
        region=message.region,
        data=_without_code(message.to_json(), message.code),
    )


def _without_code(value: Any, code: str | None) -> Any:
    if not code:
        return value
    if isinstance(value, str):
        return value.replace(code, REDACTED)
    if isinstance(value, dict):
        return {name: _without_code(member, code) for name, member in value.items()}
    return [_without_code(member, code) for member in value] if isinstance(value, list | tuple) else value
