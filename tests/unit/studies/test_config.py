from __future__ import annotations

import dataclasses
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from silentzone.errors import ConfigError
from silentzone.records.config import ModelLoading, StudyConfig
from silentzone.studies.config import dump_config, load_config, parse_config

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    models = tmp_path / "models"
    models.mkdir()
    for name in (
        "m-BF16", "m-Q5_K_M", "m-Q4_0", "big-00001-of-00002", "big-00002-of-00002",
    ):  # fmt: skip
        (models / f"{name}.gguf").write_bytes(b"")
    (tmp_path / "wiki.raw").write_text("text")
    (tmp_path / "texts").mkdir()
    return tmp_path


def _minimal() -> dict[str, Any]:
    return {
        "study": {"name": "cohort", "seed": 7},
        "reference": {"path": "models/m-BF16.gguf"},
        "candidates": [{"path": "models/m-Q4_0.gguf"}],
        "corpora": [{"path": "wiki.raw"}],
    }


def _complaint(folder: Path, **changes: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config({**_minimal(), **changes}, folder)
    return str(caught.value)


def test_names_default_to_the_file_stem_and_paths_become_absolute(folder: Path) -> None:
    config = parse_config(_minimal(), folder)
    assert config.reference.name == "m-BF16"
    assert config.candidates[0].path == str(folder / "models" / "m-Q4_0.gguf")
    assert config.corpora[0].name == "wiki"
    assert (config.name, config.seed) == ("cohort", 7)


def test_a_glob_is_sorted_and_leaves_out_the_reference_and_later_shards(folder: Path) -> None:
    config = parse_config({**_minimal(), "candidates": [{"glob": "models/*.gguf"}]}, folder)
    assert [entry.name for entry in config.candidates] == ["big", "m-Q4_0", "m-Q5_K_M"]
    assert config.candidates[0].path.endswith("big-00001-of-00002.gguf")


def test_a_model_named_before_a_glob_keeps_its_own_name(folder: Path) -> None:
    candidates = [{"name": "mine", "path": "models/m-Q4_0.gguf"}, {"glob": "models/m-*.gguf"}]
    config = parse_config({**_minimal(), "candidates": candidates}, folder)
    assert [entry.name for entry in config.candidates] == ["mine", "m-Q5_K_M"]


def test_every_problem_is_told_at_once(folder: Path) -> None:
    message = _complaint(
        folder,
        candidates=[{"path": "models/gone.gguf"}, {"path": "models/lost.gguf"}],
        corpora=[{"path": "no.txt", "context_length": 8}],
        decision={"alpha": 0.5, "margin": 0},
        flour={},
    )
    for part in ("gone.gguf", "lost.gguf", "no.txt", "at least 16", "`alpha`", "`margin`", "flour"):
        assert part in message


@pytest.mark.parametrize(
    ("section", "table", "part"),
    [
        ("study", {"nam": "x"}, "did you mean `name`?"),
        ("study", {"name": ""}, "not empty"),
        ("study", {"seed": True}, "whole number"),
        ("study", {"seed": -1}, "at least 0"),
        ("study", [], "must be a table"),
        ("decision", {"margin": "0.01"}, "finite number"),
        ("decision", {"margin": float("nan")}, "finite number"),
        ("decision", {"margin": 10**400}, "finite number"),
        ("decision", {"margin": 0.05}, "`guard_margin` must not be below `margin`"),
        ("decision", {"memory_budget_gb": 0}, "between 0 and"),
        ("decision", {"size_budget_gb": 0}, "between 0 and"),
        ("decision", {"bits_per_weight_budget": -4}, "between 0 and"),
        ("decision", {"method": "holm"}, '"fixed sequence" or "Holm"'),
        ("engine", {"threads": 0}, "at least 1"),
        ("engine", {"batch_tokens": 256}, "must not exceed"),
        ("floor", {"items": -1}, "at least 0"),
        ("corpora", [{"path": "wiki.raw", "windows": 0}], "at least 1"),
        ("corpora", [{"path": "wiki.raw", "windows": "some"}], 'or "all"'),
        ("corpora", [{"path": "wiki.raw", "select": "last"}], '"first" or "spread"'),
        ("corpora", [{"path": "wiki.raw", "first_scored": 512}], "below `context_length`"),
        ("corpora", [{"path": "wiki.raw", "documents": "files"}], "needs a folder"),
        ("corpora", [{"path": "wiki.raw"}, {"path": "wiki.raw"}], "are named 'wiki'"),
        ("corpora", {"path": "wiki.raw"}, "[[corpora]]"),
        ("corpora", [], "nothing to measure"),
        ("benchmarks", [{"items": 5}], "needs `name`"),
        ("benchmarks", [{"name": "piqa", "items": 0}], "at least 1"),
        ("benchmarks", [{"name": "piqa", "divergence": 1}], "true or false"),
        ("benchmarks", [{"name": "piqa", "divergence": "yes"}], "true or false"),
        ("reference", {}, "[reference] needs `path`"),
        ("reference", {"path": "models"}, "is a folder"),
        ("reference", {"path": "models/big-00002-of-00002.gguf"}, "give the first"),
        ("reference", {"path": "a\0b"}, "[reference] `path`"),
    ],
)
def test_what_is_impossible_is_refused(
    folder: Path, section: str, table: object, part: str
) -> None:
    assert part in _complaint(folder, **{section: table})


@pytest.mark.parametrize("name", ["a/b", "a\\b", "..", "../../etc"])
def test_a_name_that_is_a_path_is_refused(folder: Path, name: str) -> None:
    candidates = [{"name": name, "path": "models/m-Q4_0.gguf"}]
    assert "give a plain name" in _complaint(folder, candidates=candidates)


@pytest.mark.parametrize(("first", "second", "part"), [
    ("Q4", "Q4", "two model entries"), ("Q4", "q4", "in case only"),
    ("m-BF16", "Q4", "two model entries"),
])  # fmt: skip
def test_model_names_are_unique_whatever_their_case(
    folder: Path, first: str, second: str, part: str
) -> None:
    candidates = [
        {"name": first, "path": "models/m-Q4_0.gguf"},
        {"name": second, "path": "models/m-Q5_K_M.gguf"},
    ]
    assert part in _complaint(folder, candidates=candidates)


def test_the_same_file_twice_is_refused_with_both_names(folder: Path) -> None:
    path = "models/m-Q4_0.gguf"
    message = _complaint(
        folder,
        candidates=[{"name": "one", "path": path}, {"name": "two", "path": f"models/../{path}"}],
    )
    assert "'one' and 'two' are the same file" in message


def test_a_study_without_candidates_is_refused(folder: Path) -> None:
    assert "no candidates" in _complaint(folder, candidates=[])
    assert "no candidates" in _complaint(folder, candidates=[{"glob": "models/*.bin"}])


def test_all_windows_are_written_as_the_word_all(folder: Path) -> None:
    corpora = [{"path": "texts", "documents": "files", "windows": "all"}]
    config = parse_config({**_minimal(), "corpora": corpora}, folder)
    assert config.corpora[0].windows is None
    assert 'windows = "all"' in dump_config(config)


def test_a_dumped_study_loads_to_the_same_study(folder: Path) -> None:
    config = parse_config(_minimal(), folder)
    study_toml = folder / "elsewhere.toml"
    study_toml.write_text(dump_config(config), encoding="utf-8")
    assert load_config(study_toml) == config


@pytest.mark.parametrize("content", [b"[study", b"\xff\xfe", b"a = " + b"[" * 5000])
def test_what_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "study.toml").write_bytes(content)
    with pytest.raises(ConfigError, match="is not TOML"):
        load_config(tmp_path / "study.toml")


