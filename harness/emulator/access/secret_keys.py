"""The secrets of access keys, which are needed to verify a signature.

An access key that IAM and STS do not know is the account's own here, and its secret is `test`.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from localstack.aws import handlers
from localstack.aws.accounts import get_account_id_from_access_key_id
from localstack.aws.api import RequestContext
from localstack.aws.chain import HandlerChain
from localstack.http import Response

from harness.emulator.patches import inserted

ACCOUNT_SECRET = "test"
MAX_SESSIONS = 10_000


@dataclass(frozen=True, slots=True)
class SecretKey:
    """`token` is the session's, where the key is a temporary one. `known` is false of the account's own."""

    secret: str
    token: str | None = None
    known: bool = True


class _Sessions:
    """The keys that STS gave out; those that were not used for the longest are forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: OrderedDict[str, SecretKey] = OrderedDict()

    def put(self, access_key: str, secret: SecretKey) -> None:
        with self._lock:
            self._by_key[access_key] = secret
            while len(self._by_key) > MAX_SESSIONS:
                self._by_key.popitem(last=False)

    def get(self, access_key: str) -> SecretKey | None:
        with self._lock:
            if (secret := self._by_key.get(access_key)) is not None:
                self._by_key.move_to_end(access_key)
            return secret


_SESSIONS = _Sessions()


def secret_of(access_key: str, partition: str = "aws") -> SecretKey:
    """The secret of a key: of a session, of a user, else of the account."""
    if (session := _SESSIONS.get(access_key)) is not None:
        return session
    from moto.iam.models import iam_backends

    account_id = get_account_id_from_access_key_id(access_key)
    user = iam_backends[account_id][partition].access_keys.get(access_key)
    return SecretKey(str(user.secret_access_key)) if user is not None else SecretKey(ACCOUNT_SECRET, known=False)


def note_session(_chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """A response handler: the keys that STS gives out, by whichever operation."""
    if context.service is None or context.service.service_name != "sts" or response.status_code != 200:
        return
    given = (context.service_response or {}).get("Credentials")
    if given:
        _SESSIONS.put(given["AccessKeyId"], SecretKey(given["SecretAccessKey"], given["SessionToken"]))


def install() -> None:
    inserted(
        handlers,
        "run_custom_response_handlers",
        note_session,
        because="secrets of sessions are kept to verify signatures with",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html",
    )
