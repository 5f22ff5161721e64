"""Fills the outbox from SES and SNS."""

import email
import email.policy
import json
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response
from localstack.services.sns import publisher

from harness.emulator.controls.outbox import CODE_TAG, OUTBOX, Channel, OutboxMessage
from harness.emulator.patches import inserted, patched

SENDING = frozenset({"SendEmail", "SendRawEmail", "SendTemplatedEmail"})


def capture_mail(_chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """A response handler: what SES accepted has left the system."""
    if context.service is None or context.operation is None or context.service.service_name != "ses":
        return
    if context.operation.name not in SENDING or response.status_code != 200:
        return
    request = context.service_request or {}
    compose = {"SendEmail": _simple, "SendRawEmail": _raw, "SendTemplatedEmail": _templated}[context.operation.name]
    answer: Any = context.service_response
    OUTBOX.put(
        OutboxMessage(
            channel=Channel.MAIL,
            source="ses",
            account_id=context.account_id,
            region=context.region,
            message_id=answer["MessageId"],
            **compose(request, context),
        )
    )


def _recipients(destination: dict[str, Any]) -> tuple[str, ...]:
    return tuple(a for kind in ("ToAddresses", "CcAddresses", "BccAddresses") for a in destination.get(kind) or ())


def _simple(request: dict[str, Any], _context: RequestContext) -> dict[str, Any]:
    body = request["Message"]["Body"]
    return {
        "sender": request["Source"],
        "recipients": _recipients(request["Destination"]),
        "subject": request["Message"]["Subject"]["Data"],
        "text": body.get("Text", {}).get("Data"),
        "html": body.get("Html", {}).get("Data"),
        "code": next((t["Value"] for t in request.get("Tags") or [] if t["Name"] == CODE_TAG), None),
        "attributes": {"tags": request.get("Tags") or []},
    }


def _raw(request: dict[str, Any], _context: RequestContext) -> dict[str, Any]:
    data = request["RawMessage"]["Data"]
    mail = email.message_from_bytes(data if isinstance(data, bytes) else data.encode(), policy=email.policy.default)
    parts = {kind: mail.get_body((kind,)) for kind in ("plain", "html")}
    headers = [a for name in ("to", "cc", "bcc") for a in getattr(mail[name], "addresses", ())]
    return {
        "sender": request.get("Source") or str(mail["from"]),
        "recipients": tuple(request.get("Destinations") or [a.addr_spec for a in headers]),
        "subject": mail["subject"] and str(mail["subject"]),
        "text": parts["plain"] and parts["plain"].get_content(),
        "html": parts["html"] and parts["html"].get_content(),
    }


def _templated(request: dict[str, Any], context: RequestContext) -> dict[str, Any]:
    from moto.ses import ses_backends  # loads with SES itself, not at boot
    from moto.ses.template import parse_template

    template = ses_backends[context.account_id][context.region].templates[request["Template"]]
    data = json.loads(request.get("TemplateData") or "{}")
    return {
        "sender": request["Source"],
        "recipients": _recipients(request["Destination"]),
        "subject": parse_template(template.get("subject_part") or "", data),
        "text": parse_template(template.get("text_part") or "", data),
        "html": parse_template(template.get("html_part") or "", data),
        "attributes": {"template": request["Template"], "template_data": data},
    }


def capture_text_messages() -> None:
    """SNS sends text messages to phone numbers and to subscribed ones; LocalStack's two publishers only list them."""

    @patched(publisher.SmsTopicPublisher._publish, because="text messages that leave the system go to the outbox")
    def publish_to_subscriber(original: Any, self: Any, context: Any, subscriber: Any) -> None:
        original(self, context, subscriber)
        _put_text_message(self.prepare_message(context.message, subscriber, context.topic_attributes), context.store)

    @patched(publisher.SmsPhoneNumberPublisher._publish, because="text messages that leave the system go to the outbox")
    def publish_to_phone_number(original: Any, self: Any, context: Any, endpoint: str) -> None:
        original(self, context, endpoint)
        _put_text_message(self.prepare_message(context.message, endpoint), context.store)


def _put_text_message(event: dict[str, Any], store: Any) -> None:
    OUTBOX.put(
        OutboxMessage(
            channel=Channel.SMS,
            source="sns",
            sender=event["TopicArn"] or "sns",
            recipients=(event["PhoneNumber"],),
            subject=event["Subject"],
            text=event["Message"],
            message_id=event["MessageId"],
            account_id=store._account_id,
            region=store._region_name,
        )
    )


def install() -> None:
    inserted(
        handlers, "run_custom_response_handlers", capture_mail, because="mails that leave the system go to the outbox"
    )
    capture_text_messages()
