"""When a message or a record that was not handled is lost, and when that is how queues and streams work
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html)."""

import pytest

from harness.flow.pending import Pending
from harness.journal.records import Kind
from tests.unit.flow.explain.on_paper import FUNCTION, QUEUE, STREAM, only, told, topology
from tests.unit.flow.happening import Happening

STACK = """
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 30}}
  Parked: {Type: AWS::SQS::Queue}
  Stream: {Type: AWS::Kinesis::Stream}
  Small: {Type: AWS::Lambda::Function}
  Large: {Type: AWS::Lambda::Function}
  ToSmall:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Queue.Arn
      FunctionName: !Ref Small
      FilterCriteria:
        Filters:
          - Pattern: '{"body": {"total": [{"numeric": ["<", 10]}]}}'
  ToLarge:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Queue.Arn
      FunctionName: !Ref Large
      FilterCriteria:
        Filters:
          - Pattern: '{"body": {"total": [{"numeric": [">", 10]}], "paid": [true]}}'
  Clicks:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      EventSourceArn: !GetAtt Stream.Arn
      FunctionName: !Ref Small
      MaximumRetryAttempts: 3
      FilterCriteria:
        Filters:
          - Pattern: '{"data": {"kind": ["click"]}}'
"""
SMALL, LARGE, SOURCE, CLICKS = f"{FUNCTION}small", f"{FUNCTION}large", f"{QUEUE}queue", f"{STREAM}stream"
NO = {"errorType": "ValueError", "errorMessage": "no"}


@pytest.fixture
def stack(tmp_path):
    return topology(tmp_path, STACK)


def sent(happened, *messages, source=SOURCE, **request):
    kind = "message" if ":sqs:" in source else "record"
    for one in messages:
        happened.did(
            Kind.CALL, "sqs", "SendMessage", leaves=(f"{kind}:{source}:{one}",), data={"request": request}
        )  # fmt: skip


def batch(happened, *records, source=SOURCE, mapping="tosmall", error=None, log="", result=None, **data):
    """An attempt of a mapping's function; `failed` and `filtered` name what it failed on and what it was not given."""
    kind = "message" if ":sqs:" in source else "record"
    ended = {name: data.pop(name, []) for name in ("failed", "filtered")}
    begun = happened.begin(
        Kind.BATCH, "lambda", "small", resource=SMALL, takes=tuple(f"{kind}:{source}:{one}" for one in records),
        data={"mapping": mapping, "source": source, "target": SMALL,
              "records": [{"id": one, **({"group": data["group"]} if "group" in data else {})} for one in records], **data},
    )  # fmt: skip
    call = happened.did(Kind.CALL, "lambda", "Invoke", resource=SMALL, cause=begun)
    said = {"log": log, **({"error": error} if error else {"result": result})}
    happened.did(Kind.INVOCATION, "lambda", "small", resource=SMALL, cause=call, ended=said)
    happened.end(begun, 0.0, data={**ended, **({"error": error} if error else {})})
    return begun


def refused(happened, one, body, mapping="tosmall", function=SMALL, source=SOURCE):
    event = {"messageId": one, "body": body} if ":sqs:" in source else {"kinesis": {"data": body}}
    kind = "message" if ":sqs:" in source else "record"
    happened.note(
        Kind.DECISION, "lambda", "small", resource=function, takes=(f"{kind}:{source}:{one}",),
        data={"rule": mapping, "passed": False, "reason": "Pattern", "source": source, "event": event},
    )  # fmt: skip


def pending(happened):
    return [Pending(activity, "waits") for activity in happened.activities]


def test_message_handled_on_retry_has_no_finding(stack):
    happened = Happening()
    sent(happened, "1")
    batch(happened, "1", failed=["1"], error=NO)
    batch(happened, "1")
    assert told(happened, stack) == []


