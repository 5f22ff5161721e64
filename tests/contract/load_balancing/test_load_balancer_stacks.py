"""CloudFormation's types of Application Load Balancers, and of the security groups that they need.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ElasticLoadBalancingV2.html
"""

import copy
import json
import uuid

import pytest
from botocore.exceptions import WaiterError

PATIENCE = {"Delay": 1, "MaxAttempts": 60}


def ref(name):
    return {"Ref": name}


def att(resource, attribute):
    return {"Fn::GetAtt": [resource, attribute]}


def resource(kind, depends_on=None, **properties):
    return {"Type": f"AWS::{kind}", "Properties": properties} | ({"DependsOn": depends_on} if depends_on else {})


def fixed(status, text):
    config = {"StatusCode": status, "ContentType": "text/plain", "MessageBody": text}
    return {"Type": "fixed-response", "FixedResponseConfig": config}


ROLE = "arn:aws:iam::000000000000:role/any"
SOURCE = (
    "def handler(event, context): return {'statusCode': 200, 'body': 'work', 'multiValueHeaders': {'x-many': ['1']}}"
)
EVERYONE = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "0.0.0.0/0"}
RESOURCES = {
    "Vpc": resource("EC2::VPC", CidrBlock="10.8.0.0/16"),
    "Gateway": resource("EC2::InternetGateway"),
    "Attachment": resource("EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
    "SubnetA": resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.8.0.0/24", AvailabilityZone="us-east-1a"),
    "SubnetB": resource("EC2::Subnet", VpcId=ref("Vpc"), CidrBlock="10.8.1.0/24", AvailabilityZone="us-east-1b"),
    "Web": resource(
        "EC2::SecurityGroup", GroupDescription="from everywhere", VpcId=ref("Vpc"), SecurityGroupIngress=[EVERYONE]
    ),
    "Balancer": resource(
        "ElasticLoadBalancingV2::LoadBalancer", "Attachment", Subnets=[ref("SubnetA"), ref("SubnetB")],
        SecurityGroups=[ref("Web")], LoadBalancerAttributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "30"}],
    ),
    "Work": resource("Lambda::Function", Runtime="python3.11", Handler="index.handler", Role=ROLE, Code={"ZipFile": SOURCE}),
    "Permission": resource(
        "Lambda::Permission", FunctionName=att("Work", "Arn"), Action="lambda:InvokeFunction",
        Principal="elasticloadbalancing.amazonaws.com",
    ),
    "Group": resource(
        "ElasticLoadBalancingV2::TargetGroup", "Permission", TargetType="lambda", Targets=[{"Id": att("Work", "Arn")}],
    ),
    "Listener": resource(
        "ElasticLoadBalancingV2::Listener", LoadBalancerArn=ref("Balancer"), Port="80", Protocol="HTTP",
        DefaultActions=[fixed("404", "nothing here")],
    ),
    "Rule": resource(
        "ElasticLoadBalancingV2::ListenerRule", ListenerArn=ref("Listener"), Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/work*"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": ref("Group")}],
    ),
}  # fmt: skip
OUTPUTS = {
    "Balancer": ref("Balancer"),
    "DnsName": att("Balancer", "DNSName"),
    "FullName": att("Balancer", "LoadBalancerFullName"),
    "Zone": att("Balancer", "CanonicalHostedZoneID"),
    "Group": ref("Group"),
    "GroupFullName": att("Group", "TargetGroupFullName"),
    "GroupName": att("Group", "TargetGroupName"),
    "Listener": att("Listener", "ListenerArn"),
    "Rule": att("Rule", "RuleArn"),
    "Web": att("Web", "GroupId"),
}


@pytest.fixture
def stack(aws):
    cloudformation, made = aws("cloudformation"), []
    name = f"alb-{uuid.uuid4().hex[:10]}"

    def put(resources):
        act = cloudformation.update_stack if made else cloudformation.create_stack
        template = {"Resources": resources, "Outputs": {key: {"Value": value} for key, value in OUTPUTS.items()}}
        act(StackName=name, TemplateBody=json.dumps(template))
        waiter = cloudformation.get_waiter("stack_update_complete" if made else "stack_create_complete")
        made.append(name)
        try:
            waiter.wait(StackName=name, WaiterConfig=PATIENCE)
        except WaiterError:
            events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            raise AssertionError(
                [e.get("ResourceStatusReason") for e in events if "FAILED" in e["ResourceStatus"]]
            ) from None
        [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}

    yield put
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=PATIENCE)


def changed(**changes):
    """The template with other properties: `changed(Rule={"Priority": 5})`."""
    resources = copy.deepcopy(RESOURCES)
    for name, properties in changes.items():
        resources[name]["Properties"].update(properties)
    return resources


