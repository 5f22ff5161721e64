"""Settings of Cognito's API that have no effect here: refused, or named in the engine's log.

Refused is what would make a sign-in go another way than on AWS; warned of is what leaves the rest as it is.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.emulator.cognito.errors import CognitoError

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UnservedSetting:
    """A setting by its path in the request. `idle` are the values that ask for nothing."""

    path: str
    consequence: str
    idle: tuple[Any, ...] = ()
    refused: bool = False

    def value_in(self, request: Mapping[str, Any]) -> Any:
        value: Any = request
        for name in self.path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return None if value in (None, False, [], {}, "") or value in self.idle else value


USER_POOL = (
    UnservedSetting(
        "LambdaConfig.CustomEmailSender", "use the CustomMessage trigger and read the outbox", refused=True
    ),
    UnservedSetting("LambdaConfig.CustomSMSSender", "use the CustomMessage trigger and read the outbox", refused=True),
    UnservedSetting("LambdaConfig.InboundFederation", "use the PreSignUp trigger for federated users", refused=True),
    UnservedSetting("UserPoolAddOns.AdvancedSecurityMode", "no sign-in is judged risky", idle=("OFF",)),
    UnservedSetting(
        "Policies.SignInPolicy.AllowedFirstAuthFactors", "people sign in by password", idle=(["PASSWORD"],)
    ),
    UnservedSetting("Policies.PasswordPolicy.PasswordHistorySize", "former passwords are accepted again", idle=(0,)),
    UnservedSetting("DeviceConfiguration", "no device is remembered"),
)
USER_POOL_CLIENT = (
    UnservedSetting("AnalyticsConfiguration", "nothing is reported to Amazon Pinpoint"),
    UnservedSetting("EnablePropagateAdditionalUserContextData", "the context of a request is not looked at"),
)
MFA_CONFIG = (
    UnservedSetting("EmailMfaConfiguration", "use SMS_MFA or SOFTWARE_TOKEN_MFA", refused=True),
    UnservedSetting("WebAuthnConfiguration", "use a password, SMS_MFA or SOFTWARE_TOKEN_MFA", refused=True),
)
IDENTITY_PROVIDER = (
    UnservedSetting("ProviderType", "users cannot sign in with this provider; use one of type OIDC", idle=("OIDC",)),
)
DOMAIN = (UnservedSetting("ManagedLoginVersion", "the sign-in form is a plain one", idle=(1,)),)


def check(settings: tuple[UnservedSetting, ...], request: Mapping[str, Any], resource: str) -> None:
    """Warn of what nothing acts on. Raises InternalErrorException, with status 501, for what is refused.

    `resource` says in the warning what the settings are of.
    """
    for setting in settings:
        value = setting.value_in(request)
        if value is None:
            continue
        if setting.refused:
            raise CognitoError("InternalErrorException", f"{setting.path} is not emulated; {setting.consequence}.", 501)
        LOG.warning("%s: %s (%s) is not emulated: %s.", resource, setting.path, value, setting.consequence)
    if "ALLOW_USER_AUTH" in (request.get("ExplicitAuthFlows") or ()):
        LOG.warning("%s: ALLOW_USER_AUTH is not emulated: sign-in by USER_AUTH is refused.", resource)
