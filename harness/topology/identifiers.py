"""Which resource an ARN or a URL means: its CloudFormation type and its name
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html)."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_ARNS = (
    ("AWS::ApiGateway::RestApi", "execute-api", r"(?P<name>[^/]+)"),
    ("AWS::ApiGatewayV2::Api", "execute-api", r"(?P<name>[^/]+)"),
    ("AWS::CodeCommit::Repository", "codecommit", r"(?P<name>[^/]+)"),
    ("AWS::Cognito::UserPool", "cognito-idp", r"userpool/(?P<name>.+)"),
    ("AWS::DynamoDB::Table", "dynamodb", r"table/(?P<name>[^/]+)"),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "elasticloadbalancing", r"loadbalancer/app/(?P<name>[^/]+)"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "elasticloadbalancing", r"targetgroup/(?P<name>[^/]+)"),
    ("AWS::Events::Archive", "events", r"archive/(?P<name>.+)"),
    ("AWS::Events::EventBus", "events", r"event-bus/(?P<name>.+)"),
    ("AWS::Events::Rule", "events", r"rule/(?:.*/)?(?P<name>[^/]+)"),
    ("AWS::IAM::ManagedPolicy", "iam", r"policy/(?:.*/)?(?P<name>[^/]+)"),
    ("AWS::IAM::Role", "iam", r"role/(?:.*/)?(?P<name>[^/]+)"),
    ("AWS::IAM::Role", "sts", r"assumed-role/(?P<name>[^/]+)"),
    ("AWS::IAM::User", "iam", r"user/(?:.*/)?(?P<name>[^/]+)"),
    ("AWS::KMS::Key", "kms", r"key/(?P<name>.+)"),
    ("AWS::Kinesis::Stream", "kinesis", r"stream/(?P<name>[^/]+)"),
    ("AWS::Lambda::Function", "lambda", r"function:(?P<name>[^:]+)"),
    ("AWS::Logs::LogGroup", "logs", r"log-group:(?P<name>[^:]+)"),
    ("AWS::S3::Bucket", "s3", r"(?P<name>[^/]+)"),
    ("AWS::Scheduler::Schedule", "scheduler", r"schedule/(?:.*/)?(?P<name>[^/]+)"),
    ("AWS::SES::EmailIdentity", "ses", r"identity/(?P<name>.+)"),
    ("AWS::SNS::Topic", "sns", r"(?P<name>[^:]+)"),
    ("AWS::SQS::Queue", "sqs", r"(?P<name>.+)"),
    ("AWS::SSM::Parameter", "ssm", r"parameter(?P<name>/.+)"),
    ("AWS::SSM::Parameter", "ssm", r"parameter/(?P<name>.+)"),
    ("AWS::StepFunctions::Activity", "states", r"activity:(?P<name>.+)"),
    ("AWS::StepFunctions::StateMachine", "states", r"(?:stateMachine|execution|express):(?P<name>[^:/]+)"),
)
_COMPILED = tuple((resource_type, service, re.compile(resource)) for resource_type, service, resource in _ARNS)
_QUEUE_URL = re.compile(r"/(?:queue/)?(?:[a-z0-9-]+/)?\d{12}/(?P<name>[^/]+)")


@dataclass(frozen=True, slots=True)
class Identifier:
    """A resource by its type and name. `region` is "" where the ARN or URL does not say it."""

    type: str
    name: str
    region: str = ""


def identifiers(text: str) -> tuple[Identifier, ...]:
    """What an ARN or a queue's URL can mean; nothing for any other text."""
    if text.startswith("arn:") and len(parts := text.split(":", 5)) == 6:
        _, _, service, region, _, resource = parts
        found = ((resource_type, own.match(resource)) for resource_type, of, own in _COMPILED if of == service)
        return tuple(Identifier(resource_type, match["name"], region) for resource_type, match in found if match)
    if text.startswith(("http://", "https://")):
        split = urlsplit(text)
        if match := _QUEUE_URL.fullmatch(split.path):
            host = re.match(r"(?:sqs\.)?([a-z0-9-]+)\.(?:queue|amazonaws)\.", split.netloc)
            return (Identifier("AWS::SQS::Queue", match["name"], host[1] if host else ""),)
    return ()


def name_in(physical_id: str) -> str:
    """The name in what CloudFormation gives as a physical id: a name, an ARN, a URL, or "bus|rule"."""
    for identifier in identifiers(physical_id):
        return identifier.name
    return physical_id.rpartition("|")[2]
