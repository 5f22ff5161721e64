"""A stack's update of a REST API
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-stage.html)."""

import json
import uuid

import pytest


def _template(deployment):
    """A REST API as SAM makes it: another deployment, by its logical id, for every change of the API."""
    api = {"Ref": "Api"}
    method = {
        "RestApiId": api,
        "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
        "HttpMethod": "GET",
        "AuthorizationType": "NONE",
        "Integration": {
            "Type": "MOCK",
            "RequestTemplates": {"application/json": '{"statusCode": 200}'},
            "IntegrationResponses": [{"StatusCode": "200", "ResponseTemplates": {"application/json": '"here"'}}],
        },
        "MethodResponses": [{"StatusCode": "200"}],
    }
    stage = {"RestApiId": api, "DeploymentId": {"Ref": deployment}, "StageName": "v1"}
    resources = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "updated"}},
        "Method": {"Type": "AWS::ApiGateway::Method", "Properties": method},
        deployment: {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": "Method",
            "Properties": {"RestApiId": api},
        },
        "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": stage | {"Variables": {"made_by": deployment}}},
    }
    outputs = {"Api": {"Value": api}, "Deployment": {"Value": {"Ref": deployment}}}
    return json.dumps({"Resources": resources, "Outputs": outputs})


@pytest.fixture
def stack(aws):
    name = f"rest-api-{uuid.uuid4().hex[:12]}"
    yield name
    aws("cloudformation").delete_stack(StackName=name)


def _outputs(aws, stack):
    [described] = aws("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def test_stage_moves_to_the_new_deployment_and_still_responds(aws, engine, http, stack):
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=_template("First"))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    before = _outputs(aws, stack)
    cloudformation.update_stack(StackName=stack, TemplateBody=_template("Second"))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    after = _outputs(aws, stack)
    assert after["Api"] == before["Api"]
    assert after["Deployment"] != before["Deployment"]
    [stage] = aws("apigateway").get_stages(restApiId=after["Api"])["item"]
    assert (stage["stageName"], stage["deploymentId"]) == ("v1", after["Deployment"])
    assert stage["variables"] == {"made_by": "Second"}
    assert http.get(f"{engine.rest_api_url(after['Api'], 'v1')}/").json() == "here"
