"""A botocore session that the user's AWS configuration does not reach."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.session import Session

_KEPT = frozenset({"data_path", "ca_bundle", "region"})
"""What says where this machine's files are, and the region, which the caller gives."""


def session_without_environment() -> "Session":
    """One for targets that take test credentials: AWS_PROFILE may name a profile that this machine lacks, ~/.aws/config may
    be broken, and AWS_USE_FIPS_ENDPOINT and the like are for AWS itself."""
    # 0.2 s that a command which makes no AWS call does not pay
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