def test_a_missing_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_config(tmp_path / "study.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


def test_every_field_of_the_records_can_be_asked_for(folder: Path) -> None:
    config = parse_config({**_minimal(), "benchmarks": [{"name": "piqa"}]}, folder)
    text = dump_config(config)
    budgets = {"memory_budget_gb", "size_budget_gb", "bits_per_weight_budget"}
    optional = {"note", "path", "items", "first_scored", "threads", "loading", *budgets}
    for part in (config.corpora[0], config.decision, config.engine, config.floor):
        for field in dataclasses.fields(part):
            assert field.name in optional or f"\n{field.name} = " in text
    assert isinstance(config, StudyConfig)


def test_a_model_may_be_a_folder_and_name_its_engine(folder: Path) -> None:
    (folder / "Qwen-0.5B").mkdir()
    (folder / "Qwen-0.5B" / "config.json").write_text("{}", "utf-8")
    (folder / "empty").mkdir()
    given = {**_minimal(), "reference": {"path": "Qwen-0.5B", "engine": "transformers"}}
    config = parse_config(given, folder)
    assert (config.reference.name, config.reference.engine) == ("Qwen-0.5B", "transformers")
    again = [
        {"path": "Qwen-0.5B", "engine": "llama_cpp", "name": "there", "same_weights": True},
        {"glob": "*-0.5B", "engine": "llama_cpp"},
    ]
    with pytest.raises(ConfigError, match="no candidates"):
        parse_config({**given, "candidates": again[1:]}, folder)
    config = parse_config({**given, "candidates": again[:1]}, folder)
    assert config.candidates[0].same_weights is True
    assert parse_config(tomllib.loads(dump_config(config)), folder) == config
    with pytest.raises(ConfigError, match=r"is a folder without a config\.json"):
        parse_config({**given, "reference": {"path": "empty"}}, folder)
    config = parse_config({**given, "candidates": [{"path": "empty"}]}, folder)
    assert config.candidates[0].name == "empty"


def test_how_transformers_loads_is_asked_for_among_the_engines_settings(folder: Path) -> None:
    asked: dict[str, Any] = {
        "device": "cuda:1",
        "dtype": "bfloat16",
        "device_map": "auto",
        "attention": "eager",
    }
    config = parse_config({**_minimal(), "engine": {**asked, "trust_remote_code": True}}, folder)
    assert config.engine.loading == ModelLoading(**asked, trust_remote_code=True)
    assert 'device_map = "auto"' in dump_config(config)
    assert "trust_remote_code" not in dump_config(parse_config(_minimal(), folder))


def test_a_model_may_be_named_by_its_place_on_a_hub(folder: Path) -> None:
    given = {**_minimal(), "reference": {"path": "hub:org/Some-Model.v1@main"}}
    config = parse_config({**given, "engine": {"download": True}}, folder)
    assert config.reference.path == "hub:org/Some-Model.v1@main"
    assert config.reference.name == "Some-Model.v1"
    assert config.engine.loading.download is True
    assert parse_config(tomllib.loads(dump_config(config)), folder) == config
    for name in ("hub:org", "hub:../x", "hub:a/b/c", "hub:a/../b"):
        with pytest.raises(ConfigError, match="does not exist"):
            parse_config({**given, "reference": {"path": name}}, folder)


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("device", "cuda:1; rm", "`device` must match"),
        ("dtype", "float8", "`dtype` must be"),
        ("attention", "a b", "`attention` must match"),
        ("device_map", "somewhere", "`device_map` must be"),
        ("trust_remote_code", "yes", "`trust_remote_code` must be true or false"),
    ],
)
def test_settings_that_transformers_does_not_know_are_named(
    folder: Path, key: str, value: str, match: str
) -> None:
    with pytest.raises(ConfigError, match=match):
        parse_config({**_minimal(), "engine": {key: value}}, folder)


