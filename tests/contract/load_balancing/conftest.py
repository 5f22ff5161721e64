"""Load balancers with a network, created through the API; functions that return what a test requests."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.engine import Target
from tests.contract.functions import ROLE, archive

SOURCE = """
import json, time
def handler(event, context):
    if event["path"].startswith("/echo"):
        return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
    answer = json.loads(event["body"])
    if answer == "raise":
        raise ValueError("no")
    if answer == "late":
        time.sleep(8)
    if answer == "large":
        return {"statusCode": 200, "body": "x" * 1024 * 1024}
    return answer
"""
PRINCIPAL = "elasticloadbalancing.amazonaws.com"
NOTHING_HERE = {
    "Type": "fixed-response",
    "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "nothing here"},
}


@dataclass(frozen=True)
class Network:
    subnets: tuple[str, ...]
    open_group: str
    closed_group: str


@dataclass(frozen=True)
class Balancer:
    """A load balancer, the listener on port 80 and the target group of its function."""

    arn: str
    dns_name: str
    listener: str
    group: str
    url: str


@pytest.fixture(scope="session")
def network(aws: Callable[[str], Any]) -> Iterator[Network]:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = tuple(
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    )
    groups = []
    for name in ("open", "closed"):
        made = ec2.create_security_group(GroupName=f"{name}-{uuid.uuid4().hex[:8]}", Description=name, VpcId=vpc)
        groups.append(made["GroupId"])
    everyone = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 8080, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=groups[0], IpPermissions=[everyone])
    yield Network(subnets, *groups)
    for group in groups:
        ec2.delete_security_group(GroupId=group)
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc)


@pytest.fixture(scope="session")
def target_function(aws: Callable[[str], Any], contract_roles: None) -> Iterator[str]:  # noqa: ARG001
    """The ARN of a function that answers what the body of a request says, and that any load balancer may invoke."""
    client, name = aws("lambda"), f"contract-{uuid.uuid4().hex[:12]}"
    made = client.create_function(
        FunctionName=name, Runtime="python3.11", Handler="index.handler", Role=ROLE, Timeout=10,
        Code={"ZipFile": archive({"index.py": SOURCE})},
    )  # fmt: skip
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    client.add_permission(FunctionName=name, StatementId="elb", Action="lambda:InvokeFunction", Principal=PRINCIPAL)
    yield made["FunctionArn"]
    client.delete_function(FunctionName=name)


@pytest.fixture
def balancer(
    aws: Callable[[str], Any], engine: Target, network: Network, target_function: str
) -> Iterator[Callable[..., Balancer]]:
    """`balancer()`: one that forwards `/echo*` and `/answer` to the function. `attributes` are the load balancer's,
    `multi_value` the target group's; `closed` has security groups that admit no client; `function` is another one, or
    "" for none."""
    elbv2 = aws("elbv2")
    balancers: list[str] = []
    groups: list[str] = []

    def make(
        *, multi_value: bool = False, closed: bool = False, function: str | None = None, **attributes: str
    ) -> Balancer:
        name = f"c-{uuid.uuid4().hex[:12]}"
        security_group = network.closed_group if closed else network.open_group
        [made] = elbv2.create_load_balancer(
            Name=name, Subnets=list(network.subnets), SecurityGroups=[security_group], Scheme="internal"
        )["LoadBalancers"]
        balancers.append(made["LoadBalancerArn"])
        if attributes:
            given = [{"Key": key.replace("__", "."), "Value": value} for key, value in attributes.items()]
            elbv2.modify_load_balancer_attributes(LoadBalancerArn=made["LoadBalancerArn"], Attributes=given)
        group = elbv2.create_target_group(Name=name, TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
        groups.append(group)
        if multi_value:
            enabled = [{"Key": "lambda.multi_value_headers.enabled", "Value": "true"}]
            elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=enabled)
        if function != "":
            elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": function or target_function}])
        [listener] = elbv2.create_listener(
            LoadBalancerArn=made["LoadBalancerArn"], Port=80, Protocol="HTTP", DefaultActions=[NOTHING_HERE]
        )["Listeners"]
        elbv2.create_rule(
            ListenerArn=listener["ListenerArn"], Priority=100, Actions=[{"Type": "forward", "TargetGroupArn": group}],
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/echo*", "/answer"]}}],
        )  # fmt: skip
        url = engine.load_balancer_url(made["DNSName"])
        return Balancer(made["LoadBalancerArn"], made["DNSName"], listener["ListenerArn"], group, url)

    yield make
    for arn in balancers:
        elbv2.delete_load_balancer(LoadBalancerArn=arn)
    for arn in groups:
        elbv2.delete_target_group(TargetGroupArn=arn)


@pytest.fixture
def says(http: Any) -> Callable[..., Any]:
    """`says(balancer, answer)`: the load balancer's response when the function returns this."""

    def ask(at: Balancer, answer: Any) -> Any:
        headers = {"content-type": "application/json"}
        return http.post(f"{at.url}/answer", content=json.dumps(answer), headers=headers)

    return ask
