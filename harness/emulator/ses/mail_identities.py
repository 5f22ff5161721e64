"""SES's identities by their name: moto takes the name out of the path as it is encoded there, so it knows no address, and
looks for the next page of a listing by an attribute that they do not have."""

from typing import Any
from urllib.parse import unquote

from localstack.services.plugins import Service, aws_provider

from harness.emulator.moto.services import moto_service
from harness.emulator.patches import entered, replaced


@aws_provider(api="sesv2", name="default")
def sesv2() -> Service:
    """Its identities are those of SES: moto keeps both in one place."""
    complete_moto()
    return moto_service("sesv2")


def complete_moto() -> None:
    """Read `a%40b.example` in a path as a@b.example; moto 5 answers NotFoundException, and 200 to a deletion."""
    from moto.sesv2 import models  # loads with the service, not at boot
    from moto.sesv2.responses import SESV2Response

    entered(
        models,
        "PAGINATION_MODEL",
        ("list_email_identities", "unique_attribute"),
        "email_identity",
        because="moto looks for the next page of a listing by an attribute that identities do not have",
        source="https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ListEmailIdentities.html",
    )

    encoded = SESV2Response._get_param

    def decoded(self: SESV2Response, name: str, if_none: Any = None) -> Any:
        value = encoded(self, name, if_none)
        return unquote(value) if name == "EmailIdentity" and isinstance(value, str) and "@" not in value else value

    replaced(
        SESV2Response,
        "_get_param",
        decoded,
        because="moto reads the name of an identity without decoding the path",
        source="https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html",
    )
