"""Completes LocalStack's resource types of Lambda: changes in place, and properties that a creation ignores."""

from typing import Any

from harness.emulator.cloudformation.in_place import put_again
from harness.emulator.cloudformation.known_types import KnownType
from harness.emulator.cloudformation.left_out import Parameter, parameters_of
from harness.emulator.cloudformation.updates import TypeUpdate, Update


def _storage(storage: Any) -> dict[str, int]:
    return {"Size": int(storage["Size"])}


def _alias(update: Update) -> None:
    after = update.after
    given = {name: after[name] for name in ("FunctionVersion", "Description", "RoutingConfig") if name in after}
    if update.gone("Description"):
        given["Description"] = ""
    if update.gone("RoutingConfig"):
        given["RoutingConfig"] = {}
    update.client("lambda_").update_alias(FunctionName=after["FunctionName"], Name=after["Name"], **given)


def _function_url(update: Update) -> None:
    after = update.after
    given = {name: after[name] for name in ("AuthType", "Cors", "InvokeMode", "Qualifier") if name in after}
    update.client("lambda_").update_function_url_config(FunctionName=after["TargetFunctionArn"], **given)


TYPES = (
    KnownType(
        "AWS::Lambda::Alias",
        change=TypeUpdate(_alias, takes=frozenset({"FunctionVersion", "Description", "RoutingConfig"})),
    ),
    KnownType("AWS::Lambda::EventInvokeConfig", change=TypeUpdate(put_again)),
    KnownType(
        "AWS::Lambda::Function",
        parameters={
            "EphemeralStorage": Parameter("EphemeralStorage", ("create_function",), _storage),
            **parameters_of("create_function", "SnapStart"),
        },
        ignored={
            "CodeSigningConfigArn": (),
            "DurableConfig": (),
            "FileSystemConfigs": ([],),
            "FunctionScalingConfig": (),
            "KmsKeyArn": ("",),
            "PublishToLatestPublished": (False,),
            "RecursiveLoop": (),
            "TenancyConfig": (),
            "RuntimeManagementConfig": ({"UpdateRuntimeOn": "Auto"},),
        },
    ),
    KnownType(
        "AWS::Lambda::LayerVersionPermission",
        parameters=parameters_of("add_layer_version_permission", "OrganizationId"),
    ),
    KnownType(
        "AWS::Lambda::Permission",
        parameters=parameters_of(
            "add_permission",
            "EventSourceToken",
            "FunctionUrlAuthType",
            "InvokedViaFunctionUrl",
            "PrincipalOrgID",
            "SourceAccount",
        ),
    ),
    KnownType("AWS::Lambda::Url", change=TypeUpdate(_function_url)),
    KnownType(
        "AWS::Lambda::Version", ignored={"FunctionScalingConfig": (), "RuntimePolicy": ({"UpdateRuntimeOn": "Auto"},)}
    ),
)
