"""What SES and SNS send out is in the outbox."""

import json
import uuid


def test_a_raw_mail_is_read_as_its_reader_would(engine, aws):
    reader = f"{uuid.uuid4().hex}@outbox.example"
    aws("ses").verify_email_identity(EmailAddress="raw@outbox.example")
    raw = f"From: raw@outbox.example\nTo: {reader}\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\nin text\n"
    aws("ses").send_raw_email(RawMessage={"Data": raw.encode()})
    [mail] = engine.harness.outbox(recipient=reader, wait_seconds=30)
    assert (mail["subject"], mail["text"].strip(), mail["sender"]) == ("Grüße", "in text", "raw@outbox.example")


def test_a_templated_mail_is_rendered(engine, aws):
    reader, name = f"{uuid.uuid4().hex}@outbox.example", f"t-{uuid.uuid4().hex[:8]}"
    aws("ses").verify_email_identity(EmailAddress="template@outbox.example")
    aws("ses").create_template(
        Template={"TemplateName": name, "SubjectPart": "Hello {{who}}", "TextPart": "Dear {{who}}", "HtmlPart": "<p>"}
    )
    aws("ses").send_templated_email(
        Source="template@outbox.example",
        Destination={"ToAddresses": [reader]},
        Template=name,
        TemplateData=json.dumps({"who": "Ann"}),
    )
    [mail] = engine.harness.outbox(recipient=reader, wait_seconds=30)
    assert (mail["subject"], mail["text"]) == ("Hello Ann", "Dear Ann")


def _number():
    return "+1555" + str(uuid.uuid4().int)[:7]


def test_a_text_message_to_a_number_is_in_the_outbox(engine, aws):
    number = _number()
    sent = aws("sns").publish(PhoneNumber=number, Message="your table is ready")
    [message] = engine.harness.outbox(recipient=number, wait_seconds=30)
    assert (message["channel"], message["text"]) == ("sms", "your table is ready")
    assert message["message_id"] == sent["MessageId"]


def test_topic_sends_text_messages_to_subscribed_numbers(engine, aws):
    number, topic = _number(), aws("sns").create_topic(Name=f"sms-{uuid.uuid4().hex[:8]}")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sms", Endpoint=number)
    aws("sns").publish(TopicArn=topic, Message="to all")
    [message] = engine.harness.outbox(recipient=number, wait_seconds=30)
    assert (message["text"], message["sender"]) == ("to all", topic)
