"""Errors of the API of load balancers, in AWS's words."""


class LoadBalancingError(Exception):
    """`code` is AWS's (https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
