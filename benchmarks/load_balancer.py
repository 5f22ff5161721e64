"""Latency of a request at a load balancer.

    .venv/bin/python benchmarks/load_balancer.py [samples]

Starts an engine. The figures are what the client sees, warm: the request, the load balancer's part and, except for the
fixed response, a function that returns at once. For comparison: an invocation of the same function in the same engine.
"""

import sys

import httpx
from measure import Figure, show, timed_ms
from resources import Resources, running_engine

from harness import Target

PRINCIPAL = "elasticloadbalancing.amazonaws.com"
SOURCE = 'def handler(event, context): return {"statusCode": 200, "body": "ok"}\n'


def balancer(target: Target, made: Resources, function: str) -> str:
    """The URL of a load balancer that forwards to a function, and has a fixed response for `/fixed`."""
    ec2, elbv2 = target.client("ec2"), target.client("elbv2")
    made.permit(function, PRINCIPAL)
    subnets = ec2.describe_subnets()["Subnets"][:2]
    group_id = ec2.create_security_group(GroupName="benchmark", Description="HTTP", VpcId=subnets[0]["VpcId"])[
        "GroupId"
    ]
    everyone = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=[everyone])
    [front] = elbv2.create_load_balancer(
        Name="benchmark", Subnets=[subnet["SubnetId"] for subnet in subnets], SecurityGroups=[group_id]
    )["LoadBalancers"]
    [group] = elbv2.create_target_group(Name="benchmark", TargetType="lambda")["TargetGroups"]
    elbv2.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": function}])
    [listener] = elbv2.create_listener(
        LoadBalancerArn=front["LoadBalancerArn"],
        Port=80,
        Protocol="HTTP",
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )["Listeners"]
    elbv2.create_rule(
        ListenerArn=listener["ListenerArn"],
        Priority=1,
        Conditions=[{"Field": "path-pattern", "Values": ["/fixed"]}],
        Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    )
    return target.load_balancer_url(front["DNSName"])


def main(samples: int) -> None:
    with running_engine() as target, httpx.Client(trust_env=False) as http:
        made = Resources(target)
        function, functions = made.function(SOURCE), target.client("lambda")
        url = balancer(target, made, function)
        http.get(url).raise_for_status()
        figures = [
            Figure(name, [timed_ms(lambda path=path: http.get(url + path)) for _ in range(samples)], "ms")
            for name, path in (("request to answer, by a function", "/"), ("request to a fixed response", "/fixed"))
        ]
        taken = [timed_ms(lambda: functions.invoke(FunctionName=function)["Payload"].read()) for _ in range(samples)]
        show([*figures, Figure("Invoke of the same function", taken, "ms")])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
