"""`AWS::SES::EmailIdentity`: in LocalStack 4.14.0 its creation ends in NotImplementedError.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ses-emailidentity.html
"""

from typing import Any

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent, ResourceRequest
from localstack.services.ses.resource_providers.aws_ses_emailidentity import SESEmailIdentityProvider


def create(_self: Any, request: ResourceRequest) -> ProgressEvent:
    """An address or a domain that mails may come from. Nobody has to click a link: it is verified at once."""
    model, ses = request.desired_state, request.aws_client_factory.ses
    if unserved := sorted(set(model) - {"EmailIdentity"}):
        message = f"{', '.join(unserved)}: not served here; AWS::SES::EmailIdentity takes EmailIdentity only"
        return ProgressEvent(OperationStatus.FAILED, resource_model=model, message=message)
    identity = model["EmailIdentity"]
    if "@" in identity:
        ses.verify_email_identity(EmailAddress=identity)
    else:
        ses.verify_domain_identity(Domain=identity)
    return ProgressEvent(OperationStatus.SUCCESS, resource_model=model)


def delete(_self: Any, request: ResourceRequest) -> ProgressEvent:
    request.aws_client_factory.ses.delete_identity(Identity=request.previous_state["EmailIdentity"])
    return ProgressEvent(OperationStatus.SUCCESS, resource_model={})


def install() -> None:
    SESEmailIdentityProvider.create = create
    SESEmailIdentityProvider.delete = delete
