"""The service graph: the sample of AWS's page, made of the traces that lead to it.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-gettingdata.html#xray-api-servicegraph
"""

from harness.emulator.xray.graph import service_graph
from tests.unit.emulator.xray.traces_of_a_test import document, http, subsegment, trace

NAME, TABLE = "xray-sample.elasticbeanstalk.com", "StartupSignupsTable"


def _request(seconds, status, *calls):
    return trace(document(NAME, seconds, origin="AWS::EC2::Instance", http=http(status), subsegments=list(calls)))


def _table(seconds):
    return subsegment("DynamoDB", seconds, namespace="aws", aws={"table_name": TABLE}, http=http(200))


def _topic(seconds):
    return subsegment("SNS", seconds, namespace="aws", http=http(200))


def _numbers(ok, errors, total, seconds, throttled=0, faults=0):
    return {
        "OkCount": ok,
        "ErrorStatistics": {"ThrottleCount": throttled, "OtherCount": errors - throttled, "TotalCount": errors},
        "FaultStatistics": {"OtherCount": faults, "TotalCount": faults},
        "TotalCount": total,
        "TotalResponseTime": seconds,
    }


def _histogram(*values):
    return [{"Value": value, "Count": 1} for value in sorted(values)]


def test_graph_of_the_documentation():
    services = service_graph(
        [
            _request(0.005, 404),
            _request(0.015, 200),
            _request(0.157, 200, _table(0.076), _topic(0.049)),
            _request(0.096, 200, _table(0.044), _topic(0.076)),
        ]
    )
    by_type = {each["Type"]: each for each in services}
    assert set(by_type) == {"client", "AWS::EC2::Instance", "AWS::DynamoDB::Table", "AWS::SNS"}
    client, shop = by_type["client"], by_type["AWS::EC2::Instance"]
    table, topic = by_type["AWS::DynamoDB::Table"], by_type["AWS::SNS"]
    assert [each["Name"] for each in (client, shop, table, topic)] == [NAME, NAME, TABLE, "SNS"]
    assert [each["State"] for each in (client, shop, table, topic)] == ["unknown", "active", "unknown", "unknown"]
    assert [each.get("Root") for each in services] == [True if each is shop else None for each in services]
    everything = _numbers(ok=3, errors=1, total=4, seconds=0.273)
    assert shop["SummaryStatistics"] == everything
    assert shop["ResponseTimeHistogram"] == _histogram(0.005, 0.015, 0.157, 0.096)
    assert "SummaryStatistics" not in client
    [entry] = client["Edges"]
    assert (entry["ReferenceId"], entry["SummaryStatistics"]) == (shop["ReferenceId"], everything)
    edges = {each["ReferenceId"]: each for each in shop["Edges"]}
    assert edges[table["ReferenceId"]]["SummaryStatistics"] == _numbers(2, 0, 2, 0.12)
    assert edges[topic["ReferenceId"]]["ResponseTimeHistogram"] == _histogram(0.049, 0.076)
    assert (table["Edges"], table["SummaryStatistics"]) == ([], _numbers(2, 0, 2, 0.12))


def test_edge_between_two_services_is_as_its_caller_saw_it():
    call = subsegment("backend", 0.5, namespace="remote", http=http(429))
    services = service_graph(
        [trace(document("front", subsegments=[call]), document("backend", 0.4, parent_id=call["id"], fault=True))]
    )
    by_name = {(each["Name"], each.get("Type")): each for each in services}
    assert set(by_name) == {("front", "client"), ("front", None), ("backend", None)}
    [edge] = by_name["front", None]["Edges"]
    assert edge["SummaryStatistics"] == _numbers(0, 1, 1, 0.5, throttled=1)
    assert [by_name["backend", None].get(key) for key in ("State", "Root")] == ["active", None]
    assert by_name["backend", None]["SummaryStatistics"] == _numbers(0, 0, 1, 0.4, faults=1)


def test_request_in_progress_counts_when_it_is_complete():
    client, shop = service_graph([trace(document("shop", None))])[::-1]
    assert shop["SummaryStatistics"] == _numbers(0, 0, 0, 0.0)
    assert client["Edges"][0]["SummaryStatistics"]["TotalCount"] == 0
