"""GetServiceGraph and GetTraceGraph.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html#xray-api-servicegraph
"""

import time

import pytest
from botocore.exceptions import ClientError

from tests.contract.xray.conftest import document, subsegment


def _nodes(services):
    return {(each["Name"], each.get("Type")): each for each in services}


def test_graph_has_client_service_and_inferred_nodes(traces):
    call = subsegment("DynamoDB", 0.25, namespace="aws", aws={"table_name": f"{traces.name}-table"})
    traces.sent(0.5, origin="AWS::EC2::Instance", subsegments=[call], http={"response": {"status": 404}})
    nodes = _nodes(traces.client.get_service_graph(**traces.time_range)["Services"])
    client, shop = nodes[traces.name, "client"], nodes[traces.name, "AWS::EC2::Instance"]
    table = nodes[f"{traces.name}-table", "AWS::DynamoDB::Table"]
    assert (shop["Root"], shop["State"], table["State"]) == (True, "active", "unknown")
    assert [each["ReferenceId"] for each in client["Edges"]] == [shop["ReferenceId"]]
    [edge] = shop["Edges"]
    assert (edge["ReferenceId"], edge["SummaryStatistics"]["OkCount"]) == (table["ReferenceId"], 1)
    assert edge["ResponseTimeHistogram"] == [{"Value": 0.25, "Count": 1}]
    assert shop["SummaryStatistics"]["ErrorStatistics"] == {"ThrottleCount": 0, "OtherCount": 1, "TotalCount": 1}


def test_graph_of_one_trace_has_its_services_alone(traces):
    traces.sent()
    call = subsegment("backend", namespace="remote")
    made = traces.sent(subsegments=[call])
    assert traces.put(document("backend", made["trace_id"], parent_id=call["id"])) == []
    nodes = _nodes(traces.client.get_trace_graph(TraceIds=[made["trace_id"]])["Services"])
    assert set(nodes) == {(traces.name, "client"), (traces.name, None), ("backend", None)}
    assert nodes[traces.name, None]["SummaryStatistics"]["TotalCount"] == 1


def test_range_of_more_than_six_hours_is_refused(traces):
    end = time.time()
    with pytest.raises(ClientError, match="Time range cannot be longer than 6 hours"):
        traces.client.get_service_graph(StartTime=end - 7 * 3600, EndTime=end)


def test_graph_of_a_group_is_refused_as_unsupported(traces):
    traces.client.get_service_graph(**traces.time_range, GroupName="Default")
    with pytest.raises(ClientError, match="does not support groups"):
        traces.client.get_service_graph(**traces.time_range, GroupName="slow")
