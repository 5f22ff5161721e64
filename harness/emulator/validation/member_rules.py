"""What AWS's documentation says of members that the service's model has as optional: which of them a request must have, which
exclude one another, and what holds if one is omitted.

LocalStack 4.14.0 and moto read them as if they were required. A rule takes the request of one operation and may complete it,
or raises `RuleError`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response

from harness.emulator.moto import protocols as moto_protocols
from harness.emulator.patches import inserted
from harness.emulator.validation.answers import exception_of
from harness.emulator.validation.messages import RequestRefusal, validation_code

Request = dict[str, Any]
Rule = Callable[[Request], None]


class RuleError(Exception):
    """What the service answers. `code` None: that of the service for a constraint that is broken."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


def default(**values: Any) -> Rule:
    """What holds if a member is omitted."""

    def rule(request: Request) -> None:
        for name, value in values.items():
            if request.get(name) is None:
                request[name] = value() if callable(value) else value

    return rule


def one_of(*names: str, message: str, code: str | None = None, within: str = "", most: int = 1) -> Rule:
    """A request, or its member `within`, has at least one of these members and at most so many."""

    def rule(request: Request) -> None:
        holder = request.get(within) or {} if within else request
        if not 1 <= sum(holder.get(name) is not None for name in names) <= most:
            raise RuleError(message, code)

    return rule


def is_policy(name: str, message: str, code: str | None = None) -> Rule:
    """What is no JSON object is refused before it is kept: what reads it later would fail. `name` may be `Attributes.Policy`."""

    def rule(request: Request) -> None:
        holder, _, last = name.rpartition(".")
        text = ((request.get(holder) or {}) if holder else request).get(last)
        if not text:
            return
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise RuleError(message, code)

    return rule


def _items_of_transaction(request: Request) -> None:
    kinds = ("ConditionCheck", "Put", "Delete", "Update")
    for item in request.get("TransactItems") or ():
        if sum(item.get(kind) is not None for kind in kinds) != 1:
            raise RuleError("TransactItems can only contain one of Check, Put, Update or Delete")


