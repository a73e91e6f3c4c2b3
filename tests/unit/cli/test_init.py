"""``silentzone init``: what is written, what is said, what is refused."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from tests.unit.studies.gguf_folder import write_model, write_projector

from silentzone.studies.config import load_config


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of three quants and a projector, and a cache in which nothing lies."""
    monkeypatch.setenv("SILENTZONE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "my models"
    folder.mkdir()
    for kind in ("F16", "Q8_0", "Q4_0"):
        write_model(folder / f"small-{kind}.gguf", kind)
    write_projector(folder / "mmproj.gguf")
    return folder


def test_the_study_can_be_loaded_and_the_next_command_is_said(invoke, models):
    shown = invoke("init", models)
    assert shown.code == 0
    config = load_config(models / "study.toml")
    assert config.reference.name == "small-F16"
    assert [one.name for one in config.candidates] == ["small-Q8_0", "small-Q4_0"]
    assert {one.items for one in config.benchmarks} == {200}
    assert "left out: mmproj.gguf: a projector" in shown.stdout
    command = shlex.split(shown.stdout.splitlines()[-1])
    assert command[:2] == ["silentzone", "run"]
    assert Path(command[2]) == models / "study.toml"


def test_without_a_text_the_command_that_gives_one_is_in_the_file_and_shown(invoke, models):
    shown = invoke("init", models)
    (line,) = [line for line in shown.stdout.splitlines() if "--fetch-text" in line]
    assert shlex.split(line)[:2] == ["silentzone", "init"]
    text = (models / "study.toml").read_text()
    assert f"#     {line.strip()}" in text
    assert "# [[corpora]]" in text
    assert not load_config(models / "study.toml").corpora


def test_a_text_of_ones_own_is_measured_on(invoke, models, tmp_path):
    (tmp_path / "my text.txt").write_text("words")
    invoke("init", models, "--text", tmp_path / "my text.txt")
    (corpus,) = load_config(models / "study.toml").corpora
    assert (corpus.name, corpus.path) == ("my text", str(tmp_path / "my text.txt"))
    assert corpus.context_length == 128, "never more than the model was trained on"


def test_a_folder_of_texts_is_taken_as_documents(invoke, models, tmp_path):
    (tmp_path / "texts").mkdir()
    invoke("init", models, "--text", tmp_path / "texts")
    (corpus,) = load_config(models / "study.toml").corpora
    assert corpus.documents == "files"


def test_the_text_in_the_cache_is_taken_only_if_it_is_whole(invoke, models, monkeypatch, tmp_path):
    from silentzone.studies import asset_table, assets

    place = assets._home(asset_table.ASSETS["wikitext-2"], tmp_path / "cache")
    place.mkdir(parents=True)
    for file in asset_table.ASSETS["wikitext-2"].files:
        (place / file.path).write_text("something else")
    invoke("init", models)
    assert not load_config(models / "study.toml").corpora
    monkeypatch.setattr(assets, "_matches", lambda path, file: path.is_file())
    invoke("init", models, "--force")
    (corpus,) = load_config(models / "study.toml").corpora
    assert corpus.path == str(place / "wiki.test.raw")


def test_a_file_that_is_there_is_not_replaced_without_being_told_to(invoke, models):
    (models / "study.toml").write_text("mine")
    shown = invoke("init", models)
    assert shown.code == 1
    assert "--force" in shown.stderr
    assert (models / "study.toml").read_text() == "mine"
    assert invoke("init", models, "--force").code == 0
    assert (models / "study.toml").read_text() != "mine"


def test_written_elsewhere_the_paths_still_lead_to_the_models(invoke, models, tmp_path):
    assert invoke("init", models, "--out", tmp_path / "new" / "s.toml").code == 0
    config = load_config(tmp_path / "new" / "s.toml")
    assert Path(config.reference.path) == models / "small-F16.gguf"


def test_json_says_the_same_and_nothing_else_is_on_stdout(invoke, models):
    write_model(models / "other.gguf", "F16", architecture="qwen2")
    result = json.loads(invoke("init", models, "--json").stdout)
    assert result["reference"]["name"] == "small-F16"
    assert [one["name"] for one in result["candidates"]] == ["small-Q8_0", "small-Q4_0"]
    assert result["commented_out"][0]["reason"].startswith("architecture qwen2")
    assert [Path(one["path"]).name for one in result["left_out"]] == ["mmproj.gguf"]
    assert result["text"] is None


def test_a_model_that_cannot_be_compared_is_commented_out(invoke, models):
    write_model(models / "other.gguf", "F16", architecture="qwen2")
    invoke("init", models)
    text = (models / "study.toml").read_text()
    assert '# path = "other.gguf"' in text
    assert "other" not in {one.name for one in load_config(models / "study.toml").candidates}


def test_a_folder_without_models_is_the_users_to_mend(invoke, tmp_path):
    shown = invoke("init", tmp_path)
    assert shown.code == 1
    assert "no usable GGUF model" in shown.stderr
    assert not (tmp_path / "study.toml").exists()


def test_two_texts_are_one_too_many(invoke, models):
    assert invoke("init", models, "--text", models, "--fetch-text").code == 2


def test_quiet_says_nothing_but_the_result(invoke, models):
    assert invoke("init", models, "--quiet").stderr == ""
    assert "Reading headers" in invoke("init", models, "--force").stderr


def test_hostile_names_reach_neither_terminal_nor_file_unescaped(invoke, models):
    (models / "small-Q8_0.gguf").rename(models / "\x1b[31m\nseed = 2.gguf")
    shown = invoke("init", models)
    assert "\x1b" not in shown.stdout
    assert load_config(models / "study.toml").seed == 1


def test_every_built_in_set_is_named_with_its_licence_and_few_are_asked_for(invoke, models):
    from silentzone.benchmarks.registry import BUILT_IN

    invoke("init", models)
    text = (models / "study.toml").read_text()
    for name, one in BUILT_IN.items():
        (line,) = [line for line in text.splitlines() if one.description in line]
        assert line.startswith("# ")
        assert f"Licence: {one.licence}" in line
        assert f'name = "{name}"' in text or line.startswith(f"# - {name}: ")
    assert 1 <= len(load_config(models / "study.toml").benchmarks) <= 4
