"""The entry points of a deployment: its APIs, load balancers and function URLs."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from harness.deploy.deployment import DeployedResource, Deployment
from harness.engine import Target


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """`name` is unique: the stack and the kind, plus the logical id if the stack has several of that kind."""

    name: str
    url: str


def front_doors(target: Target, deployment: Deployment) -> list[FrontDoor]:
    """One entry point for each stage of each API and for each load balancer; none for those that the target does not report."""
    found = [
        (stack.name, resource.logical_id, what, url)
        for stack in deployment.stacks.values()
        for resource in stack.resources.values()
        for what, url in _told(target, resource)
    ]
    several = Counter((stack, what) for stack, _, what, _ in found)
    return [
        FrontDoor(f"{stack} {what}" + (f" {logical_id}" if several[stack, what] > 1 else ""), url)
        for stack, logical_id, what, url in found
    ]


def _told(target: Target, resource: DeployedResource) -> list[tuple[str, str]]:
    reader = _READERS.get(resource.type)
    if reader is None:
        return []
    try:
        return list(reader(target, resource.physical_id))
    except (BotoCoreError, ClientError):
        # The caller may lack permission to read it. That must not fail a completed deployment.
        return []


def _rest_api(target: Target, api_id: str) -> Iterator[tuple[str, str]]:
    for stage in target.client("apigateway").get_stages(restApiId=api_id)["item"]:
        yield "API", target.rest_api_url(api_id, stage["stageName"])


def _websocket_api(target: Target, api_id: str) -> Iterator[tuple[str, str]]:
    for stage in target.client("apigatewayv2").get_stages(ApiId=api_id)["Items"]:
        yield "WebSocket", target.websocket_url(api_id, stage["StageName"])


def _load_balancer(target: Target, arn: str) -> Iterator[tuple[str, str]]:
    client = target.client("elbv2")
    [described] = client.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"]
    for listener in client.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
        port = listener["Port"]
        yield "load balancer", target.load_balancer_url(described["DNSName"], None if port == 80 else port)


def _function_url(target: Target, function_arn: str) -> Iterator[tuple[str, str]]:
    client = target.client("lambda")
    yield "function URL", client.get_function_url_config(FunctionName=function_arn)["FunctionUrl"].rstrip("/")


_READERS: dict[str, Callable[[Target, str], Iterable[tuple[str, str]]]] = {
    "AWS::ApiGateway::RestApi": _rest_api,
    "AWS::ApiGatewayV2::Api": _websocket_api,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _load_balancer,
    "AWS::Lambda::Url": _function_url,
}
