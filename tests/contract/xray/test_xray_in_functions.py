"""Segments that a function sends, in the trace of its invocation.

https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
"""

import json

SOURCE = """
import json, os, time, uuid
import boto3

def handler(event, context):
    header = dict(part.split("=", 1) for part in os.environ["_X_AMZN_TRACE_ID"].split(";"))
    now = time.time()
    segment = {
        "id": uuid.uuid4().hex[:16], "name": event["name"], "trace_id": header["Root"], "parent_id": header.get("Parent"),
        "start_time": now, "end_time": now + 0.1, "origin": "AWS::Lambda::Function", "annotations": {"order": 7},
    }
    answer = boto3.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(segment)])
    return [header["Root"], answer["UnprocessedTraceSegments"]]
"""


def test_function_sends_segments_of_its_trace(function, traces):
    result = function(SOURCE).invoke({"name": traces.name})
    assert result.error is None, result.payload
    trace_id, unprocessed = result.payload
    assert unprocessed == []
    [found] = traces.summaries("annotation.order = 7")
    assert (found["Id"], found["EntryPoint"]["Type"]) == (trace_id, "AWS::Lambda::Function")
    [trace] = traces.client.batch_get_traces(TraceIds=[trace_id])["Traces"]
    assert json.loads(trace["Segments"][0]["Document"])["name"] == traces.name
