"""The engine in Docker: the compose service of the project, or a container of a test run's own.

It knows how the image is built, how a container is started, found, waited for and removed; nothing of what runs inside
but the two addresses that it is given and `/_harness/ready`.
"""

from harness.engine.docker.engine import DockerEngine

__all__ = ["DockerEngine"]
