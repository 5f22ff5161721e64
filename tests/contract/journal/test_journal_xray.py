"""Calls of X-Ray in the journal: recorded as those of other services, without the secrets in what they carry."""

import json
import time
import uuid

from harness.journal.records import Kind, Phase


def test_segments_are_recorded_without_secrets(aws, journal):
    password = f"pw-{uuid.uuid4().hex}"
    name = f"contract-{uuid.uuid4().hex[:12]}"
    now = time.time()
    document = {
        "id": uuid.uuid4().hex[:16],
        "name": name,
        "trace_id": f"1-{int(now):08x}-{uuid.uuid4().hex[:24]}",
        "start_time": now,
        "end_time": now,
        "metadata": {"form": {"password": password}},
    }
    aws("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])
    begun = journal.wait(
        Kind.CALL, lambda r: r.name == "PutTraceSegments" and name in json.dumps(r.to_json()), Phase.BEGIN
    )
    assert begun.service == "xray"
    ended = journal.end(begun)
    assert password not in json.dumps([begun.to_json(), ended.to_json()])
    kept = aws("xray").batch_get_traces(TraceIds=[document["trace_id"]])["Traces"][0]["Segments"][0]["Document"]
    assert json.loads(kept) == document
