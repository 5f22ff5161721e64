"""What LocalStack 4.14.0 leaves out of a template when it creates a resource.

Its providers read some properties of a type and ignore the rest without a word. Here what is left out is added to the calls
that they make (`PARAMETERS`), or made by calls of its own once the resource is there (`completes` of the types in
`in_place`, which knows the same of updates). What remains is in `IGNORED`: the harness refuses a template that declares it.

Each type's properties are those of its page in
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localstack.services.cloudformation.resource_provider import ResourceRequest

from harness.emulator.cloudformation.resource_type import Model


def truth(value: Any) -> bool:
    """A boolean, which a template may write as text."""
    return str(value).lower() == "true"


def _same(value: Any) -> Any:
    return value


def _small_keys(value: Any) -> Any:
    """As services have it whose parameters begin with a small letter."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _small_keys(each) for key, each in value.items()}
    return [_small_keys(each) for each in value] if isinstance(value, list) else value


def _tags_by_key(tags: Any) -> dict[str, str]:
    return {tag["Key"]: str(tag["Value"]) for tag in tags}


def _storage(storage: Any) -> dict[str, int]:
    return {"Size": int(storage["Size"])}


def _canary(settings: Any) -> dict[str, Any]:
    given = {name: settings[name] for name in ("DeploymentId", "StageVariableOverrides") if name in settings}
    return {
        **{name[:1].lower() + name[1:]: value for name, value in given.items()},
        "percentTraffic": float(settings.get("PercentTraffic", 0)),
        "useStageCache": truth(settings.get("UseStageCache", False)),
    }


@dataclass(frozen=True, slots=True)
class Parameter:
    """The parameter that a property is, in each of the calls that have it; operations as boto3 names them."""

    name: str
    operations: tuple[str, ...]
    value: Callable[[Any], Any] = _same


def _to(operation: str, *properties: str) -> dict[str, Parameter]:
    """Properties that are parameters of the same name."""
    return {name: Parameter(name, (operation,)) for name in properties}


_OF_A_FILTER = ("put_subscription_filter", "delete_subscription_filter")

PARAMETERS: Mapping[str, Mapping[str, Parameter]] = {
    "AWS::ApiGateway::ApiKey": {"GenerateDistinctId": Parameter("generateDistinctId", ("create_api_key",), truth)},
    "AWS::ApiGateway::Model": {"Description": Parameter("description", ("create_model",))},
    "AWS::ApiGateway::RestApi": {"ApiKeySourceType": Parameter("apiKeySource", ("create_rest_api",))},
    "AWS::ApiGateway::Stage": {"CanarySetting": Parameter("canarySettings", ("create_stage",), _canary)},
    "AWS::Events::EventBus": _to("create_event_bus", "Description", "Tags"),
    "AWS::Events::Rule": _to("put_rule", "RoleArn", "Tags"),
    "AWS::IAM::ManagedPolicy": _to("create_policy", "Description", "Path"),
    "AWS::KMS::Key": {
        "MultiRegion": Parameter("MultiRegion", ("create_key",), truth),
        "RotationPeriodInDays": Parameter("RotationPeriodInDays", ("enable_key_rotation",), int),
        "PendingWindowInDays": Parameter("PendingWindowInDays", ("schedule_key_deletion",), int),
        **_to("create_key", "Origin"),
    },
    "AWS::Lambda::Function": {
        "EphemeralStorage": Parameter("EphemeralStorage", ("create_function",), _storage),
        **_to("create_function", "SnapStart"),
    },
    "AWS::Lambda::LayerVersionPermission": _to("add_layer_version_permission", "OrganizationId"),
    "AWS::Lambda::Permission": _to(
        "add_permission", "EventSourceToken", "FunctionUrlAuthType", "InvokedViaFunctionUrl", "PrincipalOrgID", "SourceAccount"
    ),
    "AWS::Logs::LogGroup": {
        "Tags": Parameter("tags", ("create_log_group",), _tags_by_key),
        "KmsKeyId": Parameter("kmsKeyId", ("create_log_group",)),
    },
    "AWS::Logs::SubscriptionFilter": {
        "FilterName": Parameter("filterName", _OF_A_FILTER),
        "RoleArn": Parameter("roleArn", _OF_A_FILTER[:1]),
        "Distribution": Parameter("distribution", _OF_A_FILTER[:1]),
    },
    "AWS::SSM::Parameter": _to("put_parameter", "DataType"),
    "AWS::StepFunctions::StateMachine": {
        "Tags": Parameter("tags", ("create_state_machine",), _small_keys),
        "TracingConfiguration": Parameter("tracingConfiguration", ("create_state_machine",), _small_keys),
    },
}  # fmt: skip
"""By resource type and property."""

