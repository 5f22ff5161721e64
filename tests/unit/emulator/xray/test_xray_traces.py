"""How documents become a trace.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html#xray-api-traces
"""

import json

from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.xray.graph import service_graph
from harness.emulator.xray.segments import subsegments
from harness.emulator.xray.summaries import IN_RANGE, summary
from harness.emulator.xray.traces import MAX_TRACE_BYTES, XrayTrace
from tests.unit.emulator.xray.traces_of_a_test import NOW, TRACE_ID, document, http, subsegment, trace


def _segments(made):
    return [json.loads(each["Document"]) for each in made.segment_documents()]


def test_complete_segment_overwrites_the_one_in_progress():
    begun = document(seconds=None)
    ended = {**document(seconds=2), "id": begun["id"]}
    for order in ((begun, ended), (ended, begun)):
        made = trace(*order)
        assert (made.is_partial, made.duration) == (False, 2)


def test_separate_subsegments_are_put_into_their_parents():
    root = document()
    outer = document("outer", type="subsegment", parent_id=root["id"])
    inner = document("inner", type="subsegment", parent_id=outer["id"])
    for order in ((root, outer, inner), (inner, outer, root), (outer, root, inner)):
        [segment] = _segments(trace(*order))
        [placed] = segment["subsegments"]
        assert (placed["name"], placed["subsegments"][0]["name"]) == ("outer", "inner")
        assert not {"type", "parent_id", "trace_id"} & set(placed)


def test_subsegment_that_is_also_embedded_is_kept_once():
    begun = subsegment("call", None)
    root = document(subsegments=[begun])
    ended = {**document("call", type="subsegment", parent_id=root["id"]), "id": begun["id"]}
    [segment] = _segments(trace(root, ended))
    assert [each.get("end_time") for each in segment["subsegments"]] == [ended["end_time"]]


def test_subsegments_in_a_ring_stay_apart():
    first = document("first", type="subsegment", parent_id="00000000000000ff")
    second = document("second", type="subsegment", parent_id=first["id"])
    first["parent_id"] = second["id"]
    assert len(_segments(trace(document(), first, second))) == 3


def test_long_chain_of_subsegments_can_be_read():
    made = [document()]
    for _ in range(1500):
        made.append(document(type="subsegment", parent_id=made[-1]["id"]))
    assert sum(json.dumps(each).count('"name"') for each in _segments(trace(*made))) == 1501


def test_calls_to_services_without_segments_are_inferred():
    table = subsegment(
        "DynamoDB", namespace="aws", http=http(200), aws={"table_name": "scores", "operation": "GetItem"}
    )
    topic = subsegment("SNS", namespace="aws")
    remote = subsegment("api.example.com", namespace="remote")
    local = subsegment("## compute")
    made = trace(document(subsegments=[table, topic, remote, local]))
    inferred = [each for each in _segments(made) if each.get("inferred")]
    assert [(each["name"], each.get("origin"), each["parent_id"]) for each in inferred] == [
        ("DynamoDB", "AWS::DynamoDB::Table", table["id"]),
        ("SNS", "AWS::SNS", topic["id"]),
        ("api.example.com", None, remote["id"]),
    ]
    assert inferred[0]["http"]["response"] == {"status": 200}


def test_call_to_a_traced_service_is_not_inferred():
    call = subsegment("backend", namespace="remote", http=http(traced=True))
    assert len(_segments(trace(document(subsegments=[call])))) == 1
    arrived = trace(document(subsegments=[call]), document("backend", parent_id=call["id"]))
    assert [each.is_inferred for each in arrived.segments] == [False, False]


