"""Engines by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from silentzone.backends import registry
from silentzone.backends.base import EngineSettings
from silentzone.backends.fake import ENGINE
from silentzone.backends.llama_cpp import entry
from silentzone.backends.registry import engine_named
from silentzone.errors import ConfigError, MissingExtraError


def test_built_in_engines_are_found_by_name():
    assert engine_named("fake") is ENGINE
    assert engine_named("llama_cpp") is entry.ENGINE


def test_a_name_close_to_an_engine_is_suggested():
    with pytest.raises(ConfigError, match="there is no backend `llama-cpp`") as caught:
        engine_named("llama-cpp")
    assert caught.value.hint == "did you mean `llama_cpp`?"


def test_another_name_is_answered_with_all():
    with pytest.raises(ConfigError, match="there is no backend `zzz`") as caught:
        engine_named("zzz")
    assert caught.value.hint == "there are: fake, llama_cpp, transformers"


def _only(monkeypatch, value):
    point = EntryPoint(name="their_engine", value=value, group=registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda *, group: [point])


def test_an_engine_whose_package_is_missing_names_the_extra(monkeypatch):
    _only(monkeypatch, "no_such_package_of_theirs.engine:ENGINE")
    with pytest.raises(MissingExtraError, match="needs `no_such_package_of_theirs`") as caught:
        engine_named("their_engine")
    assert caught.value.hint == 'pip install "silentzone[their-engine]"'


def test_an_entry_point_that_is_no_engine_is_refused(monkeypatch):
    _only(monkeypatch, "json:dumps")
    with pytest.raises(
        ConfigError, match=r"`their_engine` of `silentzone\.backends` does not give"
    ):
        engine_named("their_engine")


def test_llama_cpp_without_its_library_names_the_command(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(MissingExtraError, match="needs `llama-cpp-python`") as caught:
        entry.ENGINE.describe(EngineSettings(threads=1))
    assert caught.value.hint is not None
    assert caught.value.hint.startswith('pip install "silentzone[llama-cpp]"')
