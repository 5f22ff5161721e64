"""What AWS accepts as a segment document.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json

import pytest

from harness.emulator.xray.segments import MAX_BYTES, RETENTION_SECONDS, InvalidDocumentError, parse
from tests.unit.emulator.xray.traces_of_a_test import NOW, document, subsegment

_OLD = NOW - RETENTION_SECONDS - 60


def _refusal(text):
    with pytest.raises(InvalidDocumentError) as error:
        parse(text, NOW)
    return error.value.as_response()


def _code(**members):
    made = {**document(), **members}
    refusal = _refusal(json.dumps({key: value for key, value in made.items() if value is not ...}))
    return refusal["ErrorCode"]


@pytest.mark.parametrize(
    "made",
    [
        document(),
        document(seconds=None),
        document(name="Straße 7_.:/%&#=+\\-@ ñ"),
        document(type="subsegment", parent_id="00000000000000aa"),
        document(subsegments=[subsegment(namespace="aws"), subsegment(namespace="remote")]),
        document(unknown={"members": "are kept out of the way"}),
    ],
)
def test_valid_document_is_accepted(made):
    assert parse(json.dumps(made), NOW) == made


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"id": ...}, "MissingId"),
        ({"id": "70de5b6f19ff9a0"}, "InvalidId"),
        ({"id": 7}, "InvalidId"),
        ({"name": ...}, "MissingName"),
        ({"name": ""}, "InvalidName"),
        ({"name": "n" * 201}, "InvalidName"),
        ({"name": "mysql at RouteBinding:?"}, "InvalidName"),
        ({"trace_id": ...}, "MissingTraceId"),
        ({"trace_id": "581cf771a006649127e371903a2de979"}, "InvalidTraceId"),
        ({"trace_id": "2-581cf771-a006649127e371903a2de979"}, "InvalidTraceId"),
        ({"start_time": ...}, "MissingStartTime"),
        ({"start_time": "now"}, "InvalidStartTime"),
        ({"start_time": NOW * 1000}, "InvalidStartTime"),
        ({"end_time": ...}, "MissingEndTime"),
        ({"end_time": ..., "in_progress": False}, "MissingEndTime"),
        ({"end_time": NOW - 1}, "InvalidEndTime"),
        ({"type": "subsegment"}, "MissingParentId"),
        ({"parent_id": "root"}, "InvalidParentId"),
        ({"namespace": "local"}, "InvalidNamespace"),
        ({"http": "GET"}, "InvalidHttp"),
        ({"subsegments": {}}, "InvalidSubsegments"),
        ({"subsegments": [{"name": "call"}]}, "MissingId"),
        ({"subsegments": ["call"]}, "ParseError"),
    ],
)
def test_invalid_document_is_refused(members, code):
    assert _code(**members) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "ParseError"),
        ("NaN", "ParseError"),
        ('{"id": 1e999}', "ParseError"),
        ("[" * 5000 + "]" * 5000, "ParseError"),
        ("[]", "MissingId"),
        ("7", "MissingId"),
        ('{"a": "' + "x" * MAX_BYTES + '"}', "SegmentTooLarge"),
    ],
)
def test_text_that_is_no_document_is_refused(text, code):
    assert _refusal(text)["ErrorCode"] == code


def test_refusal_names_the_segment():
    made = document(name="?")
    assert _refusal(json.dumps(made)) == {
        "Id": made["id"],
        "ErrorCode": "InvalidName",
        "Message": "Invalid segment. ErrorCode: InvalidName",
    }


def test_old_trace_is_refused():
    """https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-segments"""
    trace_id = f"1-{int(_OLD):08x}-a006649127e371903a2de979"
    assert _code(trace_id=trace_id, start_time=_OLD, end_time=_OLD + 1) == "InvalidTraceId"


@pytest.mark.parametrize("first", ["00000001", "ffffffff"])
def test_w3c_trace_id_is_accepted(first):
    """Its first 32 bits are random: https://docs.aws.amazon.com/xray/latest/api/API_PutTraceSegments.html"""
    made = document(trace_id=f"1-{first}-1e8720b39541901950019ee5")
    assert parse(json.dumps(made), NOW) == made
