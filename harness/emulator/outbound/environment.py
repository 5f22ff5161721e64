"""Variables of a shell that must not reach the engine: proxies, and everything that leads to an AWS account."""

import os
from collections.abc import MutableMapping

_PROXIES = frozenset(
    f"{kind}_proxy" for kind in ("http", "https", "all", "ftp", "ws", "wss", "no", "outbound_http", "outbound_https")
)
"""Names in lower case. The last two are LocalStack's own, for its AWS clients and its downloads."""

NO_ACCOUNT = {
    # boto3 without credentials asks 169.254.169.254, as moto's `get_moto_request_class` lets it; on EC2 it would take the
    # role of the instance (https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html).
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
"""Settings of every AWS SDK: no account is found but by keys that are given."""


def isolate(environment: MutableMapping[str, str]) -> None:
    """Drop proxies and AWS settings (profile, keys, roles, endpoints), and switch look-ups of credentials off."""
    for name in list(environment):
        if name.lower() in _PROXIES or name.startswith("AWS_"):
            del environment[name]
    environment.update(NO_ACCOUNT)
