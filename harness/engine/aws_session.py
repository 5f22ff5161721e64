"""A botocore session that ignores the user's AWS configuration."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.session import Session

_KEPT = frozenset({"data_path", "ca_bundle", "region"})
"""The variables for the files of this machine, and for the region, which the caller passes."""


def session_without_environment() -> "Session":
    """A session for targets that accept test credentials: AWS_PROFILE may name a profile that this machine does not have,
    ~/.aws/config may be invalid, and AWS_USE_FIPS_ENDPOINT and similar variables are for AWS itself."""
    # 0.2 s, which commands without AWS calls do not need
    from botocore.configprovider import ConstantProvider
    from botocore.session import Session

    session = Session()
    store = session.get_component("config_store")
    for name, (_file_name, _variable, default, convert) in Session.SESSION_VARIABLES.items():
        if name not in _KEPT:
            value = convert(default) if convert and default is not None else default
            store.set_config_provider(name, ConstantProvider(value))
    for name in ("config_file", "credentials_file"):
        store.set_config_provider(name, ConstantProvider(os.devnull))
    return session
