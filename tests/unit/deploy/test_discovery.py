"""Which templates there are, and what their stacks are called."""

from pathlib import Path

from harness.deploy import discover

TEMPLATE = "Resources: {Queue: {Type: AWS::SQS::Queue}}\n"


def _service(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "template.yaml").write_text(TEMPLATE)
    return folder


def test_linked_folder_of_a_service_keeps_its_name(tmp_path: Path):
    (tmp_path / "project" / "stack").mkdir(parents=True)
    (tmp_path / "project" / "stack" / "orders").symlink_to(_service(tmp_path / "elsewhere" / "checkout-v2"))
    [template] = discover(tmp_path / "project", ["stack/*/template.yaml"])
    assert template.stack == "orders"
    assert template.path == tmp_path / "project" / "stack" / "orders" / "template.yaml"


def test_template_that_two_patterns_reach_is_one_stack(tmp_path: Path):
    _service(tmp_path / "orders")
    (tmp_path / "linked").symlink_to(tmp_path / "orders")
    found = discover(tmp_path, ["orders", "linked", "*/template.yaml", "./orders/../orders/template.yaml"])
    assert [template.stack for template in found] == ["orders"]
