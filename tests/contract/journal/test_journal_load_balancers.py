"""A request at a load balancer in the journal: the matching rule, and why the load balancer responded for the target.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html#error-reason-codes
"""

import uuid

import httpx
import pytest

from harness.journal.records import Kind, Phase

PRINCIPAL = "elasticloadbalancing.amazonaws.com"
SOURCE = """
def handler(event, context):
    if event["path"] == "/raise":
        raise ValueError("no")
    return {"statusCode": 200, "body": "ok"} if event["path"] == "/ok" else {"body": "no status"}
"""


@pytest.fixture
def balancer(aws, function, engine):
    """The ARN of a load balancer in the default VPC that forwards POST requests to a function, the function's, and its URL."""
    ec2, elbv2, name = aws("ec2"), aws("elbv2"), f"journal-{uuid.uuid4().hex[:12]}"
    made = function(SOURCE)
    arn = aws("lambda").get_function(FunctionName=made.name)["Configuration"]["FunctionArn"]
    aws("lambda").add_permission(
        FunctionName=arn, StatementId="elb", Action="lambda:InvokeFunction", Principal=PRINCIPAL
    )
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][:2]
    group = ec2.create_security_group(GroupName=name, Description="HTTP", VpcId=subnets[0]["VpcId"])["GroupId"]
    everyone = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[everyone])
    [front] = elbv2.create_load_balancer(
        Name=name, Subnets=[subnet["SubnetId"] for subnet in subnets], SecurityGroups=[group]
    )["LoadBalancers"]
    targets = elbv2.create_target_group(Name=name, TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    elbv2.register_targets(TargetGroupArn=targets, Targets=[{"Id": arn}])
    [listener] = elbv2.create_listener(
        LoadBalancerArn=front["LoadBalancerArn"], Port=80, Protocol="HTTP",
        DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    )["Listeners"]  # fmt: skip
    elbv2.create_rule(
        ListenerArn=listener["ListenerArn"], Priority=7, Actions=[{"Type": "forward", "TargetGroupArn": targets}],
        Conditions=[{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST"]}}],
    )  # fmt: skip
    yield front["LoadBalancerArn"], arn, engine.load_balancer_url(front["DNSName"])
    elbv2.delete_load_balancer(LoadBalancerArn=front["LoadBalancerArn"])
    elbv2.delete_target_group(TargetGroupArn=targets)
    ec2.delete_security_group(GroupId=group)


def test_a_request_leads_by_its_rule_to_the_function(balancer, journal):
    arn, function, url = balancer
    assert httpx.post(f"{url}/ok?a=1", content=b"hello", trust_env=False, timeout=30).text == "ok"
    invoked = journal.wait(Kind.INVOCATION, lambda r: r.resource == function, Phase.BEGIN)
    call, request = journal.causes(invoked)
    assert (call.kind, call.data["caller"]["principal"]) == (Kind.CALL, "elasticloadbalancing")
    assert (request.kind, request.service, request.resource) == (Kind.REQUEST, "elbv2", arn)
    assert (request.data["method"], request.data["query"], request.data["body"]) == ("POST", {"a": "1"}, "hello")
    decided = journal.wait(Kind.DECISION, lambda r: r.cause == request.activity)
    assert (decided.name, decided.data["action"], decided.data["refused"]) == ("7", "forward", [])
    ended = journal.end(request)
    assert (ended.data["status"], ended.data["body"], ended.data.get("error")) == (200, "ok", None)


@pytest.mark.parametrize(("path", "code"), [("/raise", "LambdaUnhandled"), ("/else", "LambdaInvalidResponse")])
def test_load_balancer_502_is_recorded_with_its_reason(balancer, journal, path, code):
    arn, _function, url = balancer
    assert httpx.post(url + path, trust_env=False, timeout=30).status_code == 502
    ended = journal.end(journal.wait(Kind.REQUEST, lambda r: r.resource == arn, Phase.BEGIN))
    assert (ended.data["status"], ended.data["error"]["code"]) == (502, code)


def test_a_request_that_no_rule_takes_says_what_each_wanted(balancer, journal):
    arn, _function, url = balancer
    assert httpx.get(f"{url}/ok", trust_env=False, timeout=30).status_code == 404
    request = journal.wait(Kind.REQUEST, lambda r: r.resource == arn, Phase.BEGIN)
    decided = journal.wait(Kind.DECISION, lambda r: r.cause == request.activity)
    assert (decided.name, decided.data["rule"], decided.data["action"]) == ("default", "default", "fixed-response")
    [refused] = decided.data["refused"]
    assert (refused["field"], refused["wanted"], refused["found"]) == ("http-request-method", ["POST"], ["GET"])
