"""Ways in which resources of several types are changed in place.

What may change without a new resource is said by each type's page in
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html ("Update requires").
"""

import json
from copy import deepcopy
from typing import Any

from harness.emulator.cloudformation.resource_type import Model
from harness.emulator.cloudformation.updates import Update


def put_again(update: Update) -> None:
    """Where what creates a resource is a Put, which overwrites what is there."""
    create_again(update, update.after)


def create_again(update: Update, properties: Model) -> None:
    update.request.desired_state = deepcopy(properties)
    made = update.provider.create(update.request)
    for name, value in made.resource_model.items():
        update.after.setdefault(name, value)


def anew(update: Update) -> None:
    """Where a resource is nothing but its name and its properties: removed and made under the same name."""
    update.request.desired_state = deepcopy(update.before)
    update.provider.delete(update.request)
    create_again(update, update.after)


def tags_of(update: Update) -> tuple[list[str], dict[str, str]]:
    """The deleted keys, and the present entries by key."""
    before, after = ({t["Key"]: t["Value"] for t in one.get("Tags") or ()} for one in (update.before, update.after))
    return sorted(before.keys() - after.keys()), after


def tag(update: Update, service: str) -> None:
    """Where a service tags whatever has an ARN."""
    client, arn = update.client(service), update.after["Arn"]
    left, given = tags_of(update)
    if left:
        client.untag_resource(ResourceARN=arn, TagKeys=left)
    if given:
        client.tag_resource(ResourceARN=arn, Tags=update.after["Tags"])


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict | list) else str(value)
