"""Where a deployment is reached from outside."""

from botocore.exceptions import ClientError

from harness.deploy import Deployment, FrontDoor, front_doors
from harness.deploy.deployment import DeployedResource, DeployedStack

STAGES = {"a1": ["v1"], "a2": ["v1", "v2"]}


class ThatTells:
    """A target with two REST APIs, a WebSocket API and a load balancer."""

    def client(self, _service):
        return self

    def get_stages(self, restApiId=None, ApiId=None):  # noqa: N803 - AWS's names
        if restApiId:
            return {"item": [{"stageName": stage} for stage in STAGES[restApiId]]}
        return {"Items": [{"StageName": f"of-{ApiId}"}]}

    def describe_load_balancers(self, LoadBalancerArns):  # noqa: ARG002, N803
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "DescribeLoadBalancers")

    def rest_api_url(self, api, stage):
        return f"http://rest/{api}/{stage}"

    def websocket_url(self, api, stage):
        return f"ws://{api}/{stage}"


def _stack(name, **resources):
    made = {logical: DeployedResource(logical, type_, physical) for logical, (type_, physical) in resources.items()}
    return DeployedStack(name, "created", {}, made, name, name, "CREATE_COMPLETE")


def test_each_stage_is_named_and_unreadable_ones_are_ignored():
    rest, websocket = "AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"
    balancer = "AWS::ElasticLoadBalancingV2::LoadBalancer"
    deployment = Deployment(
        {
            "one": _stack("one", Api=(rest, "a1"), Socket=(websocket, "w1"), Queue=("AWS::SQS::Queue", "q")),
            "two": _stack("two", Api=(rest, "a1"), Hooks=(rest, "a2"), Balancer=(balancer, "arn")),
        }
    )
    assert front_doors(ThatTells(), deployment) == [
        FrontDoor("one API", "http://rest/a1/v1"),
        FrontDoor("one WebSocket", "ws://w1/of-w1"),
        FrontDoor("two API Api", "http://rest/a1/v1"),
        FrontDoor("two API Hooks", "http://rest/a2/v1"),
        FrontDoor("two API Hooks", "http://rest/a2/v2"),
    ]