def test_message_shown_again_is_not_lost(stack):
    happened = Happening()
    sent(happened, "1")
    batch(happened, "1", failed=["1"], error=NO)
    assert only(happened, stack) == (
        "handler-raised",
        "Function Small raised ValueError: no in its only attempt; the message of queue Queue is shown again.",
        False,
    )


def test_message_taken_by_another_mapping_has_no_finding(stack):
    happened = Happening()
    sent(happened, "1")
    refused(happened, "1", {"total": 20, "paid": True})
    batch(happened, "1", mapping="tolarge")
    assert told(happened, stack) == []


def test_finding_names_the_nearest_of_several_refusing_filters(stack):
    happened = Happening()
    sent(happened, "1")
    refused(happened, "1", {"total": 10})
    refused(happened, "1", {"total": 10}, "tolarge", LARGE)
    [finding] = told(happened, stack)
    assert (finding.cause, finding.place.line, finding.lost) == ("filter-refused", 15, True)
    assert finding.sentence == (
        "The filter of the mapping for function Small refused a message of queue Queue: body.total is 10, and it wants a "
        "number < 10."
    )


def test_filtered_stream_record_is_explained_if_none_was_taken(stack):
    happened = Happening()
    sent(happened, "1", "2", source=CLICKS)
    refused(happened, "1", "eyJraW5kIjogInZpZXcifQ==", "clicks", source=CLICKS)
    [finding] = told(happened, stack, pending(happened))
    assert (finding.cause, finding.place.line, finding.lost) == ("filter-refused", 32, False)
    batch(happened, "2", source=CLICKS, mapping="clicks")
    assert told(happened, stack) == []


def test_enabled_mapping_that_reads_nothing_is_mapping_disabled(stack):
    happened = Happening()
    sent(happened, "1")
    assert told(happened, stack, pending(happened)) == []
    cause, sentence, lost = only(happened, stack)
    assert (cause, lost) == ("mapping-disabled", False)
    assert sentence == (
        "A message of queue Queue waits, as the mapping that reads it for function Small is not at work, although the "
        "template enables it."
    )


def test_queue_without_reader_has_no_finding(stack):
    happened = Happening()
    sent(happened, "1", source=f"{QUEUE}parked")
    assert told(happened, stack) == []


def test_blocked_shard_finding_counts_attempts_and_records(stack):
    happened = Happening()
    sent(happened, "1", "2", "3", source=CLICKS)
    batch(happened, "1", "2", source=CLICKS, mapping="clicks", shard="s", failed=["1", "2"], error=NO)
    assert only(happened, stack, pending(happened)) == (
        "shard-blocked",
        "A record of stream Stream blocks its shard: function Small raised ValueError: no in its only attempt; it is tried "
        "again up to 3 times, and 1 record waits behind it.",
        False,
    )


def test_a_group_is_blocked_only_where_something_waits_in_it(stack):
    for behind, cause in (((), "handler-raised"), (("2",), "group-blocked")):
        happened = Happening()
        sent(happened, "1", *behind, MessageGroupId="g")
        batch(happened, "1", failed=["1"], error=NO, group="g")
        assert [finding.cause for finding in told(happened, stack, pending(happened))] == [cause]


def test_repeated_message_is_explained_if_function_is_too_slow(stack):
    for milliseconds, causes in ((2000, []), (3500, ["visibility-timeout-too-short"])):
        happened = Happening()
        sent(happened, "1")
        batch(happened, "1", log=f"REPORT\tDuration: {milliseconds}.00 ms\t", visibility_timeout_seconds=3)
        assert [finding.cause for finding in told(happened, stack)] == causes


def test_failed_item_of_another_batch_has_no_finding(stack):
    """If the mapping uses ReportBatchItemFailures, Lambda then treats the whole batch as failed."""
    happened = Happening()
    sent(happened, "1")
    batch(happened, "1", result={"batchItemFailures": [{"itemIdentifier": "7"}]})
    assert told(happened, stack) == []
