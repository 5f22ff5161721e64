"""What leaves the system, and what becomes due."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from harness.journal.records import Kind, Phase


def test_a_mail_is_recorded_with_the_call_that_sent_it(aws, journal):
    """https://docs.aws.amazon.com/ses/latest/APIReference/API_SendEmail.html"""
    sender, recipient = (f"{uuid.uuid4().hex}@people.example" for _ in range(2))
    aws("ses").verify_email_identity(EmailAddress=sender)
    message = {"Subject": {"Data": "hello"}, "Body": {"Text": {"Data": "world"}}}
    aws("ses").send_email(Source=sender, Destination={"ToAddresses": [recipient]}, Message=message)
    note = journal.wait(Kind.MESSAGE, lambda r: r.resource == recipient)
    assert (note.service, note.name, note.data["subject"], note.data["text"]) == ("ses", "mail", "hello", "world")
    assert [r.name for r in journal.causes(note)] == ["SendEmail"]


@pytest.mark.parametrize("by", ["COGNITO_DEFAULT", "DEVELOPER"])
def test_a_confirmation_code_is_nowhere_in_the_journal(aws, engine, journal, by):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html"""
    cognito, one = aws("cognito-idp"), uuid.uuid4().hex[:12]
    options = {}
    if by == "DEVELOPER":
        identity = f"pool-{one}@people.example"
        aws("ses").verify_email_identity(EmailAddress=identity)
        arn = f"arn:aws:ses:us-east-1:000000000000:identity/{identity}"
        options["EmailConfiguration"] = {"EmailSendingAccount": by, "SourceArn": arn}
    pool = cognito.create_user_pool(PoolName=one, AutoVerifiedAttributes=["email"], **options)["UserPool"]["Id"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName=one)["UserPoolClient"]["ClientId"]
    address = f"{one}@people.example"
    cognito.sign_up(
        ClientId=client, Username=one, Password="Correct-horse-7-battery",
        UserAttributes=[{"Name": "email", "Value": address}],
    )  # fmt: skip
    code = engine.outbox.wait_for(recipient=address).code
    cognito.confirm_sign_up(ClientId=client, Username=one, ConfirmationCode=code)
    note = journal.wait(Kind.MESSAGE, lambda r: r.resource == address)
    assert journal.causes(note)[-1].name == "SignUp"
    assert "<secret:code " in (note.data.get("text") or "") + (note.data.get("html") or "")
    journal.wait(Kind.CALL, lambda r: r.name == "ConfirmSignUp" and r.data["request"]["Username"] == one, Phase.BEGIN)
    # As a word: other numbers and ids may hold the same digits.
    assert not [r for r in journal.all() if re.search(rf"(?<![\w.]){code}(?!\w)", str(r.data))]
    cognito.delete_user_pool(UserPoolId=pool)


def test_an_alarm_is_the_cause_of_what_it_does(aws, engine, queue, journal):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html"""
    name = f"journal-{uuid.uuid4().hex[:12]}"
    topic = aws("sns").create_topic(Name=name)["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)
    cloudwatch = aws("cloudwatch")

    def measure(value):
        at = datetime.now(UTC) - timedelta(seconds=20)
        cloudwatch.put_metric_data(
            Namespace=name, MetricData=[{"MetricName": "errors", "Value": value, "Timestamp": at}]
        )

    measure(0)
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace=name, MetricName="errors", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", AlarmActions=[topic],
    )  # fmt: skip
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    # It evaluates itself at once, and then each minute.
    journal.wait(Kind.TIMER, lambda r: r.name == name and r.data["after"] == "OK")
    measure(5)
    body = {"kind": "cloudwatch-alarm", "alarm_arn": alarm["AlarmArn"]}
    fired = httpx.post(
        f"{engine.endpoint_url}/_harness/fire", json=body, headers=engine.harness_headers, trust_env=False, timeout=30
    )
    assert (fired.status_code, fired.json()) == (200, {"state": "ALARM"})
    queue.receive()
    note = journal.wait(Kind.TIMER, lambda r: r.name == name and r.data["after"] == "ALARM")
    assert (note.data["what"], note.data["before"]) == ("alarm", "OK")
    sent = journal.wait(Kind.CALL, lambda r: r.name == "SendMessage" and r.resource == queue.url, Phase.BEGIN)
    causes = journal.causes(sent)
    assert note in causes
    assert causes[-1].name == "cloudwatch-alarm"
    cloudwatch.delete_alarms(AlarmNames=[name])
    aws("sns").delete_topic(TopicArn=topic)
