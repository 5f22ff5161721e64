"""CloudFormation makes what it knows and refuses the rest.

LocalStack 4.14.0 lets a resource of unknown type end in CREATE_COMPLETE with nothing made, and with
CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES=0 it asks a catalogue that is not there offline and refuses all types.
"""

from typing import Any

from localstack.services.cloudformation.engine.v2 import change_set_model_executor, change_set_model_preproc
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ResourceProviderExecutor,
    plugin_manager,
)

from harness.emulator.cloudformation.provider import provider_of
from harness.emulator.cloudformation.resource_type import ResourceType
from harness.emulator.patches import patched, replaced

_OURS: dict[str, ResourceType] = {}
"""Those that LocalStack has, too."""


def prefer(*rows: ResourceType) -> None:
    """Serve these types by our providers, and not by LocalStack's of the same name."""
    _OURS.update((row.name, row) for row in rows)


def supported_types() -> list[str]:
    """The resource types that a stack can have, sorted; `Custom::*` of any name is among them."""
    return sorted({*plugin_manager.list_names(), "Custom::*"})


def refuse_unknown_types() -> None:
    def never(resource_type: str, change_set_type: Any) -> bool:  # noqa: ARG001 - LocalStack calls it by keyword
        return False

    replaced(
        change_set_model_executor,
        "should_ignore_unsupported_resource_type",
        never,
        because="a resource of unknown type ends in CREATE_COMPLETE with nothing made",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html",
    )
    replaced(
        change_set_model_preproc,
        "should_ignore_unsupported_resource_type",
        never,
        because="a resource of unknown type ends in CREATE_COMPLETE with nothing made",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html",
    )

    @patched(
        ChangeSetModelExecutor._execute_resource_action,
        because="a resource of unknown type ends in CREATE_COMPLETE with nothing made",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html",
    )
    def execute(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        event = original(self, *args, **kwargs)
        resource_type, logical_id = kwargs["resource_type"], kwargs["logical_resource_id"]
        if event.status is OperationStatus.FAILED and event.message == f"Resource type {resource_type} not supported":
            event.message = (
                f"{logical_id}: resource type {resource_type} is not supported by the emulator; "
                "GET /_harness/cloudformation/types lists those that are"
            )
            self.resources[logical_id]["ResourceStatusReason"] = event.message
        return event


def prefer_ours() -> None:
    """If LocalStack has a provider of the same name, the emulator's is used.

    Which of two entry points of one name wins depends on the order of the installed packages.
    """

    original = ResourceProviderExecutor.try_load_resource_provider

    def try_load_resource_provider(resource_type: str) -> Any:
        ours = _OURS.get(resource_type)
        return provider_of(ours)() if ours is not None else original(resource_type)

    replaced(
        ResourceProviderExecutor,
        "try_load_resource_provider",
        staticmethod(try_load_resource_provider),
        because="a resource of unknown type ends in CREATE_COMPLETE with nothing made",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html",
    )


def replace_only_what_changed() -> None:
    """LocalStack decides about replacement before it deploys, when a `Ref` to what changes counts as changed.

    So an update of a user pool would replace its clients, and one of a table its streams' mappings. Here the values
    decide, as they are when the resource's turn comes.
    """

    @patched(
        ChangeSetModelExecutor._execute_resource_change,
        because="a change that needs a new resource is made in place",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html",
    )
    def execute(original: Any, self: Any, name: str, before: Any, after: Any) -> None:
        if (
            getattr(after, "requires_replacement", False)
            and getattr(before, "resource_type", "") == after.resource_type
        ):
            provider = self.resource_provider_executor.try_load_resource_provider(after.resource_type)
            schema = provider.SCHEMA if provider is not None else {}
            create_only = [path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", ())]
            old, new = before.properties.properties, after.properties.properties
            after.requires_replacement = any(old.get(p) != new.get(p) for p in create_only)
        original(self, name, before, after)


def install() -> None:
    prefer_ours()
    refuse_unknown_types()
    replace_only_what_changed()
