"""SAM's resource types: the CloudFormation type of each, and the services that it uses
(https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources.html)."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SamType:
    services: tuple[str, ...] = ()
    """By boto3's names."""
    becomes: str = ""
    """The CloudFormation type; empty for a type that is read unchanged."""
    section: str = ""
    """Its section of `Globals`
    (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html)."""


TYPES: Mapping[str, SamType] = {
    "AWS::Serverless::Api": SamType(("apigateway",), "AWS::ApiGateway::RestApi", "Api"),
    "AWS::Serverless::Application": SamType((), "AWS::CloudFormation::Stack"),
    "AWS::Serverless::CapacityProvider": SamType(("lambda", "iam")),
    "AWS::Serverless::Connector": SamType(("iam",)),
    "AWS::Serverless::Function": SamType(("lambda", "iam", "logs"), "AWS::Lambda::Function", "Function"),
    "AWS::Serverless::GraphQLApi": SamType(("appsync",)),
    "AWS::Serverless::HttpApi": SamType(("apigatewayv2",), "AWS::ApiGatewayV2::Api", "HttpApi"),
    "AWS::Serverless::LayerVersion": SamType(("lambda",), "AWS::Lambda::LayerVersion"),
    "AWS::Serverless::SimpleTable": SamType(("dynamodb",), "AWS::DynamoDB::Table", "SimpleTable"),
    "AWS::Serverless::StateMachine": SamType(
        ("stepfunctions", "iam"), "AWS::StepFunctions::StateMachine", "StateMachine"
    ),
    "AWS::Serverless::WebSocketApi": SamType(("apigatewayv2",)),
}