_STATISTICS = frozenset({"SampleCount", "Average", "Sum", "Minimum", "Maximum"})
_EXTENDED_STATISTIC = re.compile(r"(p|tm|wm|tc|ts)\d{1,3}(\.\d{0,10})?|IQM|(TM|WM|PR|TC|TS)\([\d.%:]+\)")
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html"""


def _queries_of_metrics(request: Request) -> None:
    for index, query in enumerate(request.get("MetricDataQueries") or (), 1):
        at = f"MetricDataQueries.member.{index}"
        metric = query.get("MetricStat")
        if (metric is None) == (query.get("Expression") is None):
            raise RuleError(f"Exactly one of {at}.MetricStat and {at}.Expression must be specified.", "ValidationError")
        if metric is None:
            raise NotImplementedError(f"GetMetricData does not evaluate {at}.Expression here: metric math is missing.")
        statistic = metric.get("Stat", "")
        if _EXTENDED_STATISTIC.fullmatch(statistic):
            raise NotImplementedError(f"GetMetricData has no statistic {statistic} here.")
        if statistic not in _STATISTICS:
            known = ", ".join(sorted(_STATISTICS))
            raise RuleError(f"The value of {at}.MetricStat.Stat must be one of {known}.", "InvalidParameterValue")


def _metrics_of_entities(request: Request) -> None:
    """Metrics of entities are metrics; what relates them to an entity is shown by the console only."""
    data = list(request.get("MetricData") or ())
    for each in request.get("EntityMetricData") or ():
        data += each.get("MetricData") or ()
    if not data:
        raise RuleError("The parameter MetricData is required.", "MissingParameter")
    request["MetricData"] = data


def _content_of_mail(request: Request) -> None:
    content = request.get("Content") or {}
    if sum(content.get(kind) is not None for kind in ("Simple", "Raw", "Template")) != 1:
        raise RuleError("Content must have one of Simple, Raw and Template.", "BadRequestException")
    body = (content.get("Simple") or {"Body": {"Text": {}}}).get("Body") or {}
    if body.get("Text") is None and body.get("Html") is None:
        raise RuleError("The body of the message must have one of Text and Html.", "BadRequestException")


def _log_groups_of_query(request: Request) -> None:
    """An identifier is a name or the ARN of a log group."""
    identifiers = request.get("logGroupIdentifiers")
    if identifiers:
        request["logGroupNames"] = [each.partition(":log-group:")[2] or each for each in identifiers]


def _options_of_certificate(request: Request) -> None:
    options = request.get("Options")
    if options is not None:
        request["Options"] = {"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED", **options}


def not_empty(*names: str) -> Rule:
    """Forms cannot hold an empty list, so services that spoke them first miss the parameter."""

    def rule(request: Request) -> None:
        for name in names:
            if not request.get(name):
                raise RuleError(f"The request must contain the parameter {name}.", "MissingParameter")

    return rule


def _policy_of_topic(request: Request) -> None:
    if request.get("AttributeName") == "Policy":
        is_policy("AttributeValue", "Invalid parameter: Policy Error: null", "InvalidParameter")(request)


def _destination_of_delivery(request: Request) -> None:
    arn = (request.get("deliveryDestinationConfiguration") or {}).get("destinationResourceArn", "")
    if request.get("deliveryDestinationType") == "XRAY":
        raise NotImplementedError("Deliveries to X-Ray are not implemented here.")
    if not arn:
        raise RuleError("deliveryDestinationConfiguration is required.", "ValidationException")
    if (arn.split(":") + [""] * 3)[2] not in ("s3", "logs", "firehose"):
        raise RuleError(f"Invalid destination ARN: {arn}", "ValidationException")


def _not_implemented(message: str, unless: str) -> Rule:
    def rule(request: Request) -> None:
        if request.get(unless) is None:
            raise NotImplementedError(message)

    return rule


_PATCHED = (
    *("Account", "ApiKey", "Authorizer", "BasePathMapping", "ClientCertificate", "Deployment", "DocumentationPart"),
    *("DocumentationVersion", "DomainName", "GatewayResponse", "Integration", "IntegrationResponse", "Method"),
    *("MethodResponse", "Model", "RequestValidator", "Resource", "RestApi", "Stage", "Usage", "UsagePlan", "VpcLink"),
)

RULES: Mapping[tuple[str, str], Sequence[Rule]] = {
    # https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateOptions.html
    **dict.fromkeys((("acm", "RequestCertificate"), ("acm", "UpdateCertificateOptions")), (_options_of_certificate,)),
    # https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateAccount.html#API_UpdateAccount_RequestBody, and so of all
    **{("apigateway", f"Update{of}"): (default(patchOperations=list),) for of in _PATCHED},
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-create-attach.html
    ("apigateway", "CreateRestApi"): (
        is_policy(
            "policy", "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."
        ),
    ),
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
    ("cloudformation", "DescribeStackResources"): (
        one_of(
            "StackName",
            "PhysicalResourceId",
            message="Either StackName or PhysicalResourceId must be specified, and not both.",
        ),
    ),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
    ("cloudwatch", "GetMetricData"): (_queries_of_metrics,),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
    ("cloudwatch", "PutMetricData"): (_metrics_of_entities,),
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExportTableToPointInTime.html
    ("dynamodb", "ExportTableToPointInTime"): (default(S3Prefix=""),),
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html
    ("dynamodb", "PutResourcePolicy"): (is_policy("Policy", "Invalid policy document: it is not JSON."),),
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItem.html
    ("dynamodb", "TransactWriteItems"): (_items_of_transaction,),
    # "If this parameter is not provided, then the value defaults to * (all resources)."
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    ("iam", "SimulatePrincipalPolicy"): (default(ResourceArns=lambda: ["*"]),),
    ("iam", "SimulateCustomPolicy"): (default(ResourceArns=lambda: ["*"]),),
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
    ("logs", "StartQuery"): (
        one_of(
            *("logGroupName", "logGroupNames", "logGroupIdentifiers"),
            message="Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.",
        ),
        _log_groups_of_query,
    ),
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliveryDestination.html
    ("logs", "PutDeliveryDestination"): (_destination_of_delivery,),
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutResourcePolicy.html#API_PutResourcePolicy_Errors
    ("secretsmanager", "PutResourcePolicy"): (
        is_policy("ResourcePolicy", "This resource policy contains invalid Json", "MalformedPolicyDocumentException"),
    ),
    # "The ARN or name of the secret" is optional: a policy can be validated before there is a secret.
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ValidateResourcePolicy.html
    ("secretsmanager", "ValidateResourcePolicy"): (
        _not_implemented("ValidateResourcePolicy is not implemented here.", unless="SecretId"),
    ),
    # "If the parameter is omitted from the request or a null value is passed, SnsTopic is cleared and publishing is disabled."
    # https://docs.aws.amazon.com/ses/latest/APIReference/API_SetIdentityNotificationTopic.html
    ("ses", "SetIdentityNotificationTopic"): (default(SnsTopic=""),),
    # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_EmailContent.html
    ("sesv2", "SendEmail"): (_content_of_mail,),
    # https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html#API_CreateTopic_Errors
    ("sns", "CreateTopic"): (
        is_policy("Attributes.Policy", "Invalid parameter: Policy Error: null", "InvalidParameter"),
    ),
    ("sns", "SetTopicAttributes"): (_policy_of_topic,),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
    ("sqs", "AddPermission"): (not_empty("AWSAccountIds", "Actions"),),
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html#API_SetQueueAttributes_Errors
    **dict.fromkeys(
        (("sqs", "CreateQueue"), ("sqs", "SetQueueAttributes")),
        (is_policy("Attributes.Policy", "Invalid value for the parameter Policy.", "InvalidAttributeValue"),),
    ),
    # The default operating system of patch groups.
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreatePatchBaseline.html
    ("ssm", "GetPatchBaselineForPatchGroup"): (default(OperatingSystem="WINDOWS"),),
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
    ("stepfunctions", "ListExecutions"): (
        one_of(
            *("stateMachineArn", "mapRunArn"),
            message="1 validation error detected: Must provide a StateMachine ARN or MapRun ARN",
        ),
        _not_implemented("The executions of a map run are not listed here.", unless="stateMachineArn"),
    ),
}
"""By service and operation."""


def hold(_chain: HandlerChain, context: RequestContext, _response: Response) -> None:
    """A request handler."""
    service, operation = context.service, context.operation
    if service is None or operation is None:
        return
    rules = RULES.get((service.service_name, operation.name))
    if rules is None:
        return
    request: Any = {} if context.service_request is None else context.service_request
    before = dict(request)
    for rule in rules:
        try:
            rule(request)
        except RuleError as error:
            code = error.code or validation_code(service.service_name, str(context.protocol))
            raise exception_of(RequestRefusal(code, str(error))) from None
    if request != before:
        context.service_request = request
        moto_protocols.completed(context)


def install() -> None:
    inserted(
        handlers,
        "serve_custom_service_request_handlers",
        hold,
        because="optional members are read as if they were required",
        source="https://smithy.io/2.0/spec/type-refinement-traits.html#required-trait",
    )
