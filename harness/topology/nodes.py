"""The nodes of the topology: what a resource type is, in the words of the field."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

KINDS: Mapping[str, str] = {
    "AWS::ApiGateway::RestApi": "rest_api",
    "AWS::ApiGatewayV2::Api": "http_api",
    "AWS::CloudFormation::CustomResource": "custom_resource",
    "AWS::CloudFormation::Stack": "nested_stack",
    "AWS::CloudFront::Distribution": "distribution",
    "AWS::CloudWatch::Alarm": "alarm",
    "AWS::CloudWatch::CompositeAlarm": "alarm",
    "AWS::CodeCommit::Repository": "repository",
    "AWS::Cognito::IdentityPool": "identity_pool",
    "AWS::Cognito::UserPool": "user_pool",
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::DynamoDB::Table": "table",
    "AWS::ElastiCache::CacheCluster": "cache",
    "AWS::ElastiCache::ReplicationGroup": "cache",
    "AWS::ElastiCache::ServerlessCache": "cache",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "load_balancer",
    "AWS::Events::ApiDestination": "api_destination",
    "AWS::Events::Archive": "archive",
    "AWS::Events::EventBus": "bus",
    "AWS::Events::Rule": "rule",
    "AWS::KMS::Key": "key",
    "AWS::Kinesis::Stream": "stream",
    "AWS::KinesisFirehose::DeliveryStream": "delivery_stream",
    "AWS::Lambda::Function": "function",
    "AWS::Logs::LogGroup": "log_group",
    "AWS::RDS::DBCluster": "database",
    "AWS::RDS::DBInstance": "database",
    "AWS::S3::Bucket": "bucket",
    "AWS::SES::EmailIdentity": "email_identity",
    "AWS::SNS::Topic": "topic",
    "AWS::SQS::Queue": "queue",
    "AWS::SSM::Parameter": "parameter",
    "AWS::Scheduler::Schedule": "schedule",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::StepFunctions::Activity": "activity",
    "AWS::StepFunctions::StateMachine": "state_machine",
}
"""The resource types that are nodes. The others wire nodes together, or take no part in how an event travels."""

NAMES: Mapping[str, str] = {
    "alarm": "AlarmName",
    "archive": "ArchiveName",
    "bucket": "BucketName",
    "bus": "Name",
    "email_identity": "EmailIdentity",
    "function": "FunctionName",
    "log_group": "LogGroupName",
    "parameter": "Name",
    "queue": "QueueName",
    "repository": "RepositoryName",
    "rule": "Name",
    "schedule": "Name",
    "secret": "Name",
    "state_machine": "StateMachineName",
    "stream": "Name",
    "table": "TableName",
    "topic": "TopicName",
}
"""The property that gives a resource a name of its own, by kind."""


@dataclass(frozen=True, order=True, slots=True)
class NodeId:
    """A resource: its stack and its logical id. What no template declares has the stack ""."""

    stack: str
    logical_id: str

    def __str__(self) -> str:
        return f"{self.stack}.{self.logical_id}" if self.stack else self.logical_id


@dataclass(frozen=True, slots=True)
class Node:
    """A resource of a template, or something outside that a template names (kind "external", no file)."""

    id: NodeId
    kind: str
    """A value of KINDS, "websocket_api" or "external"."""
    type: str
    """The CloudFormation type it has once deployed; "" where it is outside."""
    file: Path | None = None
    line: int = 0
    name: str | None = None
    """The name that the template gives it, where that is known without deploying."""
    physical_id: str | None = None

    @property
    def stack(self) -> str:
        return self.id.stack

    @property
    def logical_id(self) -> str:
        return self.id.logical_id


def kind_of(resource_type: str, protocol: str = "") -> str | None:
    """The kind of node that a resource type is; None for what is no node. `protocol` is that of an API Gateway v2 API."""
    if resource_type.startswith("Custom::"):
        return "custom_resource"
    kind = KINDS.get(resource_type)
    return "websocket_api" if kind == "http_api" and protocol.upper() == "WEBSOCKET" else kind