def _benchmark_study(folder, **benchmark):
    for name in ("r.gguf", "a.gguf", "own.jsonl"):
        (folder / name).touch()
    return parse_config(
        {
            "reference": {"path": "r.gguf"},
            "candidates": [{"path": "a.gguf"}],
            "benchmarks": [benchmark],
        },
        folder,
    )


def test_a_benchmark_answered_in_writing_is_read_and_written_back(tmp_path):
    options = {"max_tokens": 9, "temperature": 0.7, "repeats": 4, "top_k": 40, "top_p": 0.9}
    config = _benchmark_study(tmp_path, path="own.jsonl", kind="generate", **options)
    entry = config.benchmarks[0].generation
    assert entry is not None
    assert {name: getattr(entry, name) for name in options} == options
    assert parse_config(tomllib.loads(dump_config(config)), tmp_path) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "generate", "score": "raw"}, '`score` goes with `kind` = "choice" only'),
        ({"max_tokens": 9}, '`max_tokens` goes with `kind` = "generate" only'),
        ({"kind": "generate", "repeats": 2}, "`repeats` above 1 needs a `temperature`"),
        ({"kind": "generate", "top_p": 1.5}, "`top_p` must be at most 1"),
    ],
)
def test_keys_of_the_other_kind_of_benchmark_are_refused(tmp_path, options, message):
    with pytest.raises(ConfigError) as caught:
        _benchmark_study(tmp_path, path="own.jsonl", **options)
    assert message in caught.value.message


def test_a_benchmark_answered_in_writing_needs_a_file(tmp_path):
    with pytest.raises(ConfigError, match="needs `path`"):
        _benchmark_study(tmp_path, name="mine", kind="generate")


def test_a_built_in_benchmark_knows_its_kind(tmp_path):
    with pytest.raises(ConfigError, match='`kind`: `piqa` is of kind "choice"'):
        _benchmark_study(tmp_path, name="piqa", kind="generate")
