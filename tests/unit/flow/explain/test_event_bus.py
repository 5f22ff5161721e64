"""When an event that a rule refused is lost, and when that is how a bus works."""

import pytest

from harness.journal.records import Kind

RULES = """
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: bus}}
  Placed:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern:
        source: [shop]
        detail-type: [OrderPlaced]
        detail: {total: [{numeric: [">", 100]}]}
  Cancelled:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {source: [shop], detail-type: [OrderCancelled], detail: {reason: [late]}}
  Log:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Bus
      EventPattern: {source: [{prefix: ""}]}
"""
ARN = "arn:aws:events:us-east-1:000000000000"
PATTERNS = {
    "placed": {"source": ["shop"], "detail-type": ["OrderPlaced"], "detail": {"total": [{"numeric": [">", 100]}]}},
    "cancelled": {"source": ["shop"], "detail-type": ["OrderCancelled"], "detail": {"reason": ["late"]}},
    "log": {"source": [{"prefix": ""}]},
}


@pytest.fixture
def bus(recording):
    return recording(RULES)


def put(bus, event, **rules):
    """`passed` of each rule, or the reason why not."""
    call = bus.call("events", "PutEvents", "bus")
    decide(bus, call, event, **rules)


def decide(bus, call, event, **rules):
    for rule, said in rules.items():
        decided = {"passed": True} if said is True else {"passed": False, "reason": said}
        pattern = PATTERNS.get(rule.removeprefix("Events-Archive-"), {})
        arn = f"{ARN}:rule/bus/{rule}"
        bus.note(Kind.DECISION, "events", rule, arn, call, rule=arn, pattern=pattern, event=event, **decided)


def event(detail_type="OrderPlaced", source="shop", **detail):
    return {"id": f"{detail_type}{detail}", "source": source, "detail-type": detail_type, "detail": detail}


def test_event_taken_by_a_rule_is_not_lost_for_refusing_rules(bus):
    put(bus, event(total=200), placed=True, cancelled="Pattern")
    assert not bus.explained()


def test_finding_names_the_nearest_of_several_refusing_rules(bus):
    put(bus, event(total=50), cancelled="Pattern", placed="Pattern")
    [finding] = bus.explained()
    assert finding.cause == "pattern-refused"
    assert finding.resource == "shop.Placed"
    assert finding.sentence == (
        "No rule took the event 'OrderPlaced' of 'shop': Placed, the nearest of 2, refused detail.total: it wants a number "
        "> 100, the event has 50."
    )
    assert finding.place.line == 11


def test_archive_does_not_count_as_consumer_of_an_event(bus):
    arguments = {"Events-Archive-all": True, "placed": "Pattern"}
    put(bus, event(total=50), **arguments)
    assert bus.told() == [("pattern-refused", True)]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        # It is about such events, but for one field.
        (event(total=50), [("pattern-refused", False)]),
        # A name that was probably meant.
        (event("Order Placed", total=200), [("pattern-refused", False)]),
        # Another event, which only the log's rule matches.
        (event("CustomerMoved", total=200), []),
        (event("OrderPlaced", "warehouse", total=50), []),
    ],
)
def test_catch_all_rule_hides_events_without_a_near_rule(bus, what, told):
    put(bus, what, log=True, placed="Pattern")
    assert bus.told() == told


def test_service_event_is_lost_only_if_a_rule_nearly_matches(recording):
    bus = recording("""
  Uploaded:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.s3], detail-type: [Object Created], detail: {object: {key: [{prefix: in/}]}}}
""")
    for detail_type, key in (("Object Deleted", "in/1"), ("Object Created", "out/1")):
        call = bus.call("s3", "PutObject")
        told = event(detail_type, "aws.s3", object={"key": key})
        arn = f"{ARN}:rule/uploaded"
        bus.note(
            Kind.DECISION,
            "events",
            "uploaded",
            arn,
            call,
            rule=arn,
            passed=False,
            reason="Pattern",
            pattern={},
            event=told,
        )
    [finding] = bus.explained()
    assert "'Object Created' of 'aws.s3'" in finding.sentence


def test_event_of_unknown_kind_is_explained_at_the_bus(bus):
    put(bus, event("CustomerMoved", "crm"), placed="Pattern", cancelled="Pattern")
    [finding] = bus.explained()
    assert (finding.cause, finding.resource) == ("no-rule", "shop.Bus")
    assert finding.sentence == (
        "No rule of bus Bus is about the event 'CustomerMoved' of 'crm': its 2 rules are about other events."
    )


def test_disabled_matching_rule_is_nearer_than_enabled_mismatch(bus):
    put(bus, event(total=200), placed="Disabled", cancelled="Pattern")
    assert bus.told() == [("rule-disabled", True)]


