"""Our own files are what their schemas say, and a version nobody knows is refused in words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from silentzone.cli.main import run_command_line

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "docs" / "schemas"


def command(*arguments):
    return run_command_line([str(one) for one in arguments])


def check(path, schema):
    content = json.loads((SCHEMAS / f"{schema}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(content)
    validator = jsonschema.Draft202012Validator(content)
    errors = [f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}"
              for one in validator.iter_errors(json.loads(path.read_text()))]  # fmt: skip
    assert not errors


@pytest.fixture(scope="module")
def study(finished):
    return finished["out"]


@pytest.fixture(scope="module")
def imported(study, tmp_path_factory):
    into = tmp_path_factory.mktemp("schemas") / "imported"
    assert command("import", "study", study, "--into", into, "--quiet") == 0
    assert command("analyze", into, "--quiet") == 0
    return into


def test_the_schemas_are_what_the_code_says():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "write_schemas.py", "--check"],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["analysis", "flips", "manifest"])
def test_a_study_writes_what_its_schemas_say(study, name):
    check(study / f"{name}.json", name)


@pytest.mark.parametrize("name", ["analysis", "flips", "import"])
def test_an_import_writes_what_its_schemas_say(imported, name):
    check(imported / f"{name}.json", name)


@pytest.mark.parametrize(
    "table",
    [
        "name,fidelity.kld_mean\na,0.1\nb,0.2\n",
        "name,is_reference,score.quiz,n_items.quiz\nr,true,0.7,300\na,,0.6,300\nb,,0.5,300\n",
        "model,benchmark,item_id,score,is_reference\nr,quiz,1,1,true\na,quiz,1,0,false\n",
    ],
)
def test_answers_to_tables_are_what_the_schema_says(table, tmp_path):
    (tmp_path / "t.csv").write_text(table)
    assert command("analyze", tmp_path / "t.csv", "--out", tmp_path / "out", "--quiet") == 0
    check(tmp_path / "out" / "analysis.json", "analysis")


def test_a_field_more_or_less_is_noticed(study, tmp_path):
    content = json.loads((study / "analysis.json").read_text())
    for changed in ({**content, "more": 1}, {k: v for k, v in content.items() if k != "scores"}):
        (tmp_path / "analysis.json").write_text(json.dumps(changed))
        with pytest.raises(AssertionError, match=r"more|scores"):
            check(tmp_path / "analysis.json", "analysis")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("analysis", ("report",)),
        ("flips", ("report",)),
        ("manifest", ("analyze",)),
        ("import", ("analyze",)),
    ],
)
def test_a_version_nobody_knows_is_refused_by_number(
    study, imported, name, arguments, tmp_path, capsys
):
    source = imported if name == "import" else study
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in source.iterdir():
        if path.is_file() and not path.name.startswith("."):
            (folder / path.name).write_bytes(path.read_bytes())
    content = json.loads((folder / f"{name}.json").read_text())
    (folder / f"{name}.json").write_text(json.dumps({**content, "schema_version": 77}))
    assert command(*arguments, folder, "--quiet") == 1
    said = capsys.readouterr().err
    assert "77" in said
    assert "hint:" in said
