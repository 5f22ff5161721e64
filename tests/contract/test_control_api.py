"""`/_harness/*`, the engine's test API."""


def test_a_mail_that_ses_accepts_is_in_the_outbox(engine, aws):
    aws("ses").verify_email_identity(EmailAddress="sender@outbox.example")
    sent = aws("ses").send_email(
        Source="sender@outbox.example",
        Destination={"ToAddresses": ["reader@outbox.example"]},
        Message={
            "Subject": {"Data": "Hello"},
            "Body": {"Text": {"Data": "in text"}, "Html": {"Data": "<p>in HTML</p>"}},
        },
    )
    [mail] = engine.harness.outbox(recipient="reader@outbox.example", wait_seconds=5)
    assert mail["message_id"] == sent["MessageId"]
    assert (mail["subject"], mail["text"], mail["html"]) == ("Hello", "in text", "<p>in HTML</p>")
    assert (mail["channel"], mail["source"], mail["sender"]) == ("mail", "ses", "sender@outbox.example")
