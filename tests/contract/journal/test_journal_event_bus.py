"""What a bus's rules make of an event (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rules.html)."""

import json
import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from harness.journal.records import Kind, Phase
from tests.contract.functions import Queue


@pytest.fixture
def events(aws):
    return aws("events")


@pytest.fixture
def bus(events):
    name = f"journal-{uuid.uuid4().hex[:12]}"
    events.create_event_bus(Name=name)
    yield name
    for rule in events.list_rules(EventBusName=name)["Rules"]:
        if targets := events.list_targets_by_rule(Rule=rule["Name"], EventBusName=name)["Targets"]:
            events.remove_targets(Rule=rule["Name"], EventBusName=name, Ids=[t["Id"] for t in targets])
        events.delete_rule(Name=rule["Name"], EventBusName=name)
    events.delete_event_bus(Name=name)


@pytest.fixture
def rule(events, bus):
    """`rule(pattern, target_arn)` on the bus; its ARN."""

    def make(pattern, target=None, state="ENABLED", **options):
        name = f"rule-{uuid.uuid4().hex[:8]}"
        arn = events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern), State=state)["RuleArn"]
        if target:
            events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "target", "Arn": target, **options}])
        return arn

    return make


def _put(events, bus, **detail):
    entry = {"EventBusName": bus, "Source": "journal", "DetailType": "Told", "Detail": json.dumps(detail)}
    return events.put_events(Entries=[entry])["Entries"][0]["EventId"]


def _decision(journal, arn):
    return journal.wait(Kind.DECISION, lambda r: r.resource == arn)


def test_each_rule_says_whether_it_lets_the_event_pass(events, bus, rule, queue, journal):
    matching = rule({"detail": {"size": ["large"]}}, queue.arn)
    other = rule({"detail": {"size": ["small"]}}, queue.arn)
    event_id = _put(events, bus, size="large")
    passed, refused = _decision(journal, matching), _decision(journal, other)
    assert (passed.data["passed"], passed.data["pattern"]) == (True, {"detail": {"size": ["large"]}})
    assert (refused.data["passed"], refused.data["reason"]) == (False, "Pattern")
    assert passed.data["event"]["id"] == refused.data["event"]["id"] == event_id
    assert passed.data["event"]["detail"] == {"size": "large"}
    assert [r.name for r in journal.causes(passed)] == ["PutEvents"]


def test_a_delivery_is_caused_by_the_rule_and_leaves_the_message(events, bus, rule, queue, journal):
    arn = rule({"source": ["journal"]}, queue.arn, InputTransformer={
        "InputPathsMap": {"size": "$.detail.size"}, "InputTemplate": '{"was": <size>}',
    })  # fmt: skip
    _put(events, bus, size="large")
    assert json.loads(queue.receive()["Body"]) == {"was": "large"}
    sent = journal.wait(Kind.CALL, lambda r: r.name == "SendMessage" and r.resource == queue.url, Phase.BEGIN)
    delivery, decision, put = journal.causes(sent)
    assert (delivery.kind, delivery.data["source"], delivery.data["target"]) == (Kind.DELIVERY, arn, queue.arn)
    assert delivery.data["InputTransformer"]["InputTemplate"] == '{"was": <size>}'
    assert json.loads(sent.data["request"]["MessageBody"]) == {"was": "large"}
    assert (decision.resource, put.name) == (arn, "PutEvents")


def test_a_disabled_rule_takes_no_event(events, bus, rule, queue, journal):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-delete-rule.html"""
    disabled, enabled = (rule({"source": ["journal"]}, queue.arn, state=state) for state in ("DISABLED", "ENABLED"))
    _put(events, bus, number=1)
    said = _decision(journal, disabled).data
    assert (said["passed"], said["reason"]) == (False, "Disabled")
    assert _decision(journal, enabled).data["passed"]
    queue.receive()
    sent = [r for r in journal.all() if r.name == "SendMessage" and r.resource == queue.url and r.phase is Phase.BEGIN]
    assert len(sent) == 1


def test_a_rule_without_targets_says_so(events, bus, rule, journal):
    arn = rule({"source": ["journal"]})
    _put(events, bus)
    assert _decision(journal, arn).data["reason"] == "NoTargets"


def test_an_event_that_no_rule_hears_says_so(events, bus, journal):
    event_id = _put(events, bus, number=1)
    note = _decision(journal, f"arn:aws:events:us-east-1:000000000000:event-bus/{bus}")
    assert (note.data["reason"], note.data["event"]["id"]) == ("NoRules", event_id)


def test_event_to_unknown_bus_is_accepted_and_lost(events, journal):
    event_id = _put(events, "nowhere-to-be-found", number=1)
    note = _decision(journal, "arn:aws:events:us-east-1:000000000000:event-bus/nowhere-to-be-found")
    assert (note.data["reason"], note.data["event"]["id"]) == ("NoSuchEventBus", event_id)


def test_an_event_that_eventbridge_refuses_says_why(events, bus, journal):
    events.put_events(Entries=[{"EventBusName": bus, "Source": "journal", "DetailType": "Told", "Detail": "no JSON"}])
    note = _decision(journal, f"arn:aws:events:us-east-1:000000000000:event-bus/{bus}")
    assert note.data["reason"] == "MalformedDetail"
    assert note.data["error"] == "Detail is malformed."


def test_event_with_deleted_target_is_dead_lettered(events, bus, rule, queue, aws, journal):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html"""
    gone = Queue(aws("sqs"))
    arn = rule({"source": ["journal"]}, gone.arn, DeadLetterConfig={"Arn": queue.arn})
    gone.client.delete_queue(QueueUrl=gone.url)
    event_id = _put(events, bus, number=1)
    message = queue.receive()
    assert json.loads(message["Body"])["id"] == event_id
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["RULE_ARN"] == arn
    assert attributes["TARGET_ARN"] == gone.arn
    assert attributes["ERROR_CODE"] == "NO_RESOURCE"
    assert attributes["RETRY_ATTEMPTS"] == "0"
    note = journal.wait(Kind.DEAD_LETTER, lambda r: r.resource == arn)
    assert (note.data["source"], note.data["target"]) == (gone.arn, queue.arn)
    sent = journal.wait(Kind.CALL, lambda r: r.name == "SendMessage" and r.resource == queue.url, Phase.BEGIN)
    assert sent.cause == note.activity


