"""Secrets are cut before a record is kept; what joins records is joined all the same."""

import base64
import json
import re
import uuid

import pytest

from harness.engine.secrets import Shown, redactor_of
from harness.errors import EngineError
from harness.journal.records import Phase

MARK = re.compile(r"<secret:\w+ \d+ chars #[0-9a-f]{8}>")


def test_only_the_secret_part_of_a_message_is_cut(queue, traced, records, trace):
    body = {"user": "ada", "password": f"Hush-{uuid.uuid4().hex}", "note": "as it was"}
    traced("sqs").send_message(QueueUrl=queue.url, MessageBody=json.dumps(body))
    recorded = next(r for r in records(trace=trace) if r.name == "SendMessage" and r.phase is Phase.BEGIN)
    kept = json.loads(recorded.data["request"]["MessageBody"])
    assert {**kept, "password": None} == {**body, "password": None}
    assert MARK.fullmatch(kept["password"])
    [received] = traced("sqs").receive_message(QueueUrl=queue.url, WaitTimeSeconds=5)["Messages"]
    assert json.loads(received["Body"]) == body


def test_equal_secrets_are_seen_to_be_equal_for_readers_too(engine, queue, traced, records, trace):
    secret = f"Hush-{uuid.uuid4().hex}"
    for name in ("password", "userPassword"):
        traced("sqs").send_message(QueueUrl=queue.url, MessageBody=json.dumps({name: secret}))
    marks = {mark for r in records(trace=trace) for mark in MARK.findall(json.dumps(r.data))}
    assert marks == {redactor_of(engine).mark("password", secret)}


def test_secure_parameter_is_cut_and_a_plain_one_is_not(traced, records, trace):
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html"""
    name, ssm = f"/journal/{uuid.uuid4().hex}", traced("ssm")
    for kind, value in (("String", "plain-words"), ("SecureString", "hushed-words")):
        ssm.put_parameter(Name=f"{name}/{kind}", Value=value, Type=kind)
        assert ssm.get_parameter(Name=f"{name}/{kind}", WithDecryption=True)["Parameter"]["Value"] == value
    written = json.dumps([r.data for r in records(trace=trace)])
    assert "plain-words" in written
    assert "hushed-words" not in written


def test_bytes_of_a_stream_are_looked_into(traced, records, trace):
    name, kinesis, secret = f"journal-{uuid.uuid4().hex[:12]}", traced("kinesis"), f"Hush-{uuid.uuid4().hex}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    kinesis.put_record(StreamName=name, Data=json.dumps({"apiKey": secret}).encode(), PartitionKey="a")
    written = json.dumps([r.data for r in records(trace=trace)])
    assert secret not in written
    assert base64.b64encode(secret.encode()).decode().rstrip("=")[:-1] not in written
    kinesis.delete_stream(StreamName=name)


def test_engine_that_keeps_no_secrets_says_how_to_see_them(engine):
    with pytest.raises(EngineError, match="harness up --show-secrets"):
        Shown(engine)


def test_engine_reports_key_and_no_marks(engine):
    told = engine.harness.get("/secrets")
    assert (len(told["key"]), told["shown"], told["marks"]) == (64, False, {})
