"""Who may send and read the traces of X-Ray.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
"""

import time

from tests.contract.access.conftest import allow, refused

RANGE = {"StartTime": 0, "EndTime": 60}
NO_JSON = {"TraceSegmentDocuments": ["{"]}
"""What X-Ray does not process; the call is allowed or denied all the same."""


def test_call_of_xray_without_permission_is_denied(role):
    reader = role(allow("xray:GetTraceSummaries")).client("xray")
    reader.get_trace_summaries(**RANGE)
    code, status, message = refused(reader.put_trace_segments, **NO_JSON)
    assert (code, status) == ("AccessDeniedException", 403)
    assert "is not authorized to perform: xray:PutTraceSegments" in message


def test_policy_of_the_xray_daemon_lets_it_send(aws, role):
    """https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSXRayDaemonWriteAccess.html"""
    daemon = role()
    managed = {"RoleName": daemon.name, "PolicyArn": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"}
    aws("iam").attach_role_policy(**managed)
    try:
        client = daemon.client("xray")
        assert len(client.put_trace_segments(**NO_JSON)["UnprocessedTraceSegments"]) == 1
        client.put_telemetry_records(TelemetryRecords=[{"Timestamp": time.time()}])
        client.get_sampling_rules()
        assert refused(client.get_trace_summaries, **RANGE)[0] == "AccessDeniedException"
    finally:
        aws("iam").detach_role_policy(**managed)
