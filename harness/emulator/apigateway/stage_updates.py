"""A stack's update moves a stage of a REST API to the new deployment.

SAM makes a new AWS::ApiGateway::Deployment whenever the API changes, and the stage names it. LocalStack 4.14.0 cannot update
a stage: it kept the old deployment, was deleted together with it, and the API answered nothing any more.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-apigateway-stage.html
"""

from typing import Any

from localstack.utils.patch import patch


def install() -> None:
    from localstack.services.apigateway.resource_providers.aws_apigateway_stage import ApiGatewayStageProvider

    @patch(ApiGatewayStageProvider.update)
    def update(_original: Any, self: Any, request: Any) -> Any:
        """The stage is made anew under its name, so that every property is as the template says."""
        wanted = request.desired_state
        request.aws_client_factory.apigateway.delete_stage(restApiId=wanted["RestApiId"], stageName=wanted["StageName"])
        return self.create(request)
