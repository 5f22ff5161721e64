class EngineError(Exception):
    """An engine could not do what it was asked; the message says what, where and what to do.

    `log` holds the engine's last log lines, where there are any.
    """

    def __init__(self, message: str, *, log: str = "") -> None:
        super().__init__(message)
        self.log = log

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\n\nThe engine's last log lines:\n{self.log}" if self.log else message


class MissingCapabilityError(EngineError):
    """The target lacks something that was asked of it. pytest skips the test that needs it, with `reason`.

    `capability` is a name of `harness.engine.capabilities`, the AWS service that does not answer, or the CloudFormation type
    that is not there.
    """

    def __init__(self, capability: str, reason: str) -> None:
        super().__init__(reason)
        self.capability = capability
        self.reason = reason
