"""The CloudFormation template of the shopping assistant, as cfn-lint and our own code judge it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from apps.shopping.settings import DEFAULT_TABLE
from apps.shopping.storage.dynamodb import EXPIRY, PARTITION_KEY, SORT_KEY
from parley import paths

TEMPLATE = paths.repository() / "deploy" / "aws" / "shopping.yaml"


class _Tags(yaml.SafeLoader):
    """Reads CloudFormation's short functions as their arguments."""


_Tags.add_multi_constructor(
    "!",
    lambda loader, _, node: (
        loader.construct_sequence(node)
        if isinstance(node, yaml.SequenceNode)
        else loader.construct_scalar(node)
    ),
)


def template() -> Any:
    return yaml.load(TEMPLATE.read_text(encoding="utf-8"), _Tags)


def test_cfn_lint_finds_nothing() -> None:
    lint = Path(sys.executable).with_name("cfn-lint")
    checked = subprocess.run(
        [lint, "--non-zero-exit-code", "informational", TEMPLATE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_table_is_the_one_that_the_command_makes() -> None:
    found = template()
    table = found["Resources"]["Table"]["Properties"]
    keys = {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
    assert keys == {"HASH": PARTITION_KEY, "RANGE": SORT_KEY}
    assert table["TimeToLiveSpecification"] == {"AttributeName": EXPIRY, "Enabled": True}
    assert found["Parameters"]["TableName"]["Default"] == DEFAULT_TABLE