def test_disabled_mismatching_rule_is_explained_as_both(bus):
    put(bus, event(total=50), placed="Disabled")
    [finding] = bus.explained()
    assert finding.cause == "pattern-refused"
    assert finding.sentence.endswith("; it is disabled, too.")


def test_each_entry_of_a_call_is_a_separate_event(bus):
    call = bus.call("events", "PutEvents", "bus")
    decide(bus, call, event(total=200), placed=True)
    decide(bus, call, event(total=50), placed="Pattern")
    assert bus.told() == [("pattern-refused", True)]


def test_event_of_rule_without_template_is_explained_by_engine(recording):
    bus = recording("  Queue: {Type: AWS::SQS::Queue}\n")
    put(bus, event(total=50), placed="Pattern")
    [finding] = bus.explained()
    assert (finding.cause, finding.place) == ("pattern-refused", None)
    assert "detail.total" in finding.sentence


@pytest.mark.parametrize(("reason", "cause"), [("NoRules", "no-rule"), ("NoSuchEventBus", "no-such-bus"),
                                                ("MalformedDetail", "entry-refused")])  # fmt: skip
def test_event_lost_by_the_bus_has_a_finding_with_the_reason(bus, reason, cause):
    call = bus.call("events", "PutEvents", "nowhere")
    arn = f"{ARN}:event-bus/nowhere"
    bus.note(
        Kind.DECISION, "events", "nowhere", arn, call, rule="", passed=False, reason=reason, event=event(), error="No."
    )
    assert bus.told() == [(cause, True)]


def test_bus_in_another_region_is_wrong_region(bus):
    call = bus.call("events", "PutEvents", "bus", region="eu-west-1")
    arn = f"{ARN.replace('us-east-1', 'eu-west-1')}:event-bus/bus"
    bus.note(
        Kind.DECISION, "events", "bus", arn, call, rule="", passed=False, reason="NoSuchEventBus", event=event(),
        region="eu-west-1",
    )  # fmt: skip
    [finding] = bus.explained()
    assert (finding.cause, finding.resource) == ("wrong-region", "shop.Bus")
    assert finding.sentence == "The test called PutEvents for bus Bus in eu-west-1, and it is in us-east-1."


# ── targets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def delivery(bus, rule="placed", error=None, attempt=1, cause=None):
    call = cause or bus.call("events", "PutEvents", "bus")
    arn, target = f"{ARN}:rule/bus/{rule}", "arn:aws:sqs:us-east-1:000000000000:queue"
    data = {"source": arn, "target": target, "event": event(total=200), "attempt": attempt}
    return bus.activity(Kind.DELIVERY, "events", "1", target, call, **data, **({"error": error} if error else {}))


def test_delivery_that_succeeded_on_retry_has_no_finding(bus):
    call = bus.call("events", "PutEvents", "bus")
    delivery(bus, error={"code": "ThrottlingException", "message": "slow down"}, cause=call)
    delivery(bus, attempt=2, cause=call)
    assert not bus.explained()


@pytest.mark.parametrize(("queue", "lost"), [("arn:aws:sqs:us-east-1:000000000000:dead", False), ("", True)])
def test_event_given_up_is_lost_without_dead_letter_queue(bus, queue, lost):
    error = {"code": "AWS.SimpleQueueService.NonExistentQueue", "message": "there is none"}
    failed = delivery(bus, error=error)
    data = {"source": "arn:aws:sqs:us-east-1:000000000000:queue", "reason": error["code"], "error": error}
    bus.note(
        Kind.DEAD_LETTER, "events", "1", f"{ARN}:rule/bus/placed", bus.history.activities[failed].begin.cause,
        event=event(total=200), **data, **({"target": queue} if queue else {}),
    )  # fmt: skip
    assert bus.told() == [("target-missing", lost)]
    [finding] = bus.explained()
    assert finding.sentence.endswith("; it is kept in dead-letter queue dead.") is bool(queue)


@pytest.mark.parametrize("again", [False, True])
def test_delivery_waiting_for_a_retry_is_explained_until_then(bus, again):
    failed = delivery(bus, error={"code": "ThrottlingException", "message": "slow down"})
    cause = bus.history.activities[failed].begin.cause
    retry = bus.note(Kind.TIMER, "events", "1", f"{ARN}:rule/bus/placed", cause, what="retry", when=9e9, attempt=2)
    if again:
        delivery(bus, attempt=2, cause=retry)
        assert not bus.explained()
    else:
        [finding] = bus.explained()
        assert (finding.cause, finding.lost) == ("target-refused", False)
        assert finding.sentence == (
            "Rule Placed could not hand the event to queue queue: ThrottlingException, slow down; it is tried again."
        )
