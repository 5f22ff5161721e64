"""One AWS client for the engine's calls for each service, region and configuration, for all callers.

LocalStack 4.14.0 makes a client for each set of credentials, and again for each configuration that is equal and not the same
object: one for every task of a state machine, which assumes its role again. A client takes 10 ms to make and 0.6 MiB, 256
are kept. Here all of them share one, and what differs is the credentials that a call is signed with.
"""

import copy
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, cast
from weakref import WeakKeyDictionary

from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import Credentials, ReadOnlyCredentials
from localstack.aws.connect import ClientFactory
from localstack.constants import INTERNAL_AWS_ACCESS_KEY_ID, INTERNAL_AWS_SECRET_ACCESS_KEY

from harness.emulator.patches import overrides, patched

MOST = 256
"""Services times regions; those that were used last stay."""
_OWN = ReadOnlyCredentials(INTERNAL_AWS_ACCESS_KEY_ID, INTERNAL_AWS_SECRET_ACCESS_KEY, None, None)
_signs_with: ContextVar[ReadOnlyCredentials] = ContextVar("harness_signs_with", default=_OWN)


@overrides(because="clients are shared, and a call is signed with the credentials that it is made with")
class CredentialsOfCall(Credentials):
    """Those that the call at hand is signed with."""

    def __init__(self) -> None:
        super().__init__(INTERNAL_AWS_ACCESS_KEY_ID, INTERNAL_AWS_SECRET_ACCESS_KEY)

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return _signs_with.get()


class SharedClients:
    """The clients of one factory, by what they are made with besides credentials."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: OrderedDict[tuple[Any, ...], BaseClient] = OrderedDict()

    def get(self, key: tuple[Any, ...]) -> BaseClient | None:
        with self._lock:
            if (client := self._clients.get(key)) is not None:
                self._clients.move_to_end(key)
            return client

    def put(self, key: tuple[Any, ...], client: BaseClient) -> None:
        with self._lock:
            self._clients[key] = client
            while len(self._clients) > MOST:
                self._clients.popitem(last=False)


def signing(client: BaseClient, access_key: str, secret_key: str, token: str | None) -> BaseClient:
    """A client like this one, whose calls are signed with these credentials. It shares everything else, and costs nothing."""
    kind: Any = _signing_class(cast("Hashable", type(client)))
    signs = kind.__new__(kind)
    signs.__dict__.update(client.__dict__)
    # For what reads or signs with the client's credentials outside of a call: URLs signed in advance.
    signs._request_signer = copy.copy(client._request_signer)  # type: ignore[attr-defined]
    signs._request_signer._credentials = Credentials(access_key, secret_key, token)
    made: BaseClient = signs
    return made


@cache
def _signing_class(of: Any) -> type[BaseClient]:
    class Signing(of):
        def _make_api_call(self, operation_name: str, api_params: Any) -> Any:
            with _signed_with(self._request_signer._credentials.get_frozen_credentials()):
                return super()._make_api_call(operation_name, api_params)

    Signing.__name__, Signing.__qualname__ = of.__name__, of.__qualname__
    return Signing


@contextmanager
def _signed_with(credentials: ReadOnlyCredentials) -> Iterator[None]:
    before = _signs_with.set(credentials)
    try:
        yield
    finally:
        _signs_with.reset(before)


def _written(config: Config) -> tuple[Any, ...]:
    """A configuration as a key: LocalStack merges a new one for each client."""
    options: dict[str, Any] = config._user_provided_options  # type: ignore[attr-defined]
    return tuple(sorted((name, repr(value)) for name, value in options.items()))


def install() -> None:
    factories: WeakKeyDictionary[ClientFactory, SharedClients] = WeakKeyDictionary()
    make: Any = ClientFactory._get_client.__wrapped__

    @patched(ClientFactory, "_get_client", because="LocalStack makes a client for each set of credentials")
    def get_client(original: Any, self: ClientFactory, **wanted: Any) -> Any:
        if wanted["aws_access_key_id"] is None:
            # Those of the environment, which may change.
            return original(self, **wanted)
        access_key, secret_key = wanted.pop("aws_access_key_id"), wanted.pop("aws_secret_access_key")
        token = wanted.pop("aws_session_token")
        config = wanted.pop("config")
        shared = factories.setdefault(self, SharedClients())
        key = (*sorted(wanted.items()), _written(config))
        if (client := shared.get(key)) is None:
            client = make(
                self,
                **wanted,
                aws_access_key_id=INTERNAL_AWS_ACCESS_KEY_ID,
                aws_secret_access_key=INTERNAL_AWS_SECRET_ACCESS_KEY,
                aws_session_token=None,
                config=config,
            )
            client._request_signer._credentials = CredentialsOfCall()
            shared.put(key, client)
        return signing(client, access_key, secret_key, token)
