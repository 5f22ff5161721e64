"""Any address that answers AWS calls: another emulator, or one of our engines that another user or process started."""

import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ProfileNotFound, SSLError
from botocore.exceptions import ConnectionError as UnreachableError

from harness.engine import token
from harness.engine.attachment import AttachedEngine, Attachment, new_deployment_name
from harness.engine.capabilities import CALLBACKS
from harness.engine.locking import locked
from harness.engine.target import Callback, Target, is_this_machine
from harness.errors import EngineError

ANSWER_SECONDS = 30.0
OURS = "serverless-harness"
"""How one of our engines identifies itself to a client without its token."""
_SHOWN_CHARACTERS = 200


class EndpointEngine(AttachedEngine):
    """A dedicated deployment on a target that existed before and stays afterwards: nothing is started or stopped.

    `endpoint_url` is scheme, host and port; None means the endpoint that `start` attached to before. Calls are signed with
    test credentials, or with those of AWS's `profile`. `answer_seconds` is the timeout of each request to the target.
    """

    name = "endpoint"

    def __init__(
        self,
        directory: Path,
        *,
        endpoint_url: str | None = None,
        region: str = "us-east-1",
        profile: str | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        super().__init__(directory)
        self.endpoint_url = endpoint_url
        self.region = region
        self.profile = profile
        self.answer_seconds = answer_seconds

    def find(self) -> Target | None:
        """The target that `start` attached to, until `stop`.

        Raises EngineError if it does not answer any more, or answers for another account.
        """
        attachment = self._attachment()
        if attachment is None:
            return None
        try:
            target = self._target(attachment)
            account_id = self._account_id(target)
        except EngineError as error:
            raise EngineError(
                f"{error}\n{attachment.deployment} was deployed there. If the target was deleted with everything in it, "
                f"delete {self._state_file} to forget the deployment."
            ) from error
        if account_id != attachment.account_id:
            raise EngineError(
                f"{attachment.deployment} was deployed at {attachment.endpoint_url} to the account "
                f"{attachment.account_id}, and calls go to the account {account_id} now. Use the original credentials, or "
                f"delete {self._state_file} to forget the deployment (its resources are left behind)."
            )
        return target

    def start(self) -> Target:
        """Attach. Raises EngineError if nothing answers there, or if the response is not AWS's."""
        endpoint_url = None if self.endpoint_url is None else checked_url(self.endpoint_url)
        if (attached := self.find()) is not None:
            return attached
        self._refuse_another()
        if endpoint_url is None:
            raise EngineError(
                "Which endpoint? Say so with --endpoint-url=http://host:port, or endpoint_url in [tool.harness]."
            )
        unattached = Target(
            self.name, endpoint_url, self.region, ambient_credentials=self.profile is not None, profile=self.profile
        )
        account_id = self._account_id(unattached)
        attachment = Attachment(new_deployment_name(), account_id, self.region, endpoint_url, self.profile)
        target = self._target(attachment)
        with locked(self.directory / "endpoint.lock"):
            if (first := self._attachment()) is not None:
                return self._target(first)  # another command attached in the meantime
            self._refuse_another()
            attachment.write(self._state_file)
        return target

    def _refuse_another(self) -> None:
        """Attaching elsewhere would forget the existing deployment, and its resources would never be removed."""
        if (other := Attachment.read(self._state_file)) is not None:
            raise EngineError(
                f"{self.directory} holds {other.deployment}, which was deployed at {other.endpoint_url}. "
                "End that with 'harness down' first, or keep this one's state elsewhere ('harness --state FOLDER')."
            )

    def _attachment(self) -> Attachment | None:
        """The recorded attachment, unless it is to another endpoint than the requested one."""
        attachment = super()._attachment()
        if attachment is None or self.endpoint_url is None:
            return attachment
        try:
            return attachment if attachment.endpoint_url == checked_url(self.endpoint_url) else None
        except EngineError:
            return None  # `start` reports what is wrong with it

    def _target(self, attachment: Attachment) -> Target:
        capabilities, callback = self._harness(str(attachment.endpoint_url))
        return Target(
            engine=self.name,
            endpoint_url=attachment.endpoint_url,
            region=attachment.region,
            account_id=attachment.account_id,
            capabilities=capabilities,
            deployment=attachment.deployment,
            ambient_credentials=attachment.profile is not None,
            profile=attachment.profile,
            callback=callback,
            token=token.token_of_environment() if capabilities else None,
        )

    def _account_id(self, target: Target) -> str:
        """The account on the target. The call also proves that the target answers AWS calls."""
        from botocore.config import Config  # 0.3 s, which commands without AWS calls do not need
        from botocore.parsers import ResponseParserError

        config = Config(connect_timeout=5, read_timeout=self.answer_seconds)
        try:
            return str(target.client("sts", config=config).get_caller_identity()["Account"])
        except ProfileNotFound as error:
            raise EngineError(f"{error}. 'aws configure list-profiles' lists those that there are.") from error
        except SSLError as error:
            raise EngineError(
                f"{error}. Take http:// if {target.endpoint_url} has that as well, or name the certificate's authority in "
                "AWS_CA_BUNDLE."
            ) from error
        except (UnreachableError, HTTPClientError) as error:
            raise EngineError(
                f"Nothing answers at {target.endpoint_url}: {str(error).rstrip('.')}. "
                "Start what should run there, or give the address where it does (--endpoint-url)."
            ) from error
        except ClientError as error:
            if _is_aws_error(error):
                raise EngineError(
                    f"{target.endpoint_url} does not accept our credentials: {error}. Name a profile of AWS's "
                    "configuration that has others: profile in [tool.harness]."
                ) from error
            raise self._no_aws(target) from error
        except (BotoCoreError, ResponseParserError, LookupError) as error:
            raise self._no_aws(target) from error

    def _no_aws(self, target: Target) -> EngineError:
        """Something answers, but not as AWS does: describe it by its own response."""
        url = str(target.endpoint_url)
        try:
            # The same call, as a plain request.
            response = self._http(url).post("/", data={"Action": "GetCallerIdentity", "Version": "2011-06-15"})
            text = " ".join(response.text.split())[:_SHOWN_CHARACTERS]
            by = f" by {response.headers['server']}" if "server" in response.headers else ""
            said = f"was answered {response.status_code}{by}: {text or 'nothing more'}"
        except httpx.HTTPError as error:
            said = f"got no answer that could be read: {error!r}"
        return EngineError(
            f"{url} answers, but it does not speak AWS: sts GetCallerIdentity {said}\n"
            "Give the address of an emulator (--endpoint-url); is another program on that port?"
        )

    def _harness(self, endpoint_url: str) -> tuple[frozenset[str], Callback | None]:
        """The capabilities that the target reports; none if it is not one of our engines."""
        try:
            response, body = self._ready(endpoint_url)
            if body.get("engine") == OURS and "capabilities" not in body:
                # Only our engines get the token.
                response, body = self._ready(endpoint_url, _token_for(endpoint_url))
        except (httpx.HTTPError, ValueError):
            return frozenset(), None
        if response.status_code == httpx.codes.UNAUTHORIZED:
            raise EngineError(_wants_token(endpoint_url, f"and does not take the token of {token.VARIABLE}"))
        if not isinstance(body.get("capabilities"), list):
            return frozenset(), None
        if response.is_error:
            raise EngineError(
                f"The engine at {endpoint_url} is one of ours, and says that it is not whole ({response.status_code}): "
                f"{body.get('error', response.text[:_SHOWN_CHARACTERS])}. Start it again, and look into its log."
            )
        capabilities = frozenset(map(str, body["capabilities"]))
        if _listens_here(endpoint_url, body.get("pid")):
            return capabilities | {CALLBACKS}, Callback()
        return capabilities, None

    def _ready(self, endpoint_url: str, secret: str | None = None) -> tuple[httpx.Response, dict[str, Any]]:
        response = self._http(endpoint_url).get("/_harness/ready", headers=token.headers(secret))
        body = response.json()
        return response, body if isinstance(body, dict) else {}

    def _http(self, endpoint_url: str) -> httpx.Client:
        # As in AWS's tools.
        authority = os.environ.get("AWS_CA_BUNDLE")
        return httpx.Client(
            base_url=endpoint_url,
            timeout=self.answer_seconds,
            trust_env=not is_this_machine(endpoint_url),
            verify=ssl.create_default_context(cafile=authority) if authority else True,
        )


def _token_for(endpoint_url: str) -> str:
    """The token of the environment. Raises EngineError without one."""
    if (secret := token.token_of_environment()) is None:
        raise EngineError(_wants_token(endpoint_url, "and wants its token"))
    return secret


def _wants_token(endpoint_url: str, what: str) -> str:
    return (
        f"The engine at {endpoint_url} is one of ours, {what}. Set {token.VARIABLE} to what stands in {token.FILE} of the "
        "folder where it was started (.harness after 'harness up'), or to the HARNESS_TOKEN of its container."
    )


def checked_url(url: str) -> str:
    """The address as scheme, host and port. Raises EngineError for anything else, and for AWS's own addresses."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EngineError(
            f"The endpoint {url!r} is no address: {error}. It looks like http://localhost:4566."
        ) from error
    if parts.scheme not in ("http", "https"):
        # Python parses 'localhost:4566' as a URL with the scheme 'localhost', and '127.0.0.1:4566' as a path.
        meant = f"http://{url.split('://')[-1]}"
        raise EngineError(f"The endpoint {url!r} begins with neither http:// nor https://; is {meant} meant?")
    if not parts.hostname:
        raise EngineError(f"The endpoint {url!r} names no host. It looks like http://localhost:4566.")
    if parts.username or parts.password:
        raise EngineError(
            f"The endpoint at {parts.hostname} holds a user or password. AWS calls are signed: name a profile of AWS's "
            "configuration (profile in [tool.harness])."
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    address = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise EngineError(f"The endpoint {url!r} has more than scheme, host and port; is {address} meant?")
    if parts.hostname.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")):
        raise EngineError(
            f"{address} is AWS itself, where nothing is done in an account that the settings do not list: "
            "use --engine=aws."
        )
    return address


def _is_aws_error(error: Any) -> bool:
    """Whether an error has a code of AWS. botocore uses the status as the code if the response had none."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return bool(code) and not code.isdigit() and code != "Unknown"


def _listens_here(endpoint_url: str, pid: Any) -> bool:
    """Whether the process that the engine reports as its own is the process of this machine that has the port.

    A process in a container has another id here, and its loopback interface is not this machine's.
    """
    if not is_this_machine(endpoint_url) or not isinstance(pid, int):
        return False
    port = urlsplit(endpoint_url).port
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port for c in connections)
