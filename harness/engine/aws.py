"""AWS itself: a real account, with the credentials of the environment."""

import os
from collections.abc import Sequence
from pathlib import Path

from harness.engine.attachment import AttachedEngine, Attachment, new_deployment_name
from harness.engine.capabilities import BEHAVIOURS
from harness.engine.target import Target
from harness.errors import EngineError


class AwsEngine(AttachedEngine):
    """A dedicated deployment in a shared account.

    Accepts only accounts that the project's settings list, whatever credentials the environment has. It observes only
    through AWS's APIs: there are no outbox and no faults. `region` None uses the region of the environment or the profile.
    AWS_ENDPOINT_URL is followed as in AWS's tools.
    """

    name = "aws"

    def __init__(
        self, directory: Path, *, accounts: Sequence[str], region: str | None = None, profile: str | None = None
    ) -> None:
        super().__init__(directory)
        self.accounts = tuple(accounts)
        self.region = region
        self.profile = profile

    def find(self) -> Target | None:
        """The deployment that `start` began and `stop` has not ended. Raises EngineError for credentials of another account."""
        attachment = self._attachment()
        if attachment is None:
            return None
        account_id = self._account_id(attachment.region, attachment.profile, attachment.endpoint_url)
        if account_id != attachment.account_id:
            raise EngineError(
                f"{attachment.deployment} was deployed to the AWS account {attachment.account_id}, and the credentials of "
                f"this environment are of {account_id}. Use those of {attachment.account_id}, or delete "
                f"{self._state_file} to forget the deployment (its resources are left behind)."
            )
        return _target(attachment)

    def start(self) -> Target:
        """Raises EngineError without credentials, and for an account that the settings do not list."""
        if (running := self.find()) is not None:
            return running
        region = self._region()
        endpoint_url = _configured_endpoint()
        account_id = self._account_id(region, self.profile, endpoint_url)
        if account_id not in self.accounts:
            listed = f"lists {', '.join(self.accounts)}" if self.accounts else "lists none"
            raise EngineError(
                f"The credentials of this environment are of the AWS account {account_id}, and the project {listed}. "
                "Nothing was done there. If test runs may deploy to that account (they make, change and remove resources, "
                f'which costs money), say so in pyproject.toml: [tool.harness] accounts = ["{account_id}"].'
            )
        attachment = Attachment(new_deployment_name(), account_id, region, endpoint_url, self.profile)
        attachment.write(self._state_file)
        return _target(attachment)

    def _region(self) -> str:
        import boto3
        from botocore.exceptions import ProfileNotFound

        try:
            # boto3 does not read AWS_REGION; the AWS CLI and the runners of CI do.
            region = self.region or os.environ.get("AWS_REGION") or boto3.Session(profile_name=self.profile).region_name
        except ProfileNotFound as error:
            raise EngineError(f"{error}. 'aws configure list-profiles' lists those that there are.") from error
        if not region:
            raise EngineError(
                'Which region of AWS? Say so in pyproject.toml, [tool.harness] region = "...", or in AWS_REGION.'
            )
        return str(region)

    def _account_id(self, region: str, profile: str | None, endpoint_url: str | None) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        asked = Target(self.name, endpoint_url, region, ambient_credentials=True, profile=profile)
        try:
            return str(asked.client("sts").get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise EngineError(
                f"AWS does not say who we are: {error}. 'aws sts get-caller-identity' must work in this shell: "
                "sign in, or set AWS_PROFILE or [tool.harness] profile."
            ) from error


def _configured_endpoint() -> str | None:
    """The endpoint that AWS's tools would call instead of AWS
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html)."""
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    return os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/") or None


def _target(attachment: Attachment) -> Target:
    return Target(
        engine=AwsEngine.name,
        endpoint_url=attachment.endpoint_url,
        region=attachment.region,
        account_id=attachment.account_id,
        capabilities=frozenset(BEHAVIOURS),
        deployment=attachment.deployment,
        ambient_credentials=True,
        profile=attachment.profile,
    )
