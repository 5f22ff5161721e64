"""How long a reader waits before it asks again a source that did not answer as it should."""

from localstack import config

FIRST_SECONDS = 0.5


class Pauses:
    """Each is twice as long as the one before, up to LocalStack's limit for it."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def next(self) -> float:
        longest = float(config.LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC)
        pause = min(self._next, longest)
        self._next = pause * 2
        return pause

    def reset(self) -> None:
        self._next = FIRST_SECONDS
