"""The engine in Docker: the compose service of the project, or a dedicated container of a test run.

It knows how to build the image and how to start, find, wait for and remove a container. Of the inside it knows only the
two addresses that it passes in and `/_harness/ready`.
"""

from harness.engine.docker.engine import DockerEngine

__all__ = ["DockerEngine"]
