"""LocalStack's installers, which download programs when a service first needs them, install nothing.

What the image of LocalStack holds, or was put into its folder, is used as before.
"""

from typing import Any

from localstack.packages.api import PackageException, PackageInstaller

from harness.emulator.patches import patched


def install() -> None:
    @patched(PackageInstaller.install, because="LocalStack downloads programs when a service first needs them")
    def install_package(original: Any, self: Any, target: Any = None) -> None:
        if not self.is_installed():
            raise PackageException(
                f"{self.name} {self.version} is not installed here, and the engine downloads nothing. What needs it is not "
                "available in this engine; leave it out of the template, or run the engine in an image that holds it "
                "(harness up --engine=docker, BASE_IMAGE)."
            )
        original(self, target)
