"""What is said on a connection belongs to the flow in which it is said, whenever the connection was opened."""

from harness.engine import tracing
from harness.flow.history import Activity, History
from harness.journal.records import Kind, Phase, Record

FIRST, SECOND, CONNECTION = "1-00000000-1", "1-00000000-2", "1-00000000-c"


def happened(history: History, activity: int, kind: Kind, name: str, *takes: str) -> None:
    record = Record(
        sequence=activity, kind=kind, phase=Phase.NOTE, activity=activity, cause=None, at=float(activity),
        service="apigatewayv2", name=name, trace=CONNECTION, takes=takes,
    )  # fmt: skip
    history.add(record)


def names(found: list[Activity]) -> list[str]:
    return [activity.begin.name for activity in found]


def a_connection(history: History) -> None:
    happened(history, 1, Kind.REQUEST, "CONNECT")
    happened(history, 2, Kind.FRAME, "one", f"frame:{CONNECTION}:1")
    happened(history, 3, Kind.FRAME, "two", f"frame:{CONNECTION}:2")
    happened(history, 4, Kind.CONNECTION, "DISCONNECT", f"connection:{CONNECTION}")


def test_frame_belongs_to_claiming_flow_and_rest_to_connecting():
    history = History()
    history.claim(f"handshake:{CONNECTION}", FIRST)
    history.claim(f"frame:{CONNECTION}:2", SECOND)
    a_connection(history)
    assert names(history.roots_of(FIRST)) == ["CONNECT", "one", "DISCONNECT"]
    assert names(history.roots_of(SECOND)) == ["two"]
    assert history.roots_of(CONNECTION) == []


def test_unclaimed_frames_are_a_separate_flow():
    history = History()
    a_connection(history)
    assert names(history.roots_of(CONNECTION)) == ["CONNECT", "one", "two", "DISCONNECT"]


def test_sent_frame_is_awaited_until_its_connection_ends():
    history = History()
    history.claim(f"handshake:{CONNECTION}", FIRST)
    history.claim(f"frame:{CONNECTION}:1", FIRST)
    history.claim(f"frame:{CONNECTION}:2", SECOND)
    happened(history, 1, Kind.REQUEST, "CONNECT")
    assert history.unseen(FIRST) == [f"frame:{CONNECTION}:1"]
    happened(history, 2, Kind.FRAME, "one", f"frame:{CONNECTION}:1")
    assert history.unseen(FIRST) == []
    assert history.unseen(SECOND) == [f"frame:{CONNECTION}:2"]
    happened(history, 4, Kind.CONNECTION, "DISCONNECT", f"connection:{CONNECTION}")
    assert history.unseen(SECOND) == []


def test_claims_are_forgotten_with_everything_else():
    history = History()
    history.claim(f"frame:{CONNECTION}:1", FIRST)
    history.clear()
    assert history.unseen(FIRST) == []


def test_claim_callback_runs_only_in_the_trace_that_set_it():
    told: list[str] = []
    with tracing.tracing(FIRST, told.append):
        tracing.claim("frame:x:1")
        with tracing.tracing(None):
            tracing.claim("frame:x:2")
    tracing.claim("frame:x:3")
    assert told == ["frame:x:1"]
