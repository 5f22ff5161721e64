"""The tree of a flow on a terminal, as a user reads it after a failed test."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from harness.flow.explanation import Explanation, Finding, Place
from harness.flow.history import Activity
from harness.flow.pending import Pending
from harness.flow.steps import ShownFlow, Step
from harness.journal.records import Kind
from harness.terminal.flow_report import SHORT, report
from harness.terminal.flow_tree import HERE, draw, duration
from tests.unit.flow.happening import BY_CLIENT, BY_FUNCTION, Happening, welcome_that_cannot_be_mailed


def _name(resource: str) -> str:
    return resource.rpartition("/")[2].rpartition(":")[2]


def _screen(lines) -> str:
    return "\n".join(str(line) for line in lines)


def _finding(*activities: Activity, lost: bool = True, place: Place | None = None) -> Finding:
    sentence = "SES refuses the mails of WelcomeFunction: Sending is paused."
    return Finding("call-refused", sentence, "notifications.WelcomeFunction", place, activities, lost)


def _named(happened: Happening, name: str) -> list[Activity]:
    return [activity for activity in happened.activities if activity.begin.name == name]


def test_report_shows_the_tree_with_times_and_durations():
    happened = welcome_that_cannot_be_mailed()
    assert (
        _screen(draw(ShownFlow(happened.activities, _name)))
        == """\
      0 ms  events PutEvents lumen: UserRegistered  5 ms
      3 ms  └─ rule registrations
      4 ms     └─ function welcome  ✗ 3 attempts, then given up  3.26 s
     10 ms        ├─ attempt 1  ✗ Paused: Sending is paused.  50 ms
     20 ms        │  ├─ dynamodb PutItem sent  2 ms
     30 ms        │  └─ ses SendEmail  ✗  1 ms
     1.1 s        ├─ attempt 2  ✗ the same  50 ms
    1.11 s        │  ├─ dynamodb PutItem sent  2 ms
    1.12 s        │  └─ ses SendEmail  ✗  1 ms
     3.2 s        ├─ attempt 3  ✗ the same  50 ms
    3.21 s        │  ├─ dynamodb PutItem sent  2 ms
    3.22 s        │  └─ ses SendEmail  ✗  1 ms
    3.25 s        └─ given up, kept in dead  ✗ RetriesExhausted  7 ms"""
    )


def test_short_report_counts_successes_and_keeps_finding_place():
    happened = welcome_that_cannot_be_mailed()
    broken = _finding(_named(happened, "SendEmail")[-1])
    assert (
        _screen(draw(ShownFlow(happened.activities, _name), [broken], limit=8))
        == """\
      0 ms  events PutEvents lumen: UserRegistered  5 ms
      3 ms  └─ rule registrations
      4 ms     └─ function welcome  ✗ 3 attempts, then given up  3.26 s
     10 ms        ├─ attempt 1  ✗ Paused: Sending is paused.  50 ms  (+2 steps)
     1.1 s        ├─ attempt 2  ✗ the same  50 ms  (+2 steps)
     3.2 s        ├─ attempt 3  ✗ the same  50 ms  (+1 step)
▶   3.22 s        │  └─ ses SendEmail  ✗  1 ms
    3.25 s        └─ given up, kept in dead  ✗ RetriesExhausted  7 ms"""
    )


def test_report_omits_repetition_even_if_there_is_room():
    happened = welcome_that_cannot_be_mailed()
    kept = _finding(_named(happened, "SendEmail")[-1], lost=False)
    assert (
        _screen(draw(ShownFlow(happened.activities, _name), [kept], limit=25))
        == """\
      0 ms  events PutEvents lumen: UserRegistered  5 ms
      3 ms  └─ rule registrations
      4 ms     └─ function welcome  ✗ 3 attempts, then given up  3.26 s
     10 ms        ├─ attempt 1  ✗ Paused: Sending is paused.  50 ms
     20 ms        │  ├─ dynamodb PutItem sent  2 ms
     30 ms        │  └─ ses SendEmail  ✗  1 ms
     1.1 s        ├─ attempt 2  ✗ the same  50 ms  (+2 steps)
     3.2 s        ├─ attempt 3  ✗ the same  50 ms  (+1 step)
