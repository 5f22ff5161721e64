"""What can be declared of load balancers, as AWS checks it, and what is refused as it would have no effect here.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Operations.html
"""

import uuid

import pytest
from botocore.exceptions import ClientError

from tests.contract.load_balancing.conftest import NOTHING_HERE, PRINCIPAL

ECHO = "def handler(event, context): return {'statusCode': 200 if event['headers'].get('user-agent') else 500}"


def _name():
    return f"c-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def group(aws):
    made = aws("elbv2").create_target_group(Name=_name(), TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"]
    yield made
    aws("elbv2").delete_target_group(TargetGroupArn=made)


def _refused(match):
    return pytest.raises(ClientError, match=match)


def test_a_function_that_does_not_permit_it_cannot_be_registered(aws, group, function):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#prepare-lambda-function"""
    arn = aws("lambda").get_function(FunctionName=function(ECHO).name)["Configuration"]["FunctionArn"]
    with _refused("AccessDenied") as refusal:
        aws("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": arn}])
    said = refusal.value.response["Error"]["Message"]
    assert said == f"elasticloadbalancing principal does not have permission to invoke {arn} from target group {group}"
    permission = {"Action": "lambda:InvokeFunction", "Principal": PRINCIPAL, "SourceArn": group}
    aws("lambda").add_permission(FunctionName=arn, StatementId="elb", **permission)
    aws("elbv2").register_targets(TargetGroupArn=group, Targets=[{"Id": arn}])


def test_a_target_group_has_one_function(aws, group, target_function):
    register = aws("elbv2").register_targets
    with _refused("one Lambda function"):
        register(TargetGroupArn=group, Targets=[{"Id": target_function}, {"Id": f"{target_function}-2"}])
    with _refused("must be a valid Lambda ARN"):
        register(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1"}])
    with _refused("the account and the region"):
        register(TargetGroupArn=group, Targets=[{"Id": target_function.replace("us-east-1", "eu-west-1")}])


@pytest.mark.parametrize("kind", ["instance", "ip", "alb"])
def test_targets_that_are_no_functions_are_refused(aws, kind):
    with _refused(f"type '{kind}' is not served here"):
        aws("elbv2").create_target_group(Name=_name(), TargetType=kind, Port=80, Protocol="HTTP", VpcId="vpc-1")


def test_function_target_health_is_unavailable_without_checks(aws, balancer):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html#enable-health-checks-lambda"""
    at, elbv2 = balancer(), aws("elbv2")
    [told] = elbv2.describe_target_health(TargetGroupArn=at.group)["TargetHealthDescriptions"]
    assert told["TargetHealth"]["State"] == "unavailable"
    assert told["TargetHealth"]["Reason"] == "Target.HealthCheckDisabled"


def test_health_check_invokes_the_function(aws, balancer, engine, function):
    made = function(ECHO)
    arn = aws("lambda").get_function(FunctionName=made.name)["Configuration"]["FunctionArn"]
    aws("lambda").add_permission(
        FunctionName=arn, StatementId="elb", Action="lambda:InvokeFunction", Principal=PRINCIPAL
    )
    at, elbv2 = balancer(function=arn), aws("elbv2")
    elbv2.modify_target_group(TargetGroupArn=at.group, HealthCheckEnabled=True, Matcher={"HttpCode": "200-204"})
    [told] = elbv2.describe_target_health(TargetGroupArn=at.group)["TargetHealthDescriptions"]
    assert told == {"Target": {"Id": arn}, "TargetHealth": {"State": "healthy"}}
    elbv2.modify_target_group(TargetGroupArn=at.group, Matcher={"HttpCode": "201"})
    [told] = engine.harness.fire("target-health-check", target_group_arn=at.group)["targets"]
    assert told["TargetHealth"]["Reason"] == "Target.ResponseCodeMismatch"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Name": "internal-shop"}, "ValidationError"),
        ({"Name": "-shop"}, "ValidationError"),
        ({"Type": "network"}, "ValidationError"),
        ({"Subnets": 1}, "ValidationError"),
        ({"Scheme": "internet-facing"}, "InvalidSubnet"),
        ({"SecurityGroups": ["sg-00000000"]}, "InvalidSecurityGroup"),
        ({"Subnets": ["subnet-00000000"]}, "SubnetNotFound"),
    ],
)
def test_load_balancers_that_aws_does_not_make(aws, network, change, code):
    wanted = {"Name": _name(), "Subnets": list(network.subnets), "Scheme": "internal", **change}
    if wanted["Subnets"] == 1:
        wanted["Subnets"] = [network.subnets[0]]
    with _refused(code):
        aws("elbv2").create_load_balancer(**wanted)