def test_throttled_target_is_retried_and_then_given_up(events, bus, rule, queue, function, engine, journal):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html"""
    made = function("def handler(event, context): pass\n")
    target = made.client.get_function(FunctionName=made.name)["Configuration"]["FunctionArn"]
    arn = rule({"source": ["journal"]}, target, DeadLetterConfig={"Arn": queue.arn}, RetryPolicy={
        "MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60,
    })  # fmt: skip
    made.client.add_permission(
        FunctionName=made.name, StatementId="rule", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    fault = {
        "service": "lambda",
        "operations": ["Invoke"],
        "code": "TooManyRequestsException",
        "status": 429,
        "when": f"FunctionName == '{target}'",
    }
    with httpx.Client(
        base_url=engine.endpoint_url, headers=engine.harness_headers, trust_env=False, timeout=30
    ) as http:
        put = http.put("/_harness/faults", json=fault)
        assert put.status_code == 200, put.text
        try:
            _put(events, bus, number=1)
            message = queue.receive()
        finally:
            http.delete(f"/_harness/faults/{put.json()['fault_id']}")
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert (attributes["RETRY_ATTEMPTS"], attributes["EXHAUSTED_RETRY_CONDITION"]) == ("1", "MaximumRetryAttempts")
    timer = journal.wait(Kind.TIMER, lambda r: r.resource == arn)
    assert (timer.data["what"], timer.data["attempt"]) == ("retry", 2)
    assert timer.data["when"] > timer.at
    second = journal.wait(Kind.DELIVERY, lambda r: r.data.get("source") == arn and r.data.get("attempt") == 2)
    assert second.cause == timer.activity
    assert journal.wait(Kind.DEAD_LETTER, lambda r: r.resource == arn).data["reason"] == "RetriesExhausted"


def test_replayed_event_is_caused_by_replay_and_joins_original(events, bus, rule, queue, journal):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-replay-archived-event.html"""
    bus_arn = f"arn:aws:events:us-east-1:000000000000:event-bus/{bus}"
    archive = events.create_archive(ArchiveName=bus, EventSourceArn=bus_arn)["ArchiveArn"]
    arn = rule({"source": ["journal"]}, queue.arn)
    event_id = _put(events, bus, number=1)
    queue.receive()
    kept = journal.wait(Kind.DELIVERY, lambda r: r.resource == archive)
    assert kept.leaves == (f"archived:{archive}:{event_id}",)
    now = datetime.now(UTC)
    events.start_replay(
        ReplayName=bus, EventSourceArn=archive, Destination={"Arn": bus_arn},
        EventStartTime=now - timedelta(minutes=5), EventEndTime=now + timedelta(minutes=5),
    )  # fmt: skip
    queue.receive()
    again = journal.wait(Kind.DELIVERY, lambda r: r.takes == kept.leaves)
    assert journal.causes(again)[0].name == "StartReplay"
    decision = journal.wait(Kind.DECISION, lambda r: r.resource == arn and r.cause == again.activity)
    assert decision.data["event"]["id"] == journal.end(again).data["event_id"]
    events.delete_archive(ArchiveName=bus)


def test_a_schedule_that_runs_is_the_cause_of_what_follows(events, queue, engine, journal):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html"""
    name = f"journal-{uuid.uuid4().hex[:12]}"
    arn = events.put_rule(Name=name, ScheduleExpression="rate(1 day)")["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue.arn}])
    fired = httpx.post(
        f"{engine.endpoint_url}/_harness/fire",
        json={"kind": "schedule", "schedule": arn},
        headers=engine.harness_headers,
        trust_env=False,
        timeout=30,
    )
    assert (fired.status_code, fired.json()) == (200, {"schedule": arn, "state": "ENABLED", "targets": 1})
    event = json.loads(queue.receive()["Body"])
    assert (event["detail-type"], event["source"], event["resources"]) == ("Scheduled Event", "aws.events", [arn])
    sent = journal.wait(Kind.CALL, lambda r: r.name == "SendMessage" and r.resource == queue.url, Phase.BEGIN)
    _, timer, fire = journal.causes(sent)
    assert (timer.kind, timer.resource, timer.data["schedule"]) == (Kind.TIMER, arn, "rate(1 day)")
    assert (fire.name, fire.cause) == ("schedule", None)
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)


def test_a_schedule_that_does_not_exist_cannot_be_fired(engine):
    arn = "arn:aws:events:us-east-1:000000000000:rule/nowhere-to-be-found"
    answer = httpx.post(
        f"{engine.endpoint_url}/_harness/fire",
        json={"kind": "schedule", "schedule": arn},
        headers=engine.harness_headers,
        trust_env=False,
        timeout=30,
    )
    assert answer.status_code == 404
    assert answer.json()["error"].startswith(f"there is no schedule {arn}")
