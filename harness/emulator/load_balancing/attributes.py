"""The attributes of load balancers, target groups and listeners: AWS's defaults, and which of them have an effect here.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
"""

from collections.abc import Mapping

LOAD_BALANCER: Mapping[str, str] = {
    "access_logs.s3.bucket": "",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "health_check_logs.s3.bucket": "",
    "health_check_logs.s3.enabled": "false",
    "health_check_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
TARGET_GROUP: Mapping[str, str] = {"lambda.multi_value_headers.enabled": "false"}
"""Of a target group of a function."""

_NOT_SERVED: Mapping[str, str] = {
    "access_logs.s3.enabled": "true",
    "connection_logs.s3.enabled": "true",
    "health_check_logs.s3.enabled": "true",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true",
}
"""The value that would have an effect which is not made here. What is not among them has an effect here, or none that a
request could show (zones, connections, HTTP/2, a firewall that is not attached)."""
_CHOICES: Mapping[str, frozenset[str]] = {
    "routing.http.desync_mitigation_mode": frozenset({"monitor", "defensive", "strictest"}),
    "routing.http.xff_header_processing.mode": frozenset({"append", "preserve", "remove"}),
}


def problem(known: Mapping[str, str], given: Mapping[str, str]) -> str | None:
    """Why these cannot be set: one that there is not, or a value that is not allowed or not served."""
    for name, value in given.items():
        if name not in known:
            return f"attribute key '{name}' is not recognized. Known are: {', '.join(sorted(known))}."
        if _NOT_SERVED.get(name) == value.lower():
            return (
                f"attribute '{name}' cannot be '{value}' here: no logs and no TLS headers are made. Leave it out, or give it "
                "by a parameter of the template that is 'false' here."
            )
        if known[name] in ("true", "false") and value.lower() not in ("true", "false"):
            return f"attribute '{name}' must be 'true' or 'false', not '{value}'."
        if name in _CHOICES and value not in _CHOICES[name]:
            return f"attribute '{name}' must be one of {', '.join(sorted(_CHOICES[name]))}, not '{value}'."
        if name == "idle_timeout.timeout_seconds" and not (value.isdigit() and 1 <= int(value) <= 4000):
            return f"attribute '{name}' must be from 1 to 4000 seconds, not '{value}'."
    return None
