"""Where a deployment is reached from outside: its APIs, load balancers and function URLs."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from harness.deploy.deployment import DeployedResource, Deployment
from harness.engine import Target


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """`name` tells it from the others: the stack and what it is, and its logical id where the stack has several such."""

    name: str
    url: str


def front_doors(target: Target, deployment: Deployment) -> list[FrontDoor]:
    """A front door of each stage of each API, and of each load balancer; of those the target does not tell, none."""
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
        # Whoever deploys may lack the right to read it, which is no reason to fail what is deployed.
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
