"""Reads the outbox: mails, text messages and the codes in them."""

import time
from dataclasses import dataclass
from typing import Any

from harness.engine.control import HarnessApi

# One long poll: the API's limit is 60 seconds.
_POLL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Message:
    """One mail or text message that left the system.

    `recipients` are mail addresses or E.164 phone numbers; `source` is the AWS service that sent it; `code` is the
    confirmation code it carries; `sent_at` is in seconds since the epoch; `sequence` orders the messages.
    """

    sequence: int
    channel: str
    source: str
    sender: str
    recipients: tuple[str, ...]
    subject: str | None
    text: str | None
    html: str | None
    code: str | None
    account_id: str
    region: str
    message_id: str
    sent_at: float
    attributes: dict[str, Any]

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Message":
        return cls(**{**data, "recipients": tuple(data["recipients"])})


class Outbox:
    """The mails and text messages that left the system."""

    def __init__(self, api: HarnessApi) -> None:
        self._api = api

    def read(self, **query: Any) -> list[Message]:
        """The messages that match now, oldest first; the query is that of `HarnessApi.outbox`."""
        return [Message.from_json(m) for m in self._api.outbox(**query)]

    def wait_for(
        self,
        *,
        recipient: str,
        subject: str | None = None,
        channel: str | None = None,
        after: int = 0,
        timeout_seconds: float = 20.0,
    ) -> Message:
        """Wait for the first message to `recipient` that matches.

        `subject` is a regular expression to find in the subject; `after` skips messages up to that sequence number. Raises
        AssertionError with the messages that did reach the recipient when `timeout_seconds` are over.
        """
        optional = {"subject": subject, "channel": channel}
        query = {"recipient": recipient, "after": after, **{k: v for k, v in optional.items() if v is not None}}
        deadline = time.monotonic() + timeout_seconds
        while (remaining := deadline - time.monotonic()) > 0:
            if found := self.read(**query, wait_seconds=min(remaining, _POLL_SECONDS)):
                return found[0]
        there = self.read(recipient=recipient)
        seen = "\n".join(f"  #{m.sequence} {m.channel} from {m.source}: {m.subject or m.text!r}" for m in there)
        wanted = ", ".join(f"{name}={value!r}" for name, value in query.items())
        raise AssertionError(
            f"No message with {wanted} within {timeout_seconds:g} seconds. "
            + (f"To {recipient} there were:\n{seen}" if there else f"To {recipient} there was none at all.")
        )