def test_summary_of_a_trace():
    call = subsegment(
        "DynamoDB", namespace="aws", aws={"table_name": "scores"}, http=http(429), annotations={"zip": 98101}
    )
    root = document(
        "shop",
        2,
        origin="AWS::ECS::Container",
        user="ana",
        http=http(503, url="http://shop/", method="GET", user_agent="curl", client_ip="10.0.0.1"),
        annotations={"tier": "gold", "new": True, "list": [1]},
        subsegments=[call],
    )
    worker = document("worker", 5, start=NOW + 1, parent_id=call["id"], annotations={"tier": "gold"})
    shop = {"AccountId": "1", "Name": "shop", "Names": ["shop"], "Type": "AWS::ECS::Container"}
    other = {"AccountId": "1", "Name": "worker", "Names": ["worker"]}
    found = summary(trace(root, worker), "1")
    assert (found["Duration"], found["ResponseTime"]) == (6, 2)
    assert (found["HasFault"], found["HasError"], found["HasThrottle"], found["IsPartial"]) == (
        True,
        False,
        True,
        False,
    )
    assert found["Http"] == {
        "HttpURL": "http://shop/",
        "HttpMethod": "GET",
        "UserAgent": "curl",
        "ClientIp": "10.0.0.1",
        "HttpStatus": 503,
    }
    assert found["Annotations"] == {
        "tier": [{"AnnotationValue": {"StringValue": "gold"}, "ServiceIds": [shop, other]}],
        "new": [{"AnnotationValue": {"BooleanValue": True}, "ServiceIds": [shop]}],
        "zip": [{"AnnotationValue": {"NumberValue": 98101.0}, "ServiceIds": [shop]}],
    }
    assert found["Users"] == [{"UserName": "ana", "ServiceIds": [shop]}]
    assert found["EntryPoint"] == shop
    assert found["ServiceIds"] == [shop, other]


def test_trace_in_progress_is_partial():
    found = summary(trace(document(seconds=None)), "1")
    assert found["IsPartial"]
    assert not {"Duration", "ResponseTime"} & set(found)


def test_at_most_50_annotations_are_indexed():
    made = trace(document(annotations={f"key{number}": number for number in range(60)}))
    assert len(summary(made, "1")["Annotations"]) == 50


def test_time_range_is_read_by_its_type():
    """The trace began at NOW and ended 10 s later; a range has its start and not its end."""
    made = trace(document(seconds=10))
    later = (NOW + 5, NOW + 8)
    assert [IN_RANGE[kind](made, *later) for kind in ("TraceId", "Event", "Service")] == [False, True, False]
    assert not any(IN_RANGE["Event"](made, *period) for period in ((NOW - 5, NOW), (NOW + 11, NOW + 12)))
    assert IN_RANGE["TraceId"](made, NOW, NOW + 1)
    assert not IN_RANGE["TraceId"](made, NOW - 1, NOW)
    assert IN_RANGE["Service"](made, NOW + 9, NOW + 11)


def test_trace_over_the_size_limit_is_marked():
    made = XrayTrace(TRACE_ID)
    made.put(document(), MAX_TRACE_BYTES)
    made.put(document(), 1)
    assert made.is_limit_exceeded
    assert len(made.compiled().documents) == 1


_IDS = [f"{number:016x}" for number in range(1, 7)]


@st.composite
def documents(draw, depth=0):
    """Segments and subsegments that share few ids, so parents are missing, repeated, or below their own children."""
    made = {
        "id": draw(st.sampled_from(_IDS)),
        "name": draw(st.sampled_from(["shop", "DynamoDB"])),
        "trace_id": TRACE_ID,
        "start_time": NOW,
        **draw(st.sampled_from([{"end_time": NOW + 1}, {"in_progress": True}])),
        **draw(
            st.sampled_from([{}, {"namespace": "aws"}, {"namespace": "remote"}, {"origin": {}}, {"http": http(500)}])
        ),
    }
    if depth or draw(st.booleans()):
        made |= {"type": "subsegment", "parent_id": draw(st.sampled_from(_IDS))}
    if depth < 2:
        made["subsegments"] = draw(st.lists(documents(depth + 1), max_size=2))
    return made


@given(st.lists(documents(), min_size=1, max_size=6))
def test_any_documents_make_a_trace_with_summary_and_graph(sent):
    made = trace(*sent)
    names = {part["id"] for each in sent for part in (each, *subsegments(each))}
    assert {part["id"] for part in made.every_document()} <= names
    assert summary(made, "1")["Id"] == TRACE_ID
    assert len(service_graph([made])) >= any(each.is_root for each in made.segments)
    assert made.segment_documents()
