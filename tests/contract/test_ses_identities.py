"""Mail identities: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_DeleteEmailIdentity.html"""

import uuid

import pytest


@pytest.mark.parametrize("identity", ["hello@{}.example", "first.last+tag@{}.example", "{}.example"])
def test_an_identity_can_be_read_and_deleted_by_its_name(aws, identity):
    identity = identity.format(uuid.uuid4().hex[:12])
    ses = aws("sesv2")
    ses.create_email_identity(EmailIdentity=identity)
    assert ses.get_email_identity(EmailIdentity=identity)["IdentityType"] == (
        "EMAIL_ADDRESS" if "@" in identity else "DOMAIN"
    )
    ses.delete_email_identity(EmailIdentity=identity)
    assert identity not in aws("ses").list_identities()["Identities"]
    with pytest.raises(ses.exceptions.NotFoundException):
        ses.get_email_identity(EmailIdentity=identity)
