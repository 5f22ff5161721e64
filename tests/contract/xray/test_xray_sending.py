"""PutTraceSegments, and what else daemons and SDKs call.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
"""

import json
import time

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.engine.probe import probe
from tests.contract.xray.conftest import document, new_trace_id, subsegment


def test_segments_are_kept_and_compiled(traces):
    call = subsegment("DynamoDB", namespace="aws", aws={"table_name": "scores"})
    made = traces.sent(subsegments=[call])
    later = document("later", made["trace_id"], type="subsegment", parent_id=made["id"])
    assert traces.put(later) == []
    [trace] = traces.client.batch_get_traces(TraceIds=[made["trace_id"]])["Traces"]
    assert (trace["Id"], trace["LimitExceeded"]) == (made["trace_id"], False)
    root, inferred = (json.loads(each["Document"]) for each in trace["Segments"])
    assert [trace["Segments"][0]["Id"], root["name"]] == [made["id"], traces.name]
    assert [each["name"] for each in root["subsegments"]] == ["DynamoDB", "later"]
    assert (inferred["inferred"], inferred["origin"], inferred["parent_id"]) == (
        True,
        "AWS::DynamoDB::Table",
        call["id"],
    )


def test_refused_documents_are_listed_and_the_others_kept(traces):
    """AWS documents InvalidTraceId and the form; MissingId and InvalidName were seen by users
    (https://github.com/humanmade/aws-xray/issues/29, https://github.com/aws/aws-xray-daemon/issues/184); that text which is no
    JSON has the code ParseError is not confirmed."""
    good = document(traces.name, new_trace_id())
    old = time.time() - 31 * 24 * 3600
    expired = document(traces.name, new_trace_id(old), start_time=old)
    misnamed = document("what?", new_trace_id())
    unprocessed = traces.put(good, expired, misnamed, "[]", "{")
    assert unprocessed == [
        {
            "Id": expired["id"],
            "ErrorCode": "InvalidTraceId",
            "Message": "Invalid segment. ErrorCode: InvalidTraceId",
        },
        {"Id": misnamed["id"], "ErrorCode": "InvalidName", "Message": "Invalid segment. ErrorCode: InvalidName"},
        {"ErrorCode": "MissingId", "Message": "Invalid segment. ErrorCode: MissingId"},
        {"ErrorCode": "ParseError", "Message": "Invalid segment. ErrorCode: ParseError"},
    ]
    assert [each["Id"] for each in traces.summaries()] == [good["trace_id"]]


def test_trace_that_does_not_exist_is_unprocessed(traces):
    missing = new_trace_id()
    answer = traces.client.batch_get_traces(TraceIds=[missing])
    assert (answer["Traces"], answer["UnprocessedTraceIds"]) == ([], [missing])


@pytest.mark.parametrize("ids", [[new_trace_id() for _ in range(6)], ["1-2-3"]])
def test_batch_of_wrong_trace_ids_is_refused(traces, ids):
    with pytest.raises(ClientError) as error:
        traces.client.batch_get_traces(TraceIds=ids)
    assert error.value.response["Error"]["Code"] == "InvalidRequestException"


def test_sampling_follows_the_default_rule(traces):
    """https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html: "The default rule"."""
    [record] = traces.client.get_sampling_rules()["SamplingRuleRecords"]
    rule = record["SamplingRule"]
    assert (rule["RuleName"], rule["FixedRate"], rule["ReservoirSize"]) == ("Default", 0.05, 1)
    statistics = {"ClientID": "0" * 24, "Timestamp": time.time(), "RequestCount": 1, "SampledCount": 1}
    answer = traces.client.get_sampling_targets(
        SamplingStatisticsDocuments=[{"RuleName": name, **statistics} for name in ("Default", "mine")]
    )
    assert [each["RuleName"] for each in answer["SamplingTargetDocuments"]] == ["Default"]
    assert [each["RuleName"] for each in answer["UnprocessedStatistics"]] == ["mine"]


def test_telemetry_of_a_daemon_is_accepted(traces):
    traces.client.put_telemetry_records(TelemetryRecords=[{"Timestamp": time.time(), "SegmentsSentCount": 1}])


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("create_group", {"GroupName": "slow"}),
        ("get_groups", {}),
        ("get_insight_summaries", {"StartTime": 0, "EndTime": 1}),
        ("put_encryption_config", {"Type": "NONE"}),
    ],
)
def test_other_operation_is_refused_as_unsupported(traces, operation, parameters):
    with pytest.raises(
        ClientError, match=r"The emulator does not support \w+ of X-Ray\. Supported are BatchGetTraces,"
    ):
        getattr(traces.client, operation)(**parameters)


def test_probe_finds_the_service(engine):
    """What `harness up --engine=endpoint` asks another emulator."""
    assert probe(engine, ["xray"]) == {}


def test_wrong_parameter_is_an_invalid_request(engine):
    """https://docs.aws.amazon.com/xray/latest/api/API_BatchGetTraces.html#API_BatchGetTraces_Errors"""
    client = engine.client("xray", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as error:
        client.batch_get_traces(TraceIds=[""])
    assert error.value.response["Error"]["Code"] == "InvalidRequestException"
    assert "length greater than or equal to 1" in error.value.response["Error"]["Message"]


def test_regions_have_their_own_traces(traces, engine):
    made = traces.sent()
    other = engine.client("xray", region_name="eu-west-3")
    assert other.batch_get_traces(TraceIds=[made["trace_id"]])["UnprocessedTraceIds"] == [made["trace_id"]]
