"""Which AWS services an emulator answers for, found out by asking it.

What an emulator lacks it says in many ways: 501, 500, 404, a page in HTML, an error of S3 because the path looks like a
bucket. What is there answers, or refuses the way AWS does.
"""

import io
import json
import re
import secrets
import threading
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, UnknownServiceError
from botocore.parsers import ResponseParserError

from harness.engine.errors import EngineError
from harness.engine.target import Target

# An emulator may load a service, or start a database for it, with the first call.
_TIMES = Config(connect_timeout=5, read_timeout=20)
_POLL_SECONDS = 0.1
_AT_ONCE = 8
_SHOWN_CHARACTERS = 200

# An image for the function may have to be pulled.
_FUNCTION_SECONDS = 120.0
_FUNCTION_TIMES = Config(connect_timeout=5, read_timeout=_FUNCTION_SECONDS)
_FUNCTION = "def handler(event, context):\n    return event\n"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

# AWS's words for an operation that a service does not have, and S3's for a request that it does not take.
_NOT_KNOWN = frozenset(
    {
        "",
        "Unknown",
        "UnknownOperation",
        "UnknownOperationException",
        "InvalidAction",
        "MethodNotAllowed",
        "NotImplemented",
    }
)
_OF_S3 = frozenset({"ListBuckets"})
_ERRORS = (BotoCoreError, ClientError, ResponseParserError)

