"""The resource types of SES that LocalStack lists and cannot make.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SES.html
"""

from harness.emulator.cloudformation.provider import plugin_of
from harness.emulator.cloudformation.resource_type import Model, ResourceOperation, ResourceType


def _configuration_set_by_name(model: Model) -> Model:
    attributes = model.pop("ConfigurationSetAttributes", None) or {}
    return {**model, **attributes}


EMAIL_IDENTITY = ResourceType(
    name="AWS::SES::EmailIdentity",
    service="sesv2",
    create=ResourceOperation("CreateEmailIdentity"),
    delete=ResourceOperation("DeleteEmailIdentity", {"EmailIdentity": "EmailIdentity"}),
    ref="EmailIdentity",
    replaced_by=frozenset({"EmailIdentity"}),
    reshape=_configuration_set_by_name,
    gone=("NotFoundException",),
)

email_identity = plugin_of(EMAIL_IDENTITY)