def test_a_protected_load_balancer_is_not_deleted(aws, balancer):
    at, elbv2 = balancer(deletion_protection__enabled="true"), aws("elbv2")
    with _refused("OperationNotPermitted"):
        elbv2.delete_load_balancer(LoadBalancerArn=at.arn)
    off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    elbv2.modify_load_balancer_attributes(LoadBalancerArn=at.arn, Attributes=off)


@pytest.mark.parametrize(
    ("name", "value"), [("access_logs.s3.enabled", "true"), ("no.such", "1"), ("idle_timeout.timeout_seconds", "0")]
)
def test_attributes_without_an_effect_are_refused(aws, balancer, name, value):
    at = balancer()
    with _refused(name):
        aws("elbv2").modify_load_balancer_attributes(LoadBalancerArn=at.arn, Attributes=[{"Key": name, "Value": value}])


def test_attributes_have_the_values_that_aws_begins_with(aws, balancer):
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html"""
    at = balancer()
    told = aws("elbv2").describe_load_balancer_attributes(LoadBalancerArn=at.arn)["Attributes"]
    values = {each["Key"]: each["Value"] for each in told}
    assert values["idle_timeout.timeout_seconds"] == "60"
    assert values["routing.http.xff_header_processing.mode"] == "append"
    told = aws("elbv2").describe_target_group_attributes(TargetGroupArn=at.group)["Attributes"]
    assert told == [{"Key": "lambda.multi_value_headers.enabled", "Value": "false"}]


@pytest.mark.parametrize(
    ("action", "match"),
    [
        ({"Type": "authenticate-cognito", "AuthenticateCognitoConfig": {
            "UserPoolArn": "arn", "UserPoolClientId": "c", "UserPoolDomain": "d"}}, "'authenticate-cognito' is not served"),
        ({"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}, "creates a loop"),
        ({"Type": "forward", "ForwardConfig": {"TargetGroups": [], "TargetGroupStickinessConfig": {
            "Enabled": True, "DurationSeconds": 60}}}, "Stickiness"),
    ],
)  # fmt: skip
def test_actions_that_cannot_be_taken_are_refused(aws, balancer, action, match):
    at = balancer()
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a"]}}]
    with _refused(match):
        aws("elbv2").create_rule(ListenerArn=at.listener, Priority=1, Conditions=conditions, Actions=[action])


def test_a_port_has_one_listener(aws, balancer):
    at = balancer()
    with _refused("DuplicateListener"):
        aws("elbv2").create_listener(LoadBalancerArn=at.arn, Port=80, Protocol="HTTP", DefaultActions=[NOTHING_HERE])


def test_https_needs_a_certificate_and_is_served_without_tls(aws, balancer, engine, http):
    """A function sees the same as on AWS; the gateway's port stands for the listener's port."""
    at, elbv2 = balancer(), aws("elbv2")
    listener = {"LoadBalancerArn": at.arn, "Port": 443, "Protocol": "HTTPS"}
    forward = {"Type": "forward", "TargetGroupArn": at.group}
    with _refused("A certificate must be specified"):
        elbv2.create_listener(**listener, DefaultActions=[forward])
    certificate = aws("acm").request_certificate(DomainName="shop.example.com")["CertificateArn"]
    elbv2.create_listener(**listener, DefaultActions=[forward], Certificates=[{"CertificateArn": certificate}])
    headers = http.get(f"{engine.load_balancer_url(at.dns_name, 443)}/echo").json()["headers"]
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("https", "443")
