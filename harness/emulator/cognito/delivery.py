"""Sends codes, temporary passwords and links to users, by mail or text message, with the pool's message templates.

With `EmailSendingAccount: DEVELOPER` the mail goes through SES, so that an identity that is not verified shows; all
else leaves by the outbox directly.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-settings-message-customizations.html
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to

from harness.emulator.cognito import triggers
from harness.emulator.cognito.errors import CognitoError, invalid_parameter
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import UserPool
from harness.emulator.controls.outbox import CODE_TAG, OUTBOX, Channel, OutboxMessage

CODE = "{####}"
USERNAME = "{username}"
LINK = re.compile(r"\{##(.*?)##\}")
DEFAULT_SENDER = "no-reply@verificationemail.com"
HOSTED_UI_PATH = "/_aws/cognito-idp"

_ANY = r"[\p{L}\p{M}\p{S}\p{N}\p{P}\s*]*"


@dataclass(frozen=True)
class CodeDelivery:
    """Where a code went: `medium` is EMAIL or SMS, `attribute` email or phone_number."""

    destination: str
    medium: str
    attribute: str

    def to_json(self) -> dict[str, str]:
        return {
            "Destination": masked(self.destination),
            "DeliveryMedium": self.medium,
            "AttributeName": self.attribute,
        }


def delivery_to(attribute: str, value: str) -> CodeDelivery:
    return CodeDelivery(value, "SMS" if attribute == "phone_number" else "EMAIL", attribute)


def masked(destination: str) -> str:
    """An address as Cognito shows it to the client that requested the code: `j***@e***`, `+*******0100`."""
    if "@" in destination:
        name, _, domain = destination.partition("@")
        return f"{name[:1]}***@{domain[:1]}***"
    return "+" + "*" * 7 + destination[-4:]


@dataclass(frozen=True)
class _Words:
    """What is sent, with its placeholders; `by_link` where the mail carries a link in place of the code."""

    sms: str
    email: str
    subject: str
    by_link: bool = False


def _configured_words(pool: UserPool, event: str) -> _Words:
    pool_config = pool.config
    if event == "AdminCreateUser":
        invite = (pool_config.get("AdminCreateUserConfig") or {}).get("InviteMessageTemplate") or {}
        return _Words(
            sms=invite.get("SMSMessage") or f"Your username is {USERNAME} and temporary password is {CODE}. ",
            email=invite.get("EmailMessage") or f"Your username is {USERNAME} and temporary password is {CODE}. ",
            subject=invite.get("EmailSubject") or "Your temporary password",
        )
    if event == "Authentication":
        of_mfa = (pool.moto.sms_mfa_config or {}).get("SmsAuthenticationMessage")
        words = of_mfa or pool_config.get("SmsAuthenticationMessage") or f"Your authentication code is {CODE}. "
        return _Words(sms=words, email=words, subject="Your authentication code")
    template = pool_config.get("VerificationMessageTemplate") or {}
    sms = pool_config.get("SmsVerificationMessage") or f"Your verification code is {CODE}. "
    if template.get("DefaultEmailOption") == "CONFIRM_WITH_LINK" and event in ("SignUp", "ResendCode"):
        return _Words(
            sms=sms,
            email=template.get("EmailMessageByLink")
            or "Please click the link below to verify your email address. {##Verify Email##} ",
            subject=template.get("EmailSubjectByLink") or "Your verification link",
            by_link=True,
        )
    return _Words(
        sms=sms,
        email=pool_config.get("EmailVerificationMessage") or f"Your verification code is {CODE}. ",
        subject=pool_config.get("EmailVerificationSubject") or "Your verification code",
    )


def send(call: UserPoolCall, user: Any, event: str, code: str, delivery: CodeDelivery) -> CodeDelivery:
    """Send a code for an event: the part of the CustomMessage trigger's source after the underscore.

    Raises CodeDeliveryFailureException when SES refuses the mail, and what the CustomMessage trigger's failure raises.
    """
    words = _custom_words(call, user, event, _configured_words(call.pool, event))

    def filled(message: str) -> str:
        return message.replace(CODE, code).replace(USERNAME, _sign_in_name(call, user))

    if delivery.medium == "SMS":
        _put(call, user, event, Channel.SMS, delivery, code, sender="cognito-idp", text=filled(words.sms))
        return delivery
    body = filled(words.email)
    if words.by_link:
        link = _confirmation_link(call, user, code)
        body = LINK.sub(lambda match: f'<a href="{link}">{match.group(1)}</a>', body)
    _mail(call, user, event, delivery, code, subject=filled(words.subject), body=body)
    return delivery


def _sign_in_name(call: UserPoolCall, user: Any) -> str:
    """`{username}` in an invitation: the address where that is the user name."""
    attributes = (user.attribute_lookup.get(name) for name in call.pool.username_attributes)
    return next((str(value) for value in attributes if value), str(user.username))


def _custom_words(call: UserPoolCall, user: Any, event: str, words: _Words) -> _Words:
    """What the CustomMessage trigger makes of the words; where it leaves a message empty, the pool's own holds.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-custom-message.html
    """
    invites = event == "AdminCreateUser"
    response = triggers.run(
        call,
        "CustomMessage",
        f"CustomMessage_{event}",
        user.username,
        triggers.with_metadata(
            {
                "userAttributes": triggers.user_attributes(user),
                "codeParameter": CODE,
                "linkParameter": "{##Click Here##}",
                "usernameParameter": USERNAME if invites else None,
            },
            call.client_metadata,
        ),
        {"smsMessage": None, "emailMessage": None, "emailSubject": None},
    )
    if response is None:
        return words
    sms, email = triggers.text(response, "smsMessage"), triggers.text(response, "emailMessage")
    for message, member in ((sms, "smsMessage"), (email, "emailBody")):
        if message is None:
            continue
        wanted = [USERNAME, CODE] if invites else [CODE]
        if any(w not in message for w in wanted) and not (words.by_link and LINK.search(message)):
            pattern = _ANY.join(["", *(re.escape(w).replace(r"\#", "#") for w in wanted), ""])
            raise invalid_parameter(
                f"1 validation error detected: Value '{message}' at '{member}' failed to satisfy constraint: "
                f"Member must satisfy regular expression pattern: {pattern}"
            )
    by_link = words.by_link and (email is None or LINK.search(email) is not None)
    return _Words(
        sms or words.sms, email or words.email, triggers.text(response, "emailSubject") or words.subject, by_link
    )


def _confirmation_link(call: UserPoolCall, user: Any, code: str) -> str:
    domain = call.pool.moto.domain
    if domain is None:
        raise invalid_parameter(
            f"User pool {call.pool.id} confirms with a link, but has no domain that could serve it; "
            "create a user pool domain."
        )
    query = urlencode({"client_id": call.app_client.id, "user_name": user.username, "confirmation_code": code})
    return f"https://{domain.domain}.auth.{call.pool.region}.amazoncognito.com/confirmUser?{query}"


def _mail(
    call: UserPoolCall, user: Any, event: str, delivery: CodeDelivery, code: str, *, subject: str, body: str
) -> None:
    config = call.pool.config.get("EmailConfiguration") or {}
    identity_arn = config.get("SourceArn") or ""
    identity = identity_arn.partition("/")[2]
    sender = config.get("From") or (identity if "@" in identity else DEFAULT_SENDER)
    if config.get("EmailSendingAccount") != "DEVELOPER":
        reply_to = {"reply_to": config["ReplyToEmailAddress"]} if config.get("ReplyToEmailAddress") else {}
        _put(call, user, event, Channel.MAIL, delivery, code, sender=sender, subject=subject, html=body, **reply_to)
        return
    region = identity_arn.split(":")[3] if identity_arn else call.pool.region
    mail = {
        "Source": sender,
        "Destination": {"ToAddresses": [delivery.destination]},
        "Message": {"Subject": {"Data": subject}, "Body": {"Html": {"Data": body}}},
        "Tags": [{"Name": CODE_TAG, "Value": code}],
    }
    if config.get("ReplyToEmailAddress"):
        mail["ReplyToAddresses"] = [config["ReplyToEmailAddress"]]
    if config.get("ConfigurationSet"):
        mail["ConfigurationSetName"] = config["ConfigurationSet"]
    try:
        connect_to(aws_access_key_id=call.pool.account_id, region_name=region).ses.send_email(**mail)
    except ClientError as error:
        raise CognitoError("CodeDeliveryFailureException", error.response["Error"]["Message"]) from error


def _put(
    call: UserPoolCall,
    user: Any,
    event: str,
    channel: Channel,
    delivery: CodeDelivery,
    code: str,
    *,
    sender: str,
    subject: str | None = None,
    html: str | None = None,
    text: str | None = None,
    **attributes: Any,
) -> None:
    OUTBOX.put(
        OutboxMessage(
            channel=channel,
            source="cognito-idp",
            sender=sender,
            recipients=(delivery.destination,),
            subject=subject,
            text=text,
            html=html,
            code=code,
            account_id=call.pool.account_id,
            region=call.pool.region,
            attributes={"user_pool_id": call.pool.id, "username": user.username, "event": event, **attributes},
        )
    )
