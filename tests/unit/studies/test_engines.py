"""Which engine runs a model, and where a model on a hub is found."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from silentzone.backends.transformers.hub import located
from silentzone.errors import AssetUnavailableError, ConfigError, MissingExtraError
from silentzone.records.config import EngineEntry, ModelEntry, ModelLoading, StudyConfig
from silentzone.studies.engines import Engines


def _engines(path, *, backend="fake", **loading):
    config = StudyConfig(
        name="s",
        seed=1,
        reference=ModelEntry(name="ref", path=str(path)),
        candidates=(),
        corpora=(),
        engine=EngineEntry(backend=backend, loading=ModelLoading(**loading)),
    )
    return Engines(config)


def _entry(path, engine=None):
    return ModelEntry(name="a", path=str(path), engine=engine)


def test_a_folder_goes_to_transformers_and_everything_else_to_the_studys_engine(tmp_path):
    (tmp_path / "config.json").write_text("{}", "utf-8")
    engines = _engines("ref.json")
    assert engines.of(_entry("x.gguf")).name == "fake"
    assert engines.of(_entry("x.gguf", "llama_cpp")).name == "llama_cpp"
    assert engines.of(_entry(tmp_path)).name == "transformers"
    assert engines.of(_entry("hub:org/name")).name == "transformers"
    assert engines.is_elsewhere(_entry(tmp_path))
    assert not engines.is_elsewhere(_entry("x.gguf"))


def _hub(monkeypatch, download):
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=download))


@pytest.mark.parametrize("fetch", [True, False])
def test_the_hub_is_asked_only_where_that_is_allowed(monkeypatch, tmp_path, fetch):
    asked = []

    def download(name, **options):
        asked.append((name, options))
        return str(tmp_path)

    _hub(monkeypatch, download)
    entry = _engines("hub:org/ref", download=fetch).located(_entry("hub:org/name@v2"))
    assert (entry.path, entry.engine) == (str(tmp_path), "transformers")
    ((name, options),) = asked
    assert (name, options["revision"]) == ("org/name", "v2")
    assert options["local_files_only"] is not fetch
    assert not any(pattern in options["allow_patterns"] for pattern in ("*", "*.bin", "*.pt"))
    assert _engines("ref.json").located(_entry("x.gguf")) == _entry("x.gguf")


@pytest.mark.parametrize(("fetch", "hint"), [(True, "reachable"), (False, "`download = true`")])
def test_a_model_that_is_not_there_is_a_sentence(monkeypatch, fetch, hint):
    def download(_name, **_options):
        raise OSError("no such snapshot")

    _hub(monkeypatch, download)
    with pytest.raises(AssetUnavailableError, match="`hub:a/b` is not there: no such") as caught:
        located("hub:a/b", fetch=fetch)
    assert hint in str(caught.value.hint)


def test_without_the_package_a_hub_is_not_known(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match="needs `huggingface_hub`"):
        located("hub:a/b", fetch=True)


def test_settings_that_no_model_of_the_study_heeds_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="sets `device`, `dtype` for transformers, and no model"):
        _engines("ref.gguf", backend="llama_cpp", dtype="float32", device="cpu")
    (tmp_path / "config.json").write_text("{}", "utf-8")
    assert _engines(tmp_path, backend="llama_cpp", dtype="float32")
