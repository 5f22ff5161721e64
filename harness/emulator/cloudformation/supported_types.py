"""CloudFormation makes what it knows and refuses the rest.

LocalStack 4.14.0 lets a resource of unknown type end in CREATE_COMPLETE with nothing made, and with
CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES=0 it asks a catalogue that is not there offline and refuses all types.
"""

from typing import Any

from localstack.services.cloudformation.engine.v2 import change_set_model_executor, change_set_model_preproc
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    plugin_manager,
)
from localstack.utils.patch import patch


def supported_types() -> list[str]:
    """The resource types that a stack can have, sorted."""
    return sorted(plugin_manager.list_names())


def refuse_unknown_types() -> None:
    def never(resource_type: str, change_set_type: Any) -> bool:  # noqa: ARG001 - LocalStack calls it by keyword
        return False

    change_set_model_executor.should_ignore_unsupported_resource_type = never
    change_set_model_preproc.should_ignore_unsupported_resource_type = never

    @patch(ChangeSetModelExecutor._execute_resource_action)
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


def install() -> None:
    refuse_unknown_types()
