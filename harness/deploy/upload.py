"""The bucket for packages and large templates."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from harness.engine import Target


class ArtifactBucket:
    """Objects are named after their content, so an existing one needs no upload.

    On a shared target each deployment has a dedicated bucket with its tags, so that the whole bucket can be removed. In a
    bucket that deployments share, it would be unknown whether another deployment still needs an object.
    """

    def __init__(self, target: Target, tags: Mapping[str, str] | None = None) -> None:
        self.name = bucket_name(target, target.deployment or "harness")
        self._target = target
        self._tags = tags or {}
        self._s3: Any = target.client("s3")

    def url(self, key: str) -> str:
        """The address from which CloudFormation reads a template."""
        if self._target.endpoint_url:
            return f"{self._target.endpoint_url}/{self.name}/{key}"
        return f"https://{self.name}.s3.{self._target.region}.amazonaws.com/{key}"

    def upload(self, files: Iterable[Path]) -> int:
        """Upload files under their names; returns how many were new. Creates the bucket if it does not exist."""
        wanted = {file.name: file for file in files}
        if not wanted:
            return 0
        self._ensure()
        with ThreadPoolExecutor(max_workers=4) as pool:
            return sum(pool.map(self._put, wanted.values()))

    def put_template(self, key: str, body: str) -> str:
        """Store a template that is too large for a request; returns its URL."""
        self._ensure()
        self._s3.put_object(Bucket=self.name, Key=key, Body=body.encode())
        return self.url(key)

    def _put(self, file: Path) -> bool:
        try:
            self._s3.head_object(Bucket=self.name, Key=file.name)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            with file.open("rb") as body:
                self._s3.put_object(Bucket=self.name, Key=file.name, Body=body)
            return True
        return False

    def _ensure(self) -> None:
        try:
            # Bucket names are global: our code must not go to another account's bucket with this name.
            self._s3.head_bucket(Bucket=self.name, ExpectedBucketOwner=self._target.account_id)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            region = self._target.region
            # us-east-1 must not be given (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html).
            where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            try:
                self._s3.create_bucket(Bucket=self.name, **where)
            except ClientError as refused:
                if refused.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                    raise
            if self._tags:
                tag_set = [{"Key": key, "Value": value} for key, value in self._tags.items()]
                self._s3.put_bucket_tagging(Bucket=self.name, Tagging={"TagSet": tag_set})


def bucket_name(target: Target, deployment: str) -> str:
    """The name of a deployment's artifact bucket on the target."""
    return f"{deployment}-artifacts-{target.account_id}-{target.region}"
