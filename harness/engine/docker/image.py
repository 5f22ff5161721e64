"""Builds the engine's image when its content has changed."""

import base64
import contextlib
import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.engine.docker.compose import dotenv
from harness.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

REPOSITORY = "serverless-harness/engine"
DISTRIBUTION = "serverless-harness"
DOCKERFILE = "harness/engine/docker/Dockerfile"
PACKAGE = Path(__file__).resolve().parents[2]
LOG_LINES = 25
SILENT_SECONDS = 1800
"""How long a step of the build may print nothing, such as an installation over a slow connection."""
IN_THE_IMAGE = ("harness/__init__.py", "harness/aws/", "harness/emulator/", "harness/errors.py", "harness/journal/")
"""The parts of the package that run in the image; .dockerignore selects the same from the tree."""

Context = Mapping[str, bytes]
"""The files that an image is built from, by their path in the build context."""


def context() -> Context:
    """The source tree of this code, filtered by .dockerignore; else a wheel of the installed distribution."""
    root = PACKAGE.parent
    return tree(root) if (root / "pyproject.toml").is_file() and (root / ".dockerignore").is_file() else wheel_context()


def tree(root: Path) -> Context:
    from docker.utils import exclude_paths

    lines = (line.strip() for line in (root / ".dockerignore").read_text().splitlines())
    patterns = [line for line in lines if line and not line.startswith("#")]
    paths = (root / path for path in exclude_paths(str(root), patterns))
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths if path.is_file()}
    files.pop(".dockerignore", None)  # Docker always sends it for its own use
    return files


def wheel_context() -> Context:
    folder = Path(DOCKERFILE).parent
    recipe = {f"{folder.as_posix()}/{n}": (Path(__file__).with_name(n)).read_bytes() for n in _RECIPE}
    name, content = wheel()
    return {**recipe, name: content}


_RECIPE = ("Dockerfile", "requirements.py")


def wheel() -> tuple[str, bytes]:
    """The emulator of the installed distribution, repacked as a wheel: file name and content.

    https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    distribution = metadata.distribution(DISTRIBUTION)
    files: dict[str, bytes] = {}
    for file in distribution.files or ():
        path = file.as_posix()
        # Files that an installer added do not belong to the wheel.
        of_metadata = ".dist-info/" in path and file.name not in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
        if (of_metadata or path.startswith(IN_THE_IMAGE)) and "__pycache__" not in file.parts:
            files[path] = Path(str(distribution.locate_file(file))).read_bytes()
    information = next(path.split("/")[0] for path in files if ".dist-info/" in path)
    record = "".join(f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in files.items())
    files[f"{information}/RECORD"] = f"{record}{information}/RECORD,,\n".encode()
    return f"{information.removesuffix('.dist-info')}-py3-none-any.whl", _zip(files)


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _zip(files: Mapping[str, bytes]) -> bytes:
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted(files.items()):
            # Always the same bytes, so that the same code gives the same image.
            archive.writestr(zipfile.ZipInfo(path), content)
    return packed.getvalue()


def build_arguments(environment: Mapping[str, str]) -> dict[str, str]:
    """The build arguments of docker-compose.yml, from the same variables."""
    renamed = {"LOCALSTACK_IMAGE": "BASE_IMAGE", "LOCALSTACK_VERSION": "BASE_VERSION"}
    same = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    names = {**renamed, **dict.fromkeys(same)}
    return {argument or name: environment[name] for name, argument in names.items() if environment.get(name)}


def tag_of(files: Context, arguments: Mapping[str, str], platform: str | None) -> str:
    """Equal content gives an equal tag. The source of packages does not change the image."""
    digest = hashlib.sha256()
    base = {name: value for name, value in arguments.items() if name.startswith("BASE_")}
    for name, content in sorted({**files, "": repr((base, platform)).encode()}.items()):
        if name != "pip.conf":
            digest.update(f"{len(name)} {name} {len(content)}\n".encode() + content)
    return f"{REPOSITORY}:{digest.hexdigest()[:16]}"


def settings() -> dict[str, str]:
    """The environment, completed from the tree's .env, as in compose."""
    return {**dotenv(PACKAGE.parent / ".env"), **os.environ}


def build(client: "DockerClient") -> str:
    """The tag of the image for this code; builds the image if it is missing. Raises EngineError with the end of the output."""
    from docker.errors import APIError, BuildError, ImageNotFound

    files = context()
    environment = settings()
    arguments = build_arguments(environment)
    platform = environment.get("DOCKER_DEFAULT_PLATFORM") or None
    tag = tag_of(files, arguments, platform)
    with contextlib.suppress(ImageNotFound):
        client.images.get(tag)
        return tag
    try:
        client.images.build(
            fileobj=_tar(files),
            custom_context=True,
            dockerfile=DOCKERFILE,
            tag=tag,
            rm=True,
            forcerm=True,
            timeout=SILENT_SECONDS,
            buildargs=arguments,
            network_mode=environment.get("HARNESS_BUILD_NETWORK") or None,
            platform=platform,
            labels={_SOURCE: str(PACKAGE)},
            use_config_proxy=True,
        )
    except BuildError as error:
        raise EngineError(
            f"The engine's image cannot be built: {error.msg}", log=_last_lines(error.build_log)
        ) from error
    except APIError as error:
        raise EngineError(f"The engine's image cannot be built: {error.explanation or error}") from error
    _remove_others(client, tag)
    return tag


_SOURCE = "serverless-harness.source"


def _remove_others(client: "DockerClient", tag: str) -> None:
    """Remove earlier images of the same code, except those that a container still uses."""
    from docker.errors import APIError

    for image in client.images.list(REPOSITORY, filters={"label": f"{_SOURCE}={PACKAGE}"}):
        for other in image.tags:
            if other != tag and other.startswith(f"{REPOSITORY}:"):
                with contextlib.suppress(APIError):
                    client.images.remove(other)


_ANY_TIME = 946_684_800  # the first second of 2000; a zip file cannot store times before 1980


def _tar(files: Context) -> io.BytesIO:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, _ANY_TIME
            archive.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


def _last_lines(build_log: Any) -> str:
    text = "".join(str(entry.get("stream") or entry.get("error") or "") for entry in build_log)
    return "\n".join(text.splitlines()[-LOG_LINES:])
