"""What left the system: mails, text messages and the confirmation codes in them.

The outbox knows nothing of LocalStack; `outbox_capture` fills it from SES and SNS, and Cognito writes to it itself.
"""

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

CODE_TAG = "confirmation-code"
"""The message tag with the code that a service mails through SES, for the outbox; the recipient does not see it."""


class Channel(StrEnum):
    """How a message reaches its person."""

    MAIL = "mail"
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One mail or text message that left the system.

    `recipients` are mail addresses or E.164 phone numbers. `source` is the AWS service that sent it (`ses`, `sns`,
    `cognito-idp`). `code` is the confirmation code it carries, where its sender knows it to be one. `sent_at` is in
    seconds since the epoch. `sequence` grows by one with each message and is 0 until the outbox has taken it.
    """

    channel: Channel
    source: str
    sender: str
    recipients: tuple[str, ...]
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    code: str | None = None
    account_id: str = ""
    region: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent_at: float = field(default_factory=time.time)
    sequence: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class OutboxStore:
    """The messages in the order in which they left, for readers that wait for the next one."""

    def __init__(self) -> None:
        self._messages: list[OutboxMessage] = []
        self._sequence = 0
        self._changed = threading.Condition()
        self.listeners: list[Callable[[OutboxMessage], None]] = []
        """Called with each message before a reader gets it, in the thread that sends it."""

    def put(self, message: OutboxMessage) -> OutboxMessage:
        """Add a message and wake the readers that wait; returns it with its sequence number."""
        with self._changed:
            self._sequence += 1
            fields = {name: getattr(message, name) for name in message.__slots__ if name != "sequence"}
            numbered = OutboxMessage(**fields, sequence=self._sequence)
            for listener in self.listeners:
                listener(numbered)
            self._messages.append(numbered)
            self._changed.notify_all()
            return numbered

    def read(
        self,
        *,
        after: int = 0,
        recipient: str | None = None,
        channel: Channel | None = None,
        subject: Callable[[str], object] | None = None,
        wait_seconds: float = 0,
    ) -> list[OutboxMessage]:
        """The messages after sequence number `after` that match, oldest first.

        `subject` is asked with a message's subject whether it matches. With `wait_seconds`, returns as soon as one message
        matches, or with an empty list when the time is over.
        """
        deadline = time.monotonic() + wait_seconds
        while True:
            with self._changed:
                new = [message for message in self._messages if message.sequence > after]
                remaining = deadline - time.monotonic()
                if not new and remaining > 0:
                    self._changed.wait(remaining)
                    continue
            # Without the lock: a client's patterns may be slow, and mail is sent at the same time.
            if found := [message for message in new if _matches(message, recipient, channel, subject)]:
                return found
            if remaining <= 0:
                return []
            after = new[-1].sequence

    def clear(self, account_id: str | None = None) -> int:
        """Forget the messages, of one account or all; returns how many. Sequence numbers continue."""
        with self._changed:
            kept = [] if account_id is None else [m for m in self._messages if m.account_id != account_id]
            removed = len(self._messages) - len(kept)
            self._messages = kept
            return removed


def _matches(
    message: OutboxMessage, recipient: str | None, channel: Channel | None, subject: Callable[[str], object] | None
) -> bool:
    if recipient is not None and recipient.casefold() not in {r.casefold() for r in message.recipients}:
        return False
    if channel is not None and message.channel != channel:
        return False
    return subject is None or bool(subject(message.subject or ""))


OUTBOX = OutboxStore()
"""The outbox of this LocalStack process, next to LocalStack's stores."""
