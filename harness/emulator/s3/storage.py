"""Gives each engine a separate folder for S3 objects.

LocalStack 4.14.0 keeps them in `/tmp/localstack-s3-storage` whatever its settings say, so two engines on one machine write
into the same folder, and the one that stops or is reset takes the other's objects with it.
"""

from pathlib import Path
from typing import Any

from localstack import config
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

from harness.emulator.patches import patched


def install() -> None:
    @patched(EphemeralS3ObjectStore.__init__, because="all engines of a machine share one folder for S3's objects")
    def keep_apart(original: Any, self: Any, _root_directory: str | None = None) -> None:
        folder = Path(config.dirs.tmp) / "s3"
        folder.mkdir(parents=True, exist_ok=True)
        original(self, str(folder))
