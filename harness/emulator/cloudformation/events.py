"""The resource types of EventBridge that LocalStack 4.14.0 lacks.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Events.html
"""

import json

from harness.emulator.cloudformation.resource_type import Model, Operation, ResourceType

_NAME = {"ArchiveName": "ArchiveName"}


def _pattern_as_text(model: Model) -> Model:
    """A template holds the pattern as an object; the API takes it as JSON text."""
    if isinstance(model.get("EventPattern"), dict):
        model["EventPattern"] = json.dumps(model["EventPattern"])
    return model


ARCHIVE = ResourceType(
    name="AWS::Events::Archive",
    service="events",
    create=Operation("CreateArchive"),
    update=Operation("UpdateArchive", _NAME),
    delete=Operation("DeleteArchive", _NAME),
    ref="ArchiveName",
    attributes={"Arn": "ArchiveArn"},
    renames={"SourceArn": "EventSourceArn"},
    generated_name="ArchiveName",
    replaced_by=frozenset({"ArchiveName", "SourceArn"}),
    reshape=_pattern_as_text,
)
