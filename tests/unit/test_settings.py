"""`[tool.harness]`: what it may say, and what a mistake in it is answered."""

from pathlib import Path

import pytest

from harness.emulator.controls import delays as emulator
from harness.errors import SettingsError
from harness.settings import Delays, Settings


def _write(folder: Path, table: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(table)
    return file


def test_the_nearest_pyproject_with_the_table_is_the_root(tmp_path: Path):
    _write(tmp_path, '[tool.harness]\nregion = "eu-central-1"\n')
    inner = tmp_path / "service" / "functions"
    inner.mkdir(parents=True)
    _write(tmp_path / "service", "[project]\nname = 'no table of ours'\n")
    settings = Settings.load(inner)
    assert settings.root == tmp_path
    assert settings.region == "eu-central-1"


def test_missing_table_gives_defaults_in_the_current_folder(tmp_path: Path):
    settings = Settings.load(tmp_path)
    assert settings.root == tmp_path
    assert settings.engine == "embedded"
    assert settings.port is None


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ('[tool.harness]\nregoin = "eu-west-1"\n', "regoin"),
        ("[tool.harness]\nport = 99999\n", "port"),
        ('[tool.harness]\ntemplates = "stack/template.yaml"\n', "templates"),
        ("[tool.harness.parameters]\nusers = 3\n", "parameters.users"),
    ],
)
def test_invalid_setting_is_reported_with_file_and_valid_names(tmp_path: Path, table: str, named: str):
    file = _write(tmp_path, table)
    with pytest.raises(SettingsError) as raised:
        Settings.load(tmp_path)
    message = str(raised.value)
    assert str(file) in message
    assert named in message
    assert "It may set: templates, engine, region, port" in message


def test_a_file_that_is_not_toml_is_named(tmp_path: Path):
    file = _write(tmp_path, "[tool.harness\n")
    with pytest.raises(SettingsError, match="not valid TOML") as raised:
        Settings.load(tmp_path)
    assert str(file) in str(raised.value)


def test_delays_reach_the_engine_through_its_environment(tmp_path: Path):
    _write(tmp_path, "[tool.harness.delays]\nevents_retry_seconds = 0.25\nstep_functions_factor = 0.1\n")
    told = Settings.load(tmp_path).delays.environment()
    taken = emulator.EngineDelays.model_validate_json(told[emulator.VARIABLE])
    assert (taken.events_retry_seconds, taken.step_functions_factor, taken.lambda_retry_seconds) == (0.25, 0.1, 1)
    assert Settings.load(tmp_path / "..").delays.environment() == {}


def test_the_engine_and_the_settings_know_the_same_delays():
    ours, theirs = (
        {
            name: {key: value for key, value in member.items() if key != "description"}
            for name, member in kind.model_json_schema()["properties"].items()
        }
        for kind in (Delays, emulator.EngineDelays)
    )
    assert ours == theirs


@pytest.mark.parametrize("wrong", ["events_retry_seconds = -1", "step_functions_factor = 0", "lambda_retries = 1"])
def test_a_delay_that_is_none_is_refused(tmp_path: Path, wrong: str):
    _write(tmp_path, f"[tool.harness.delays]\n{wrong}\n")
    with pytest.raises(SettingsError, match=f"delays.{wrong.split()[0]}"):
        Settings.load(tmp_path)


def test_engine_gets_allowed_origins_and_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HARNESS_ALLOWED_ORIGINS", raising=False)
    monkeypatch.setenv("HARNESS_ALLOWED_HOSTS", "lab")
    _write(
        tmp_path,
        '[tool.harness]\nallowed_origins = ["http://localhost:3000"]\nallowed_hosts = ["*.engine.test", "engine.test"]\n',
    )
    assert Settings.load(tmp_path).callers.environment() == {
        "HARNESS_ALLOWED_ORIGINS": "http://localhost:3000",
        "HARNESS_ALLOWED_HOSTS": "*.engine.test,engine.test,lab",
    }
    assert Settings().callers.environment() == {}, "what the environment says reaches the engine by itself"


@pytest.mark.parametrize(
    "wrong",
    [
        'allowed_origins = ["*"]',
        'allowed_origins = ["null"]',
        'allowed_origins = ["localhost:3000"]',
        'allowed_origins = ["http://localhost:3000/page"]',
        'allowed_origins = ["file://"]',
        'allowed_hosts = ["*"]',
        'allowed_hosts = ["http://engine.test"]',
        'allowed_hosts = ["engine.test:4566"]',
    ],
)
def test_allowed_origin_or_host_that_is_none_is_refused(tmp_path: Path, wrong: str):
    _write(tmp_path, f"[tool.harness]\n{wrong}\n")
    with pytest.raises(SettingsError, match=wrong.split()[0]):
        Settings.load(tmp_path)
