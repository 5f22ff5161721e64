"""Packages: what goes in, and that equal content makes an equal package."""

import os
import zipfile

import pytest

from harness.deploy.interpreters import Interpreters, aws_interpreter
from harness.deploy.packages import Packer, Recipe
from harness.deploy.sources import Sources
from harness.engine import Target
from harness.errors import DeployError

TARGET = Target(engine="endpoint", endpoint_url="http://127.0.0.1:9")


@pytest.fixture
def code(tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "app.py").write_text("def handler(e, c): ...\n")
    return folder


@pytest.fixture
def packer(tmp_path):
    """A packer as a new command would make it."""
    return lambda: Packer(tmp_path / "builds", Sources(), Interpreters(TARGET))


def names(package):
    with zipfile.ZipFile(package) as archive:
        return archive.namelist()


def test_tests_caches_and_version_control_stay_out(code, packer):
    for path in ("tests/test_app.py", "__pycache__/app.pyc", ".git/config", "data/tests/x.json", "tool.sh"):
        (code / path).parent.mkdir(parents=True, exist_ok=True)
        (code / path).write_text("x")
    (code / "tool.sh").chmod(0o755)
    package, built = packer().build(Recipe("archive", code))
    assert built
    assert names(package) == ["app.py", "data/tests/x.json", "tool.sh"]
    with zipfile.ZipFile(package) as archive:
        assert [entry.external_attr >> 16 & 0o777 for entry in archive.infolist()] == [0o644, 0o644, 0o755]


def test_equal_sources_make_equal_bytes_at_any_time(code, packer):
    package, _ = packer().build(Recipe("archive", code))
    first = package.read_bytes()
    package.unlink()
    os.utime(code / "app.py", (1, 1))
    again, built = packer().build(Recipe("archive", code))
    assert built
    assert (again, again.read_bytes()) == (package, first)
    assert packer().build(Recipe("archive", code)) == (package, False)


def test_change_of_content_or_recipe_makes_another_package(code, packer):
    before = packer().name(Recipe("archive", code))
    assert packer().name(Recipe("archive", code, prefix="python/")) != before
    (code / "app.py").write_text("def handler(e, c): return 1\n")
    assert packer().name(Recipe("archive", code)) != before


def test_a_layer_of_python_is_below_its_folder(code, packer):
    package, _ = packer().build(Recipe("python", code, prefix="python/", runtime="python3.12"))
    assert names(package) == ["python/app.py"]


def test_makefile_package_holds_its_artifacts_folder(code, packer):
    (code / "Makefile").write_text(
        "build-F:\n\tcp app.py $(ARTIFACTS_DIR)/main.py\nbuild-G:\n\t@echo no luck; exit 3\n"
    )
    package, _ = packer().build(Recipe("makefile", code, make_target="build-F"))
    assert names(package) == ["main.py"]
    with pytest.raises(DeployError, match=r"'make build-G' failed .*\n\s+no luck"):
        packer().build(Recipe("makefile", code, make_target="build-G"))
    assert not list(code.glob("main.py")), "the sources are left as they were"


def test_makefile_build_is_the_same_inside_another_make(code, packer, monkeypatch):
    (code / "Makefile").write_text("NAME = own\nbuild-F:\n\techo $(MAKELEVEL) > $(ARTIFACTS_DIR)/$(NAME)\n")
    monkeypatch.setenv("MAKEFLAGS", "nw -- NAME=foreign")
    monkeypatch.setenv("MAKELEVEL", "1")
    package, _ = packer().build(Recipe("makefile", code, make_target="build-F"))
    assert names(package) == ["own"]


def test_failed_requirements_show_the_output_of_the_installer(code, packer, monkeypatch):
    # No index at all, so that the answer does not depend on a network.
    monkeypatch.setenv("UV_NO_INDEX", "1")
    (code / "requirements.txt").write_text("there-is-no-such-package-of-ours==1.0\n")
    with pytest.raises(DeployError, match="there-is-no-such-package-of-ours") as caught:
        packer().build(Recipe("python", code, runtime="python3.12"))
    assert f"{code / 'requirements.txt'}: the dependencies for Python 3.12 on x86_64-manylinux_2_28" in str(
        caught.value
    )


def test_local_package_in_requirements_is_installed_and_hashed(code, tmp_path, packer):
    local = tmp_path / "local"
    (local / "greeting").mkdir(parents=True)
    (local / "greeting" / "__init__.py").write_text("word = 'hello'\n")
    (code / "requirements.txt").write_text("-r ../more.txt\n")
    (tmp_path / "more.txt").write_text("")
    recipe = Recipe("python", code, runtime="python3.12")
    before = packer().name(recipe)
    (tmp_path / "more.txt").write_text("# changed\n")
    assert packer().name(recipe) != before


def test_dependencies_default_to_the_platform_of_aws():
    assert aws_interpreter("python3.13", "arm64").platform == "aarch64-manylinux_2_28"
    assert aws_interpreter("python3.11", "x86_64").platform == "x86_64-manylinux2014"
    with pytest.raises(ValueError, match="not a Python runtime"):
        aws_interpreter("nodejs22.x", "x86_64")
