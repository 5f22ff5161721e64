"""Journeys: a visitor's steps stay in order, and a failure of one visitor's steps does not affect other visitors."""

import json
import uuid
from typing import Any

from fixtures.analytics import Analytics, click_on, unique_album, unique_visitor
from fixtures.services import Queues
from harness import Faults, Kind, NewFlow

REFUSED = "AccessDeniedException"
"""A refusal that the SDK does not repeat."""
WALK = ("open", "like", "open", "share", "download", "open", "like", "share")


def _steps(visitor: str, *kinds: str) -> list[dict[str, Any]]:
    album = unique_album()
    return [click_on(album, visitor=visitor, kind=kind) for kind in kinds]


def _of(visitor: str, step: dict[str, Any] | None = None) -> str:
    """A fault's condition: this visitor's steps are not written, or one of them."""
    mine = f"Key.visitor.S == '{visitor}'"
    return f"{mine} && ExpressionAttributeValues.\":click_id\".S == '{step['click_id']}'" if step else mine


def _send(analytics: Analytics, clicks: list[dict[str, Any]]) -> None:
    """Send steps straight into the queue, as the aggregation does."""
    entries = [
        {
            "Id": str(number),
            "MessageBody": json.dumps(click),
            "MessageGroupId": click["visitor"],
            "MessageDeduplicationId": str(uuid.uuid4()),
        }
        for number, click in enumerate(clicks)
    ]
    for start in range(0, len(entries), 10):
        answer = analytics.aws("sqs").send_message_batch(
            QueueUrl=analytics.physical_id("JourneysQueue"), Entries=entries[start : start + 10]
        )
        assert "Failed" not in answer, answer


def test_the_steps_of_each_visitor_stay_in_order(flow: NewFlow, analytics: Analytics):
    one, other = unique_visitor(), unique_visitor()
    with flow() as f:
        for first, second in zip(_steps(one, *WALK), _steps(other, *reversed(WALK)), strict=True):
            analytics.put(first, key=one)
            analytics.put(second, key=other)
    f.settle(hurry=True)
    assert analytics.journey(one) == list(WALK)
    assert analytics.journey(other) == list(reversed(WALK))


def test_failed_journey_step_blocks_later_steps_of_its_visitor(flow: NewFlow, analytics: Analytics, faults: Faults):
    visitor, other = unique_visitor(), unique_visitor()
    steps = _steps(visitor, "open", "like", "share")
    with faults.failing("dynamodb", "UpdateItem", code=REFUSED, times=2, when=_of(visitor, steps[1])) as fault:
        with flow() as f:
            _send(analytics, steps)
            _send(analytics, _steps(other, "open", "download"))
        f.settle(hurry=True)
        assert fault.struck == 2
    assert analytics.journey(visitor) == ["open", "like", "share"]
    assert analytics.journey(other) == ["open", "download"]


def test_failing_journey_step_is_dead_lettered_others_continue(
    flow: NewFlow, analytics: Analytics, faults: Faults, queue: Queues
):
    visitor, other = unique_visitor(), unique_visitor()
    steps = _steps(visitor, "open", "like", "share")
    dead_letters = queue("analytics", "JourneysDeadLetterQueue")
    with (
        dead_letters.undisturbed(),
        faults.failing("dynamodb", "UpdateItem", code=REFUSED, when=_of(visitor, steps[1])) as fault,
    ):
        with flow() as f:
            _send(analytics, steps)
            _send(analytics, _steps(other, "open"))
        f.settle(hurry=True)
        assert fault.struck == 3
        dead = [message.body for message in dead_letters.left_by(f)]
        journey = analytics.journey(visitor)
    assert dead[0] == steps[1]
    # A later step that was always received together with it goes with it, in order; it is not lost, nor written twice.
    assert journey + [step["kind"] for step in dead[1:]] == ["open", "share"]
    assert analytics.journey(other) == ["open"]


def test_dead_lettered_journey_step_is_written_after_redrive(
    flow: NewFlow, analytics: Analytics, faults: Faults, queue: Queues
):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html"""
    visitor = unique_visitor()
    [first, second] = _steps(visitor, "open", "like")
    dead_letters = queue("analytics", "JourneysDeadLetterQueue")
    with dead_letters.alone():
        with faults.failing("dynamodb", "UpdateItem", code=REFUSED, when=_of(visitor, first)), flow() as f:
            _send(analytics, [first])
            f.settle(hurry=True)
        assert [dead.body for dead in dead_letters.left_by(f)] == [first]
        with flow() as later:
            _send(analytics, [second])
        later.settle(hurry=True)
        assert analytics.journey(visitor) == ["like"]
        with flow() as moved:
            dead_letters.move_back()
        moved.settle(hurry=True)
        assert dead_letters.left_by(f) == []
    assert analytics.journey(visitor) == ["like", "open"]


def test_a_step_that_arrives_twice_is_one_step(flow: NewFlow, analytics: Analytics):
    """A FIFO queue accepts a message again after its deduplication interval of five minutes."""
    visitor = unique_visitor()
    first, second = _steps(visitor, "open", "like")
    with flow() as f:
        _send(analytics, [first, second, first])
    f.settle(hurry=True)
    assert analytics.journey(visitor) == ["open", "like"]


def test_steps_come_in_batches_of_ten_at_most(flow: NewFlow, analytics: Analytics):
    visitor = unique_visitor()
    with flow() as f:
        _send(analytics, _steps(visitor, *("open", "like") * 8))
    f.settle(hurry=True)
    assert analytics.journey(visitor) == ["open", "like"] * 8
    batches = [batch.data["records"] for batch in f.find(Kind.BATCH) if "JourneysQueue" in batch.data["source"]]
    assert max(map(len, batches)) <= 10
    # Fewer batches than steps: they do not come one by one.
    assert len(batches) < 16


def test_invalid_journey_message_is_dead_lettered_alone(flow: NewFlow, analytics: Analytics, queue: Queues):
    visitor = unique_visitor()
    dead_letters = queue("analytics", "JourneysDeadLetterQueue")
    with dead_letters.undisturbed():
        with flow() as f:
            _send(analytics, [{"visitor": visitor, "surprise": True}])
        f.settle(hurry=True)
        assert [dead.body for dead in dead_letters.left_by(f)] == [{"visitor": visitor, "surprise": True}]
        with flow() as later:
            _send(analytics, _steps(visitor, "open"))
        later.settle(hurry=True)
    assert analytics.journey(visitor) == ["open"]
