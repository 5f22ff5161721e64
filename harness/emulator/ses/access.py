"""How IAM sees SES: what a call asks for."""

import email
import email.policy
from typing import Any

from harness.emulator.access.operation import Operation, RequestedAction
from harness.emulator.access.policy import listed
from harness.emulator.access.services import asks


def install() -> None:
    asks("ses", _asked)


def _asked(operation: Operation, action: str) -> list[RequestedAction] | None:
    parameters = operation.parameters
    sender = parameters.get("Source") or parameters.get("FromEmailAddress")
    if sender is None and operation.name == "SendRawEmail":
        sender = _from_header(parameters.get("RawMessage") or {})
    if sender:
        address = str(sender).rpartition("<")[2].rstrip("> ").strip()
        identity = mail_identity(address, operation)
        facts: dict[str, tuple[str, ...]] = {"ses:fromaddress": (address,)}
        recipients = [a for to in (parameters.get("Destination") or {}).values() for a in listed(to)]
        if recipients:
            facts["ses:recipients"] = tuple(str(r) for r in recipients)
        asked = [RequestedAction(action, operation.arn("ses", f"identity/{identity}"), facts=facts)]
        template = parameters.get("Template") or (parameters.get("Content") or {}).get("Template", {}).get(
            "TemplateName"
        )
        if template:
            asked.append(RequestedAction(action, operation.arn("ses", f"template/{template}"), facts=facts))
        if configuration := parameters.get("ConfigurationSetName"):
            asked.append(
                RequestedAction(action, operation.arn("ses", f"configuration-set/{configuration}"), facts=facts)
            )
        return asked
    for name in ("EmailIdentity", "Identity", "EmailAddress", "Domain"):
        if value := parameters.get(name):
            resource = operation.arn("ses", f"identity/{value}")
            return [RequestedAction(action, resource if operation.service == "sesv2" else "*")]
    return None


def _from_header(message: dict[str, Any]) -> str | None:
    data = message.get("Data") or b""
    parsed = email.message_from_bytes(
        data if isinstance(data, bytes) else str(data).encode(), policy=email.policy.default
    )
    return str(parsed["from"]) if parsed["from"] else None


def mail_identity(address: str, operation: Operation) -> str:
    """The identity that a mail from `address` is sent with: the address where SES knows it, else its domain where it knows
    that (https://docs.aws.amazon.com/ses/latest/dg/creating-identities.html)."""
    from moto.ses.models import ses_backends

    known = ses_backends[operation.account_id][operation.region].email_identities
    domain = address.rpartition("@")[2]
    return domain if address not in known and domain in known else address
