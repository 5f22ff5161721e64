"""Which engine the mail SaaS of the fixtures serves."""

from fixtures.mail_saas import project_of
from harness.project import Project


def test_mail_saas_uses_the_engine_of_the_project():
    own = Project.load().settings
    assert own.compose_file is not None
    assert project_of(own.state_directory).settings == own
    assert project_of(None).settings == own


def test_the_engine_of_a_test_run_is_its_own(tmp_path):
    settings = project_of(tmp_path).settings
    assert (settings.state_directory, settings.compose_file) == (tmp_path, None)
