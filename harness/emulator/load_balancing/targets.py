"""The function of a target group: which functions may be registered, how they are invoked, their health.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.connect import connect_to

from harness.emulator.access.enforcement import service_may
from harness.emulator.controls.timers import on_fire
from harness.emulator.load_balancing.answer import (
    MAX_BYTES,
    InvalidResponseError,
    LoadBalancerResponse,
    Problem,
    answer_of,
    page,
)
from harness.emulator.load_balancing.errors import LoadBalancingError
from harness.emulator.load_balancing.event import health_check_event

SERVICE = "elasticloadbalancing"
_FUNCTION = re.compile(
    r"arn:[a-z-]+:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):function:(?P<name>[\w-]+)(:[\w$-]+)?"
)
_REASONS = {
    "AccessDeniedException": "LambdaAccessDenied",
    "RequestEntityTooLargeException": "LambdaRequestTooLarge",
    "RequestTooLargeException": "LambdaRequestTooLarge",
    "ResourceNotFoundException": "LambdaResourceNotFound",
    "TooManyRequestsException": "LambdaThrottling",
}
_NOT_CHECKED = {
    "State": "unavailable",
    "Reason": "Target.HealthCheckDisabled",
    "Description": "Health checks are not enabled for this target",
}


def check(group: Any, given: Sequence[Mapping[str, Any]]) -> None:
    """Raises LoadBalancingError where these cannot be registered with a target group."""
    wanted = {each["Id"] for each in given}
    if len(wanted | set(group.targets)) > 1:
        raise LoadBalancingError(
            "TooManyTargets",
            f"The target group '{group.arn}' can have one Lambda function, and not {len(wanted)} more"
            if group.targets
            else f"The target group '{group.arn}' can have one Lambda function, and not {len(wanted)}",
        )
    for target in given:
        arn = target["Id"]
        named = _FUNCTION.fullmatch(arn)
        if named is None:
            raise LoadBalancingError("ValidationError", f"'{arn}' must be a valid Lambda ARN")
        if (named["account"], named["region"]) != (group.account_id, group.region_name):
            raise LoadBalancingError(
                "ValidationError",
                f"The Lambda function '{arn}' must be in the account and the region of its target group",
            )
        if "Port" in target or "AvailabilityZone" in target:
            what = "Port" if "Port" in target else "AvailabilityZone"
            raise LoadBalancingError("ValidationError", f"{what} cannot be specified for the target '{arn}'")
        if not service_may(SERVICE, group.arn, "lambda:InvokeFunction", arn):
            raise LoadBalancingError(
                "AccessDenied",
                f"{SERVICE} principal does not have permission to invoke {arn} from target group {group.arn}",
            )


def target_of(group: Any) -> str | None:
    """The ARN of the function of a target group, where one is registered."""
    return next(iter(group.targets), None)


def is_multi_value(group: Any) -> bool:
    return str(group.attributes["lambda.multi_value_headers.enabled"]).lower() == "true"


def invoke(function_arn: str, event: Mapping[str, Any], group_arn: str, *, multi_value: bool) -> LoadBalancerResponse:
    """What the function answers, or a page that says that it did not."""
    _arn, _partition, _service, region, account_id, *_ = function_arn.split(":")
    client = connect_to(aws_access_key_id=account_id, region_name=region).lambda_
    try:
        result = client.request_metadata(source_arn=group_arn, service_principal=SERVICE).invoke(
            FunctionName=function_arn, Payload=json.dumps(event)
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return page(502, Problem(_REASONS.get(code, "LambdaServiceException"), error.response["Error"]["Message"]))
    payload = result["Payload"].read()
    if result.get("FunctionError"):
        return page(502, Problem("LambdaUnhandled", _message(payload)))
    if len(payload) > MAX_BYTES:
        message = f"it has {len(payload)} bytes, and a load balancer takes {MAX_BYTES}"
        return page(502, Problem("LambdaResponseTooLarge", message))
    try:
        return answer_of(payload, multi_value=multi_value)
    except InvalidResponseError as invalid:
        return page(502, Problem("LambdaInvalidResponse", str(invalid)))


def _message(payload: bytes) -> str:
    try:
        error = json.loads(payload)
    except ValueError:
        return "Unhandled"
    return str(error.get("errorMessage") or "Unhandled") if isinstance(error, dict) else "Unhandled"


# ── health ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def health(group: Any, ids: Sequence[str]) -> list[dict[str, Any]]:
    """As DescribeTargetHealth returns it, of all targets or of these. A check is made for this call only;
    if checks are enabled, AWS makes one every `HealthCheckIntervalSeconds`."""
    found = []
    for each in ids or list(group.targets):
        state: dict[str, str] = {
            "State": "unused",
            "Reason": "Target.NotRegistered",
            "Description": "Target is not registered to the target group",
        }
        if each in group.targets:
            state = _checked(group, each)
        found.append({"Target": {"Id": each}, "TargetHealth": state})
    return found


def _checked(group: Any, function_arn: str) -> dict[str, str]:
    if not group.load_balancer_arns:
        return {
            "State": "unused",
            "Reason": "Target.NotInUse",
            "Description": "Target group is not configured to receive traffic from the load balancer",
        }
    if not group.health_check_enabled:
        return dict(_NOT_CHECKED)
    multi_value = is_multi_value(group)
    event = health_check_event(group.arn, group.health_check_path or "/", multi_value=multi_value)
    answer = invoke(function_arn, event, group.arn, multi_value=multi_value)
    if _matches(str((group.matcher or {}).get("HttpCode") or "200"), answer.status):
        return {"State": "healthy"}
    return {
        "State": "unhealthy",
        "Reason": "Target.ResponseCodeMismatch",
        "Description": f"Health checks failed with these codes: [{answer.status}]",
    }


def _matches(codes: str, status: int) -> bool:
    """`200`, `200,202`, `200-299`."""
    ranges = (part.split("-") for part in codes.split(","))
    return any(int(each[0]) <= status <= int(each[-1]) for each in ranges)


@on_fire("target-health-check")
def check_health(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """`target_group_arn`: its health check is made now; `targets`, as DescribeTargetHealth returns them."""
    from moto.elbv2.models import elbv2_backends

    arn = parameters.get("target_group_arn")
    if set(parameters) != {"target_group_arn"} or not isinstance(arn, str):
        raise ValueError('target-health-check takes "target_group_arn"')
    for _account, _region, backend in elbv2_backends.iter_backends():
        if arn in backend.target_groups:
            return {"targets": health(backend.target_groups[arn], [])}
    raise LookupError(f"there is no target group {arn}")
