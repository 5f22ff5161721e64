"""The journal: what happened, with what caused it, safe to read and bounded."""

import json
import threading
import uuid
from contextlib import suppress

import httpx
import pytest
from botocore.exceptions import ClientError

from harness.journal.records import Kind, Phase, Record

FORWARD = """
import os, boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=event["said"])
    return {"said": event["said"]}
"""


def _of(found: list[Record], service: str, name: str, phase: Phase) -> Record:
    [record] = [r for r in found if (r.service, r.name, r.phase) == (service, name, phase)]
    return record


def test_call_record_has_caller_request_response_and_times(traced, queue, records, trace):
    sent = traced("sqs").send_message(QueueUrl=queue.url, MessageBody="hello")
    found = records(trace=trace)
    begin, end = (_of(found, "sqs", "SendMessage", phase) for phase in (Phase.BEGIN, Phase.END))
    assert begin.kind is Kind.CALL
    assert (begin.cause, begin.resource, begin.data["caller"]["kind"]) == (None, queue.url, "client")
    assert begin.data["request"] == {"QueueUrl": queue.url, "MessageBody": "hello"}
    assert (end.activity, end.data["status"]) == (begin.activity, 200)
    assert end.data["response"]["MessageId"] == sent["MessageId"]
    assert end.at >= begin.at
    assert end.leaves == (f"message:{queue.arn}:{sent['MessageId']}",)


def test_a_refused_call_is_recorded_with_its_error(traced, records, trace):
    with pytest.raises(ClientError, match="NonExistentQueue"):
        traced("sqs").get_queue_url(QueueName="nowhere-to-be-found")
    end = _of(records(trace=trace), "sqs", "GetQueueUrl", Phase.END)
    assert end.data["status"] == 400
    assert end.data["error"]["code"] == "QueueDoesNotExist"


def test_call_of_a_function_is_caused_by_its_invocation(traced, function, queue, records, trace):
    made = function(FORWARD, Environment={"Variables": {"QUEUE": queue.url}})
    traced("lambda").invoke(FunctionName=made.name, Payload=json.dumps({"said": "hello"}))
    found = records(trace=trace)
    call = _of(found, "lambda", "Invoke", Phase.BEGIN)
    [invocation] = [r for r in found if r.kind is Kind.INVOCATION and r.phase is Phase.BEGIN]
    assert invocation.cause == call.activity
    assert invocation.data["event"] == {"said": "hello"}
    sent = _of(found, "sqs", "SendMessage", Phase.BEGIN)
    assert (sent.cause, sent.data["caller"]["kind"]) == (invocation.activity, "function")
    [ended] = [r for r in found if r.kind is Kind.INVOCATION and r.phase is Phase.END]
    assert (ended.activity, ended.data["result"], ended.data["cold"]) == (invocation.activity, {"said": "hello"}, True)
    assert "REPORT RequestId" in ended.data["log"]


def test_an_asynchronous_event_is_taken_up_where_it_was_left(traced, function, queue, records, trace):
    made = function(FORWARD, Environment={"Variables": {"QUEUE": queue.url}})
    traced("lambda").invoke(FunctionName=made.name, InvocationType="Event", Payload=json.dumps({"said": "later"}))
    assert queue.receive()["Body"] == "later"
    found = records(trace=trace)
    [left] = _of(found, "lambda", "Invoke", Phase.END).leaves
    [invocation] = [r for r in found if r.kind is Kind.INVOCATION and r.phase is Phase.BEGIN]
    assert invocation.takes == (left,)
    assert invocation.cause is None


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "secret"),
    [
        ("secretsmanager", "create_secret", {"Name": "journal-{id}", "SecretString": "hush-{id}"}, "hush"),
        ("ssm", "put_parameter", {"Name": "/journal/{id}", "Value": "hush-{id}", "Type": "SecureString"}, "hush"),
        ("cognito-idp", "initiate_auth", {
            "ClientId": "nobody", "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": "ada", "PASSWORD": "hush-{id}"},
        }, "hush"),
    ],
)  # fmt: skip
def test_secrets_are_not_recorded(traced, records, trace, service, operation, parameters, secret):
    one = uuid.uuid4().hex[:8]
    filled = json.loads(json.dumps(parameters).replace("{id}", one))
    # Refused or not, it was made.
    with suppress(ClientError):
        getattr(traced(service), operation)(**filled)
    found = records(trace=trace)
    assert found
    assert secret not in json.dumps([r.data for r in found])
    assert "<secret:" in json.dumps([r.data for r in found])


def test_a_large_payload_is_cut_and_keeps_its_size_and_digest(traced, queue, records, trace):
    traced("sqs").send_message(QueueUrl=queue.url, MessageBody="x" * 100_000)
    body = _of(records(trace=trace), "sqs", "SendMessage", Phase.BEGIN).data["request"]["MessageBody"]
    assert body["$cut"]["bytes"] == 100_000
    assert len(body["$cut"]["sha256"]) == 64
    assert set(body["$cut"]["begins"]) == {"x"}


def test_a_reader_that_follows_gets_records_as_they_come(engine, traced, queue, trace, last):
    seen: list[Record] = []
    connected, there = threading.Event(), threading.Event()

    def follow() -> None:
        query = {"after": last(), "trace": trace, "follow": "1"}
        with httpx.stream(
            "GET",
            f"{engine.endpoint_url}/_harness/journal",
            params=query,
            headers=engine.harness_headers,
            trust_env=False,
            timeout=30,
        ) as answer:
            for line in answer.iter_lines():
                connected.set()
                if line:
                    seen.append(Record.from_json(json.loads(line)))
                if len(seen) == 2:
                    there.set()
                    return

    threading.Thread(target=follow, daemon=True).start()
    assert connected.wait(60)
    assert seen == []
    traced("sqs").send_message(QueueUrl=queue.url, MessageBody="now")
    assert there.wait(60)
    assert [r.phase for r in seen] == [Phase.BEGIN, Phase.END]


def test_invalid_journal_query_returns_400_with_the_problem(engine):
    answer = httpx.get(
        f"{engine.endpoint_url}/_harness/journal?after=yesterday",
        headers=engine.harness_headers,
        trust_env=False,
        timeout=30,
    )
    assert (answer.status_code, answer.text) == (400, "after: not a sequence number\n")


def test_journal_response_has_oldest_kept_sequence(engine, traced, queue, records, trace):
    traced("sqs").send_message(QueueUrl=queue.url, MessageBody="now")
    begin = _of(records(trace=trace), "sqs", "SendMessage", Phase.BEGIN)
    headers = httpx.get(
        f"{engine.endpoint_url}/_harness/journal?after=999999999",
        headers=engine.harness_headers,
        trust_env=False,
        timeout=30,
    ).headers
    assert 1 <= int(headers["x-harness-first"]) <= begin.sequence <= int(headers["x-harness-last"])