IGNORED: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "AWS::ApiGateway::Deployment": {"StageDescription": ()},
    "AWS::ApiGateway::RestApi": {"EndpointAccessMode": ("BASIC",), "SecurityPolicy": ("TLS_1_0",)},
    "AWS::ApiGateway::Stage": {"ClientCertificateId": ()},
    "AWS::CloudWatch::Alarm": {
        "ActionConfiguration": (), "EvaluationCriteria": (), "EvaluationInterval": (), "EvaluationWindow": (),
        "WarmUpConfiguration": (),
    },
    "AWS::CloudWatch::CompositeAlarm": {"ActionConfiguration": ()},
    "AWS::DynamoDB::Table": {
        "ContributorInsightsSpecification": ({"Enabled": False},), "ImportSourceSpecification": (),
        "OnDemandThroughput": (), "ResourcePolicy": (), "VectorIndexes": (), "WarmThroughput": (),
    },
    "AWS::Events::EventBus": {
        "DeadLetterConfig": (), "EventSourceName": (), "KmsKeyIdentifier": (), "LogConfig": ({"Level": "OFF"},),
    },
    "AWS::KMS::Key": {"BypassPolicyLockoutSafetyCheck": (True, False)},
    "AWS::Lambda::Function": {
        "CodeSigningConfigArn": (), "DurableConfig": (), "FileSystemConfigs": ([],), "FunctionScalingConfig": (),
        "KmsKeyArn": ("",), "PublishToLatestPublished": (False,), "RecursiveLoop": (), "TenancyConfig": (),
        "RuntimeManagementConfig": ({"UpdateRuntimeOn": "Auto"},),
    },
    "AWS::Lambda::Version": {"FunctionScalingConfig": (), "RuntimePolicy": ({"UpdateRuntimeOn": "Auto"},)},
    "AWS::Logs::LogGroup": {
        "BearerTokenAuthenticationEnabled": (False,), "DataProtectionPolicy": (), "DeletionProtectionEnabled": (False,),
        "FieldIndexPolicies": (), "LogGroupClass": ("STANDARD",), "ResourcePolicyDocument": (),
    },
    "AWS::Logs::SubscriptionFilter": {
        "ApplyOnTransformedLogs": (False,), "EmitSystemFields": (), "FieldSelectionCriteria": (),
    },
    "AWS::S3::Bucket": {
        "AbacStatus": ("Disabled",), "AnalyticsConfigurations": ([],), "BucketNamePrefix": (), "BucketNamespace": (),
        "IntelligentTieringConfigurations": ([],), "InventoryConfigurations": ([],), "MetadataConfiguration": (),
        "MetadataTableConfiguration": (), "MetricsConfigurations": ([],), "ReplicationConfiguration": (),
    },
    "AWS::SNS::Subscription": {"ReplayPolicy": (), "SubscriptionRoleArn": ()},
    "AWS::SNS::Topic": {"DataProtectionPolicy": (), "DeliveryStatusLogging": ([],)},
    "AWS::SecretsManager::Secret": {"ReplicaRegions": ([],), "Type": ()},
    "AWS::StepFunctions::StateMachine": {"EncryptionConfiguration": ({"Type": "AWS_OWNED_KEY"},)},
}  # fmt: skip
"""By resource type and property, what still has no effect; with the values that mean what is done anyway."""


class _Client:
    """A boto3 client that puts what a provider leaves out into its calls."""

    def __init__(self, client: Any, request: ResourceRequest) -> None:
        self._client = client
        self._request = request

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        left_out = left_out_of(name, self._request.resource_type, self._request.desired_state)
        return (lambda **given: found(**{**given, **left_out})) if left_out else found


class _Clients:
    """The clients of one request; those of other regions and roles are reached through the factory itself."""

    def __init__(self, factory: Any, request: ResourceRequest) -> None:
        self._factory = factory
        self._request = request

    def __getattr__(self, service: str) -> Any:
        return _Client(getattr(self._factory, service), self._request)


def left_out_of(operation: str, resource_type: str, properties: Model) -> Model:
    """The parameters of a call that the properties have and LocalStack's provider does not give."""
    return {
        parameter.name: parameter.value(properties[name])
        for name, parameter in PARAMETERS[resource_type].items()
        if operation in parameter.operations and properties.get(name) is not None
    }


def completed(request: ResourceRequest) -> ResourceRequest:
    """The request, with clients that say what its provider leaves out."""
    if request.resource_type in PARAMETERS:
        request.aws_client_factory = _Clients(request.aws_client_factory, request)
    return request