_NAME = "harness-probe"
_ARN = "arn:aws:{service}:us-east-1:000000000000:{resource}:" + _NAME
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
        "apigatewaymanagementapi": Call("get_connection", {"ConnectionId": _NAME}),
        "apigatewayv2": Call("get_apis"),
        "application-autoscaling": Call("describe_scalable_targets", {"ServiceNamespace": "lambda"}),
        "appsync": Call("list_graphql_apis"),
        "athena": Call("list_work_groups"),
        "backup": Call("list_backup_vaults"),
        "cloudformation": Call("list_stacks"),
        "cloudfront": Call("list_distributions"),
        "cloudwatch": Call("list_metrics"),
        "codebuild": Call("list_projects"),
        "codecommit": Call("get_repository", {"repositoryName": _NAME}),
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
        "sesv2": Call("get_email_identity", {"EmailIdentity": f"{_NAME}.example"}),
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

    Every service is asked with one call that only reads, several at once. Of `lambda` a function is made, invoked and
    removed, with a role: many emulators list functions and cannot run one. So this is nothing for AWS itself; raises
    EngineError there.
    """
    if target.endpoint_url is None or target.is_aws:
        raise EngineError(f"{target.address} is not asked which services it has: probing is for emulators.")
    emulator = _Emulator(target)
    asked = list(dict.fromkeys(services))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(emulator.ask, asked))
    return {service: answer for service, answer in zip(asked, answers, strict=True) if answer is not None}


class _LacksError(Exception):
    """A service does not work; the message says how that came out."""


class _Emulator:
    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()

    def ask(self, service: str) -> str | None:
        """What is wrong with a service; None when it is there."""
        try:
            if service == "lambda":
                self._run_a_function()
            else:
                self._call(service)
        except _LacksError as lack:
            return str(lack)
        return None

    def client(self, service: str, config: Config = _TIMES) -> Any:
        try:
            with self._lock:  # boto3 makes one client at a time
                return self._target.client(service, config=config)
        except UnknownServiceError:
            raise _LacksError(f"boto3 knows no service {service!r}, so it cannot be asked") from None

    def _call(self, service: str) -> None:
        client = self.client(service)
        call = CALLS.get(service) or _cheap_call(client)
        with _understood():
            getattr(client, call.operation)(**call.arguments)

    def _run_a_function(self) -> None:
        """Raises _LacksError where no function can be made, becomes active and gives its result."""
        client = self.client("lambda", _FUNCTION_TIMES)
        name = f"{_NAME}-{secrets.token_hex(4)}"
        with _understood(any_error=True):
            self._remember_a_failure(client)
        with _understood(any_error=True), self._role(name) as role:
            try:
                client.create_function(
                    FunctionName=name,
                    Runtime="python3.12",
                    Handler="index.handler",
                    Role=role,
                    Code={"ZipFile": _zip({"index.py": _FUNCTION})},
                )
                self._wait_until_active(client, name)
                self._invoke(client, name)
            finally:
                with suppress(*_ERRORS):
                    client.delete_function(FunctionName=name)
                with suppress(*_ERRORS):
                    self.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{name}")

    def _remember_a_failure(self, client: Any) -> None:
        """LocalStack 4.14.0 cannot delete a function that never became active (500, "Unable to find version manager"). So
        that not every probe leaves one there, the one that an earlier probe left answers for all."""
        for listed in client.list_functions()["Functions"]:
            if listed["FunctionName"].startswith(f"{_NAME}-"):
                with suppress(client.exceptions.ResourceNotFoundException):  # another probe's, which is over
                    self._raise_if_failed(client.get_function_configuration(FunctionName=listed["FunctionName"]))

    @contextmanager
    def _role(self, name: str) -> Iterator[str]:
        """The ARN of a role for a function. Some want one that exists, others have no IAM and take any."""
        iam = self.client("iam")
        made_up = f"arn:aws:iam::{self._target.account_id}:role/{name}"
        made = None
        with suppress(*_ERRORS):
            made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
        try:
            yield made or made_up
        finally:
            if made:
                with suppress(*_ERRORS):
                    iam.delete_role(RoleName=name)

    def _wait_until_active(self, client: Any, name: str) -> None:
        deadline = time.monotonic() + _FUNCTION_SECONDS
        while True:
            function = client.get_function_configuration(FunctionName=name)
            self._raise_if_failed(function)
            if function.get("State", "Active") == "Active":
                return
            if time.monotonic() > deadline:
                raise _LacksError(
                    f"a function that was made was not active after {_FUNCTION_SECONDS:.0f} seconds: {_state(function)}"
                )
            time.sleep(_POLL_SECONDS)

    def _raise_if_failed(self, function: Mapping[str, Any]) -> None:
        if function.get("State") == "Failed":
            raise _LacksError(f"a function that was made did not become active: {_state(function)}")

    def _invoke(self, client: Any, name: str) -> None:
        event = {"asked": name}
        answer = client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        payload = answer["Payload"].read().decode(errors="replace")
        if answer.get("FunctionError"):
            raise _LacksError(f"a function that was made could not be run: {_one_line(payload)}")
        try:
            result = json.loads(payload)
        except ValueError:
            result = None
        if result != event:
            raise _LacksError(
                f"a function that was made was not run: it returns its event, and {_one_line(payload) or 'nothing'!r} "
                "came back"
            )


def _cheap_call(client: Any) -> Call:
    """The first operation that lists something and takes no argument. Raises _LacksError where there is none."""
    for method, operation in sorted(client.meta.method_to_api_mapping.items()):
        shape = client.meta.service_model.operation_model(operation).input_shape
        if method.startswith(("list_", "describe_")) and not (shape and shape.required_members):
            return Call(method)
    service = client.meta.service_model.service_name
    raise _LacksError(f"no operation of {service} lists without arguments; harness.engine.probe.CALLS may name another")


@contextmanager
def _understood(*, any_error: bool = False) -> Iterator[None]:
    """Turns what boto3 raises into _LacksError, unless the service is there and only refuses; `any_error` takes that as
    well."""
    try:
        yield
    except ClientError as error:
        if any_error or not _refuses_as_aws_does(error):
            raise _LacksError(_said(error)) from error
    except ResponseParserError as error:
        # botocore tells its own troubles first, then what came back.
        came_back = str(error).partition("\nb'")[2].rstrip("'").replace("\\n", " ")
        raise _LacksError(f"no answer of AWS's: {_one_line(came_back or str(error))}") from error
    except BotoCoreError as error:
        raise _LacksError(_one_line(str(error))) from error


def _refuses_as_aws_does(error: ClientError) -> bool:
    """Whether an error shows that the service is there: a client's mistake, with a code of AWS's, of this service."""
    status = _status(error)
    code = str(error.response.get("Error", {}).get("Code", ""))
    if not 400 <= status < 500 or code.isdigit() or code in _NOT_KNOWN:
        return False
    # Many emulators take an unknown path for a bucket of S3.
    return code != "NoSuchBucket" or error.operation_name in _OF_S3


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _said(error: ClientError) -> str:
    details = error.response.get("Error", {})
    code, message = str(details.get("Code", "")), _one_line(str(details.get("Message", "")))
    status = _status(error)
    return f"{status} {code}".removesuffix(f" {status}") + (f": {message}" if message else "")


def _state(function: Mapping[str, Any]) -> str:
    reason = _one_line(str(function.get("StateReason", "")))
    return f"{function['State']}" + (f", {reason}" if reason else "")


def _one_line(text: str) -> str:
    """The words of an answer, without what marks them up."""
    words = " ".join(re.sub(r"<(style|script|title)\b.*?</\1>|<[^>]*>", " ", text, flags=re.S | re.I).split())
    return words if len(words) <= _SHOWN_CHARACTERS else f"{words[:_SHOWN_CHARACTERS]}…"


def _zip(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        for path, text in files.items():
            into.writestr(path, text)
    return packed.getvalue()
