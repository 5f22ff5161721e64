"""The bucket that packages and large templates go through."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from harness.engine import Target


class ArtifactBucket:
    """Objects named after their content: one that is there needs no upload.

    On a target that others use as well the bucket is the deployment's own and carries its tags, so that it can be removed
    as a whole: in a bucket that deployments share, nobody could tell whether another one still needs an object.
    """

    def __init__(self, target: Target, tags: Mapping[str, str] | None = None) -> None:
        self.name = bucket_name(target, target.deployment or "harness")
        self._target = target
        self._tags = tags or {}
        self._s3: Any = target.client("s3")

    def url(self, key: str) -> str:
        """The address under which CloudFormation reads a template."""
        if self._target.endpoint_url:
            return f"{self._target.endpoint_url}/{self.name}/{key}"
        return f"https://{self.name}.s3.{self._target.region}.amazonaws.com/{key}"

    def upload(self, files: Iterable[Path]) -> int:
        """Put files under their names; returns how many were not there. Creates the bucket where it is missing."""
        wanted = {file.name: file for file in files}
        if not wanted:
            return 0
        self._ensure()
        with ThreadPoolExecutor(max_workers=4) as pool:
            return sum(pool.map(self._put, wanted.values()))

    def put_template(self, key: str, body: str) -> str:
        """Store a template that is too large to be sent; returns its URL."""
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
            # Bucket names are the whole world's: another account's bucket of this name must not get our code.
            self._s3.head_bucket(Bucket=self.name, ExpectedBucketOwner=self._target.account_id)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            region = self._target.region
            # us-east-1 must not be named (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html).
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
    """What a deployment's artifact bucket is called on the target."""
    return f"{deployment}-artifacts-{target.account_id}-{target.region}"