▷   3.22 s        │  └─ ses SendEmail  ✗  1 ms
    3.25 s        └─ given up, kept in dead  ✗ RetriesExhausted  7 ms"""
    )


def test_long_line_is_cut_in_its_message_and_not_in_its_name():
    happened = Happening()
    happened.did(Kind.CALL, "s3", "PutObject", data=BY_CLIENT, ended={"error": {"code": "Bad", "message": "x" * 300}})
    [line] = draw(ShownFlow(happened.activities), width=80)
    assert len(str(line)) == 80
    assert "s3 PutObject  ✗ Bad: xxx" in str(line)
    assert str(line).endswith("x…  0 ms")


def test_omitted_steps_of_the_root_level_are_counted():
    happened = Happening()
    for number in range(30):
        happened.did(Kind.CALL, "s3", "PutObject", number, resource=f"bucket/{number}", data=BY_CLIENT)
    lines = draw(ShownFlow(happened.activities), limit=10)
    assert len(lines) == 11
    assert str(lines[-1]) == "            and 20 steps more that went well"


def test_durations_have_readable_units():
    assert [duration(s) for s in (0.0, 0.0004, 0.012, 0.9994, 0.9996, 1.239, 12.34, 99.99, 125.0, 119.7)] == [
        "0 ms", "0 ms", "12 ms", "999 ms", "1 s", "1.24 s", "12.3 s", "100 s", "2 min 5 s", "2 min 0 s"
    ]  # fmt: skip


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(1, 40), st.integers(0, 40))
def test_report_exceeds_its_limit_only_for_a_finding(causes, limit, broken):
    happened = Happening()
    for number, cause in enumerate(causes):
        caused = {"cause": cause % number + 1} if number else {}
        happened.did(Kind.CALL, "sqs", f"n{number}", number, data=BY_FUNCTION, **caused)
    place = happened.activities[broken % len(causes)]
    shown = ShownFlow(happened.activities)
    lines = draw(shown, [_finding(place)], limit=limit)
    [here] = [str(line) for line in lines if str(line).startswith(HERE)]
    assert f"n{place.begin.name[1:]}" in here
    assert len(lines) <= max(limit, _depth(shown.steps, place)) + 1


def _depth(steps: Iterable[Step], place: Activity) -> int:
    """How many steps there are from the top to this activity."""
    for step in steps:
        if place in step.activities:
            return 1
        if below := _depth(step.children, place):
            return 1 + below
    return 0


@dataclass
class Told:
    """What a flow can be asked for."""

    happened: Happening
    findings: tuple[Finding, ...] = ()
    waiting: list[Pending] = field(default_factory=list)

    def shown(self) -> ShownFlow:
        return ShownFlow(self.happened.activities, _name)

    def explain(self) -> Explanation:
        return Explanation(self.findings)

    def pending(self) -> list[Pending]:
        return self.waiting


def _short() -> Happening:
    happened = Happening()
    happened.did(Kind.CALL, "sqs", "SendMessage", resource="orders", data=BY_CLIENT)
    happened.did(Kind.CALL, "ses", "SendEmail", 0.5, data=BY_CLIENT, ended={"error": {"code": "Paused"}})
    return happened


def test_report_ends_with_the_reason_and_template_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    happened = _short()
    place = Place(tmp_path / "stack" / "template.yaml", 41)
    assert (
        _screen(report(Told(happened, (_finding(_named(happened, "SendEmail")[0], place=place),)), width=50))
        == """\
      0 ms  sqs SendMessage orders  0 ms
▶   500 ms  ses SendEmail  ✗ Paused  0 ms

▶ SES refuses the mails of WelcomeFunction:
  Sending is paused.
  stack/template.yaml:41"""
    )


def test_pending_follows_findings_unless_one_explains_it():
    happened = _short()
    first, second = happened.activities
    waiting = [Pending(first, "a message in orders that worker has not read"), Pending(second, "ses goes on")]
    told = Told(happened, (_finding(second, lost=False),), waiting)
    assert _screen(report(told)).splitlines()[2:] == [
        "",
        "▷ SES refuses the mails of WelcomeFunction: Sending is paused.",
        "",
        "… a message in orders that worker has not read",
    ]
    assert "has not read" not in _screen(report(told, waiting=False))


def test_report_of_a_stopped_engine_shows_recorded_steps():
    class Gone(Told):
        def explain(self) -> Explanation:
            raise ConnectionError("refused")

    assert _screen(report(Gone(_short()))).splitlines()[1:] == [
        "    500 ms  ses SendEmail  ✗ Paused  0 ms",
        "",
        "Why is not known: ConnectionError: refused",
    ]


def test_a_flow_of_which_nothing_was_seen_says_so():
    assert _screen(report(Told(Happening()))) == "Nothing of this flow was seen."


def test_report_is_limited_to_the_short_length():
    happened = Happening()
    for number in range(200):
        happened.did(Kind.CALL, "s3", "PutObject", number, resource=f"bucket/{number}", data=BY_CLIENT)
    assert len(report(Told(happened))) == SHORT + 1
