"""Declarations of a WebSocket API: AWS's refusals in its words, and the engine's with what to do instead.

https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/resources.html
"""

import pytest
from botocore.exceptions import ClientError

MOCK = {"IntegrationType": "MOCK", "RequestTemplates": {"$default": '{"statusCode": 200}'}}


@pytest.fixture
def api(websocket_api):
    return websocket_api({"$default": MOCK, "ping": MOCK})


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"ProtocolType": "HTTP"}, "does not serve APIs of protocol HTTP: use a REST API"),
        ({"ProtocolType": "WEBSOCKET"}, "RouteSelectionExpression is required"),
        (
            {"ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.header.x"},
            "does not serve the RouteSelectionExpression",
        ),
    ],
)
def test_apis_that_are_refused(aws, settings, says):
    with pytest.raises(ClientError, match=f"BadRequestException.*{says}"):
        aws("apigatewayv2").create_api(Name="a", **settings)


@pytest.mark.parametrize(
    ("operation", "settings", "says"),
    [
        ("create_route", {"RouteKey": "a", "AuthorizationType": "AWS_IAM"}, "does not serve AuthorizationType AWS_IAM"),
        ("create_route", {"RouteKey": "a", "AuthorizationType": "JWT"}, "JWT is not supported for WEBSOCKET"),
        ("create_route", {"RouteKey": "a", "ApiKeyRequired": True}, "does not serve ApiKeyRequired"),
        ("create_route", {"RouteKey": "a", "Target": "integrations/none"}, "Invalid target specified"),
        ("create_route", {"RouteKey": "a", "RouteResponseSelectionExpression": "$x"}, "only \\$default is supported"),
        ("create_integration", {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "http://a"}, "does not serve"),
        ("create_integration", {"IntegrationType": "AWS_PROXY", "IntegrationUri": "arn:aws:sqs"}, "does not serve"),
        ("create_integration", {**MOCK, "ConnectionType": "VPC_LINK"}, "does not serve private integrations"),
        ("create_integration", {**MOCK, "TimeoutInMillis": 29_001}, "between 50 ms and 29000 ms"),
        (
            "create_integration",
            {**MOCK, "RequestTemplates": {"$default": "#set($a = 1)"}},
            "does not serve the request",
        ),
        (
            "create_authorizer",
            {"Name": "a", "AuthorizerType": "JWT", "IdentitySource": ["x"]},
            "Only REQUEST authorizers",
        ),
        ("create_stage", {"StageName": "a", "ClientCertificateId": "c"}, "does not serve ClientCertificateId"),
        (
            "create_stage",
            {"StageName": "a", "DefaultRouteSettings": {"DetailedMetricsEnabled": True}},
            "does not serve",
        ),
        ("create_model", {"Name": "a", "Schema": "{"}, "it is no JSON"),
        ("create_model", {"Name": "a", "Schema": '{"$ref": "https://a/models/b"}'}, "does not serve references"),
    ],
)
def test_parts_that_are_refused(api, aws, operation, settings, says):
    with pytest.raises(ClientError, match=f"BadRequestException.*{says}"):
        getattr(aws("apigatewayv2"), operation)(ApiId=api.api_id, **settings)


@pytest.mark.parametrize("operation", ["import_api", "create_domain_name", "create_vpc_link"])
def test_operations_that_are_not_served_say_so(aws, operation):
    settings = {
        "import_api": {"Body": "{}"},
        "create_domain_name": {"DomainName": "lumen.example"},
        "create_vpc_link": {"Name": "a", "SubnetIds": ["subnet-a"]},
    }
    with pytest.raises(ClientError, match=r"BadRequestException.*The emulator does not serve"):
        getattr(aws("apigatewayv2"), operation)(**settings[operation])


def test_a_name_is_given_once(api, aws):
    gateway = aws("apigatewayv2")
    with pytest.raises(ClientError, match=r"ConflictException.*ping already exists"):
        gateway.create_route(ApiId=api.api_id, RouteKey="ping")
    with pytest.raises(ClientError, match=r"ConflictException.*Stage already exists"):
        gateway.create_stage(ApiId=api.api_id, StageName="test")


def test_resource_in_use_cannot_be_deleted(api, aws):
    gateway = aws("apigatewayv2")
    route = gateway.get_routes(ApiId=api.api_id)["Items"][0]
    integration = route["Target"].removeprefix("integrations/")
    with pytest.raises(ClientError, match=r"ConflictException.*Cannot delete Integration"):
        gateway.delete_integration(ApiId=api.api_id, IntegrationId=integration)
    [deployment] = gateway.get_deployments(ApiId=api.api_id)["Items"]
    with pytest.raises(ClientError, match=r"BadRequestException.*Active stages pointing to this deployment"):
        gateway.delete_deployment(ApiId=api.api_id, DeploymentId=deployment["DeploymentId"])


def test_unknown_api_resource_raises_not_found(api, aws):
    gateway = aws("apigatewayv2")
    for operation, settings in (("get_route", {"RouteId": "none"}), ("get_stage", {"StageName": "none"})):
        with pytest.raises(gateway.exceptions.NotFoundException):
            getattr(gateway, operation)(ApiId=api.api_id, **settings)
    with pytest.raises(gateway.exceptions.NotFoundException, match="Invalid API identifier specified"):
        gateway.get_api(ApiId="none")


def test_lists_come_in_pages(api, aws):
    gateway = aws("apigatewayv2")
    first = gateway.get_routes(ApiId=api.api_id, MaxResults="1")
    second = gateway.get_routes(ApiId=api.api_id, MaxResults="1", NextToken=first["NextToken"])
    assert {r["RouteKey"] for page in (first, second) for r in page["Items"]} == {"$default", "ping"}
    assert "NextToken" not in second


def test_tags_of_apis_and_stages_are_kept(api, aws):
    gateway = aws("apigatewayv2")
    arn = f"arn:aws:apigateway:us-east-1::/apis/{api.api_id}/stages/test"
    gateway.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2"})
    gateway.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert gateway.get_tags(ResourceArn=arn)["Tags"] == {"b": "2"}
    assert gateway.get_stage(ApiId=api.api_id, StageName="test")["Tags"] == {"b": "2"}