def test_load_balancer_stack_responds_and_is_updated_in_place(stack, aws, engine, http):
    before = stack(RESOURCES)
    url = engine.load_balancer_url(before["DnsName"])
    assert http.get(f"{url}/work").text == "work"
    assert http.get(f"{url}/other").text == "nothing here"
    assert before["Balancer"].endswith(f":loadbalancer/{before['FullName']}")
    assert before["Group"].endswith(f":{before['GroupFullName']}")
    assert before["GroupFullName"].split("/")[1] == before["GroupName"]
    elbv2 = aws("elbv2")
    after = stack(
        changed(
            Balancer={"LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "20"}]},
            Group={"TargetGroupAttributes": [{"Key": "lambda.multi_value_headers.enabled", "Value": True}]},
            Listener={"DefaultActions": [fixed("503", "closed")], "Tags": [{"Key": "of", "Value": "shop"}]},
            Rule={
                "Priority": 5,
                "Conditions": [
                    {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/new"]}},
                    {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["PUT"]}},
                ],
            },
        )
    )
    assert after == before
    answer = http.put(f"{url}/new")
    assert (answer.text, answer.headers["x-many"]) == ("work", "1")
    assert http.get(f"{url}/new").text == "closed"
    [rule] = elbv2.describe_rules(RuleArns=[before["Rule"]])["Rules"]
    assert rule["Priority"] == "5"
    told = elbv2.describe_load_balancer_attributes(LoadBalancerArn=before["Balancer"])["Attributes"]
    assert {"Key": "idle_timeout.timeout_seconds", "Value": "20"} in told
    [tags] = elbv2.describe_tags(ResourceArns=[before["Listener"]])["TagDescriptions"]
    assert {"Key": "of", "Value": "shop"} in tags["Tags"]


def test_rules_of_a_security_group_are_exchanged(stack, aws):
    before = stack(RESOURCES)
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/8", "Description": "inside"}
    out = {"IpProtocol": "udp", "FromPort": "53", "ToPort": "53", "CidrIpv6": "::/0"}
    assert stack(changed(Web={"SecurityGroupIngress": [https], "SecurityGroupEgress": [out]})) == before
    [group] = aws("ec2").describe_security_groups(GroupIds=[before["Web"]])["SecurityGroups"]
    [ingress] = group["IpPermissions"]
    assert (ingress["FromPort"], ingress["IpRanges"]) == (443, [{"CidrIp": "10.0.0.0/8", "Description": "inside"}])
    [egress] = group["IpPermissionsEgress"]
    assert (egress["IpProtocol"], egress["Ipv6Ranges"]) == ("udp", [{"CidrIpv6": "::/0"}])


def test_target_group_without_permission_fails_and_leaves_none(aws):
    """On AWS the permission must be there first, so without the target group's ARN in it
    (https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/230)."""
    cloudformation, name = aws("cloudformation"), f"alb-{uuid.uuid4().hex[:10]}"
    group = f"c-{uuid.uuid4().hex[:12]}"
    resources = {key: RESOURCES[key] for key in ("Work",)}
    resources["Group"] = resource(
        "ElasticLoadBalancingV2::TargetGroup", TargetType="lambda", Name=group, Targets=[{"Id": att("Work", "Arn")}]
    )
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
    with pytest.raises(WaiterError):
        cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=PATIENCE)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    assert any("elasticloadbalancing principal does not have permission to invoke" in reason for reason in reasons)
    with pytest.raises(aws("elbv2").exceptions.TargetGroupNotFoundException):
        aws("elbv2").describe_target_groups(Names=[group])
    cloudformation.delete_stack(StackName=name)


@pytest.mark.parametrize(
    ("name", "properties", "why"),
    [
        ("Listener", {"ListenerAttributes": [{"Key": "a", "Value": "b"}]}, "ListenerAttributes: not served here"),
        ("Group", {"TargetType": "ip", "Port": 80, "Protocol": "HTTP"}, "type 'ip' is not served here"),
        (
            "Balancer",
            {"MinimumLoadBalancerCapacity": {"CapacityUnits": 100}},
            "MinimumLoadBalancerCapacity: not served",
        ),
        ("Balancer", {"LoadBalancerAttributes": [{"Key": "access_logs.s3.enabled", "Value": "true"}]}, "no logs"),
        ("Rule", {"Nothing": 1}, "unknown property Nothing"),
    ],
)
def test_ineffective_property_fails_the_stack_with_the_reason(aws, name, properties, why):
    cloudformation, stack_name = aws("cloudformation"), f"alb-{uuid.uuid4().hex[:10]}"
    template = json.dumps({"Resources": changed(**{name: properties})})
    cloudformation.create_stack(StackName=stack_name, TemplateBody=template)
    with pytest.raises(WaiterError):
        cloudformation.get_waiter("stack_create_complete").wait(StackName=stack_name, WaiterConfig=PATIENCE)
    events = cloudformation.describe_stack_events(StackName=stack_name)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert any(event["LogicalResourceId"] == name and why in event["ResourceStatusReason"] for event in failed), failed
    cloudformation.delete_stack(StackName=stack_name)
