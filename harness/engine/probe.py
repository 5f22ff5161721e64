"""Which AWS services an emulator answers for, found out by asking it.

What an emulator lacks it says in many ways: 501, 500, 404, a page in HTML, an error of S3 because the path looks like a
bucket. What is there answers, or refuses the way AWS does.
"""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from botocore.config import Config
from botocore.exceptions import UnknownServiceError

from harness.engine.answers import LacksError, understood
from harness.engine.errors import EngineError
from harness.engine.target import Target
from harness.engine.trials import NAME, TRIALS

# An emulator may load a service, or start a database for it, with the first call. LocalStack does, one after the other, so
# on a busy machine the last of many waits long.
_TIMES = Config(connect_timeout=5, read_timeout=60)
_AT_ONCE = 4

_ARN = "arn:aws:{service}:us-east-1:000000000000:{resource}:" + NAME
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that reads little and changes nothing; what it asks for need not exist."""

    operation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


CALLS: Mapping[str, Call] = MappingProxyType(
    {
        "acm": Call("list_certificates"),
        "apigateway": Call("get_rest_apis"),
        "apigatewaymanagementapi": Call("get_connection", {"ConnectionId": NAME}),
        "apigatewayv2": Call("get_apis"),
        "application-autoscaling": Call("describe_scalable_targets", {"ServiceNamespace": "lambda"}),
        "appsync": Call("list_graphql_apis"),
        "athena": Call("list_work_groups"),
        "backup": Call("list_backup_vaults"),
        "cloudformation": Call("list_stacks"),
        "cloudfront": Call("list_distributions"),
        "cloudwatch": Call("list_metrics"),
        "codebuild": Call("list_projects"),
        "codecommit": Call("get_repository", {"repositoryName": NAME}),
        "codedeploy": Call("list_applications"),
        "codepipeline": Call("list_pipelines"),
        "cognito-identity": Call("list_identity_pools", {"MaxResults": 1}),
        "cognito-idp": Call("list_user_pools", {"MaxResults": 1}),
        "dynamodb": Call("list_tables"),
        "dynamodbstreams": Call("list_streams"),
        "ec2": Call("describe_vpcs"),
        "ecr": Call("describe_repositories"),
        "ecs": Call("list_clusters"),
        "efs": Call("describe_file_systems"),
        "elasticache": Call("describe_cache_clusters"),
        "elbv2": Call("describe_load_balancers"),
        "events": Call("list_event_buses"),
        "firehose": Call("list_delivery_streams"),
        "glue": Call("get_databases"),
        "iam": Call("list_roles"),
        "iot": Call("list_things"),
        "kinesis": Call("list_streams"),
        "kms": Call("list_keys"),
        "lambda": Call("list_functions"),
        "logs": Call("describe_log_groups"),
        "opensearch": Call("list_domain_names"),
        "pipes": Call("list_pipes"),
        "rds": Call("describe_db_instances"),
        "rds-data": Call(
            "execute_statement",
            {
                "resourceArn": _ARN.format(service="rds", resource="cluster"),
                "secretArn": _ARN.format(service="secretsmanager", resource="secret"),
                "sql": "SELECT 1",
            },
        ),
        "resourcegroupstaggingapi": Call("get_resources"),
        "route53": Call("list_hosted_zones"),
        "s3": Call("list_buckets"),
        "scheduler": Call("list_schedules"),
        "schemas": Call("list_registries"),
        "secretsmanager": Call("list_secrets"),
        "servicediscovery": Call("list_namespaces"),
        "ses": Call("list_identities"),
        "sesv2": Call("get_email_identity", {"EmailIdentity": f"{NAME}.example"}),
        "sns": Call("list_topics"),
        "sqs": Call("list_queues"),
        "ssm": Call("describe_parameters"),
        "stepfunctions": Call("list_state_machines"),
        "sts": Call("get_caller_identity"),
        "synthetics": Call("describe_canaries"),
        "wafv2": Call("list_web_acls", {"Scope": "REGIONAL"}),
        "xray": Call("get_trace_summaries", {"StartTime": _MOMENT, "EndTime": _MOMENT + timedelta(minutes=1)}),
    }
)
"""By boto3's name of the service. What is not here is asked with its first operation that lists and takes no argument."""


def probe(target: Target, services: Iterable[str]) -> dict[str, str]:
    """Ask an emulator for these services, by boto3's names; returns what it answered for each that it lacks, in one line.

    Every service is asked with one call that only reads, several at once; of those in `harness.engine.trials` something is
    made, used and removed. So this is nothing for AWS itself; raises EngineError there.
    """
    if target.endpoint_url is None or target.is_aws:
        raise EngineError(f"{target.address} is not asked which services it has: probing is for emulators.")
    emulator = _Emulator(target)
    asked = list(dict.fromkeys(services))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(emulator.ask, asked))
    return {service: answer for service, answer in zip(asked, answers, strict=True) if answer is not None}


class _Emulator:
    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()

    def ask(self, service: str) -> str | None:
        """What is wrong with a service; None when it is there."""
        try:
            self._call(service)
            if (trial := TRIALS.get(service)) is not None:
                trial(self._target, self.client)
        except LacksError as lack:
            return str(lack)
        return None

    def client(self, service: str, config: Config = _TIMES) -> Any:
        try:
            with self._lock:  # boto3 makes one client at a time
                return self._target.client(service, config=config)
        except UnknownServiceError:
            raise LacksError(f"boto3 knows no service {service!r}, so it cannot be asked") from None

    def _call(self, service: str) -> None:
        client = self.client(service)
        call = CALLS.get(service) or _cheap_call(client)
        with understood():
            getattr(client, call.operation)(**call.arguments)


def _cheap_call(client: Any) -> Call:
    """The first operation that lists something and takes no argument. Raises LacksError where there is none."""
    for method, operation in sorted(client.meta.method_to_api_mapping.items()):
        shape = client.meta.service_model.operation_model(operation).input_shape
        if method.startswith(("list_", "describe_")) and not (shape and shape.required_members):
            return Call(method)
    service = client.meta.service_model.service_name
    raise LacksError(f"no operation of {service} lists without arguments; harness.engine.probe.CALLS may name another")
