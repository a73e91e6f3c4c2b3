"""What is found out of the models before anything is measured."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from silentzone.backends.base import EngineSettings
from silentzone.backends.fake import ENGINE
from silentzone.errors import MissingExtraError, ModelFileError
from silentzone.records.config import CorpusEntry, EngineEntry, ModelEntry, StudyConfig
from silentzone.studies import encodings, inspection
from silentzone.studies.inspection import _file_bytes, inspect_models
from silentzone.studies.progress import SilentProgress


class OneEngine:
    """The same engine for every model, or others for those named."""

    def __init__(self, engine, **others):
        self._engine, self._others = engine, others

    def of(self, entry):
        return self._others.get(entry.name, self._engine)

    def located(self, entry):
        return entry

    def info(self, entry):
        return self.of(entry).describe(EngineSettings(threads=1))

    def run_as(self, entry):
        engine = self.of(entry)
        return () if engine.run_as is None else engine.run_as(entry.path, None)

    def is_elsewhere(self, entry):
        return self.of(entry).name != self._engine.name


@pytest.fixture
def inspect(tmp_path):
    """Inspect fake models; each keyword is a model and what its file says (or its text)."""

    def run(*, engine=ENGINE, progress=None, engines=None, **models):
        entries = []
        for name, content in models.items():
            path = tmp_path / f"{name}.json"
            if isinstance(content, dict):
                content = json.dumps({"fake_model": 1, "seed": 7, **content})
            if content is not None:
                path.write_text(content, "utf-8")
            entries.append(ModelEntry(name=name, path=str(path)))
        config = StudyConfig(
            name="s",
            seed=1,
            reference=entries[0],
            candidates=tuple(entries[1:]),
            corpora=(CorpusEntry(name="text", path="text.txt"),),
            engine=EngineEntry(backend="fake"),
        )
        given: Any = engines or OneEngine(engine)
        return inspect_models(config, given, progress or SilentProgress())

    return run


def test_models_that_fit_are_usable(inspect):
    cohort = inspect(ref={}, a={"noise": 0.1}, b={"noise": 0.2})
    assert [model.ref.name for model in cohort.usable] == ["a", "b"]
    assert cohort.unusable == ()
    assert all(model.cautions == [] for model in (cohort.reference, *cohort.candidates))
    assert all(model.failure is None for model in cohort.candidates)


def test_another_vocabulary_names_both_models_and_sizes(inspect):
    (model,) = inspect(ref={}, a={"vocabulary": 300}).candidates
    assert model.status == "failed"
    assert model.failure == (
        "`a` has 300 vocabulary entries and the reference `ref` has 257; they cannot be compared"
    )


def test_another_tokenizer_names_both_models(inspect):
    cohort = inspect(ref={}, a={"tokenizer": "pieces"}, b={"noise": 0.1})
    model = cohort.candidates[0]
    assert model.failure is not None
    assert "`a` has another tokenizer than the reference `ref`" in model.failure
    assert [one.ref.name for one in cohort.usable] == ["b"]


def test_a_file_that_cannot_be_read_is_recorded_and_the_others_stand(inspect):
    cohort = inspect(ref={}, bad="{", gone=None, good={"noise": 0.1})
    assert [one["model"] for one in cohort.unusable] == ["bad", "gone"]
    assert [one["part"] for one in cohort.unusable] == ["file", "file"]
    assert "bad.json` is not a fake model file" in cohort.unusable[0]["cause"]
    assert "gone.json` does not exist" in cohort.unusable[1]["cause"]
    assert [model.ref.name for model in cohort.usable] == ["good"]


def test_a_reference_that_cannot_be_read_is_raised(inspect):
    with pytest.raises(ModelFileError, match=r"ref\.json` is not a fake model file"):
        inspect(ref="{", a={})


def test_a_quantized_reference_is_cautioned(inspect):
    cohort = inspect(ref={"quantized": True}, a={"quantized": True, "noise": 0.1})
    (caution,) = cohort.reference.cautions
    assert caution.startswith("the reference is itself quantized (noise 0.0)")
    assert cohort.candidates[0].cautions == []


def test_a_candidate_that_is_run_otherwise_than_the_reference_is_cautioned(inspect):
    def run_as(path, settings):
        return (("attention", "eager" if "a.json" in path else "sdpa"),)

    cohort = inspect(
        engine=replace(ENGINE, run_as=run_as), ref={}, a={"noise": 0.1}, b={"noise": 0.2}
    )
    models = (cohort.reference, *cohort.candidates)
    assert [dict(one.ref.run_as)["attention"] for one in models] == ["sdpa", "eager", "sdpa"]
    assert [len(one.cautions) for one in models] == [0, 1, 0]
    assert "its attention is `eager` and the reference's `sdpa`" in cohort.candidates[0].cautions[0]


def test_a_cache_is_known_by_the_package_that_rounds_it(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"fake_model": 1, "seed": 7}), "utf-8")
    kind = ENGINE.cache_types[0]
    plain = ModelEntry(name="plain", path=str(path))
    cached = ModelEntry(name="cached", path=str(path), cache_k=kind, cache_v=kind)
    config = StudyConfig(
        name="s",
        seed=1,
        reference=plain,
        candidates=(cached,),
        corpora=(CorpusEntry(name="text", path="text.txt"),),
        engine=EngineEntry(backend="fake"),
    )
    engine = replace(ENGINE, cache_rounded_by=lambda asked: f"packer of {asked} 1.0")
    given: Any = OneEngine(engine)
    cohort = inspect_models(config, given, SilentProgress())
    assert cohort.reference.ref.run_as == ()
    assert cohort.candidates[0].ref.run_as == (("cache_rounded_by", f"packer of {kind} 1.0"),)


def test_activations_that_are_not_rounded_here_are_cautioned(inspect):
    def run_as(path, settings):
        return (("activations", "not rounded: fp8 is expanded on a processor"),)

    cohort = inspect(engine=replace(ENGINE, run_as=run_as), ref={}, a={"noise": 0.1})
    for model in (cohort.reference, *cohort.candidates):
        assert model.cautions == [
            "activations are not rounded: fp8 is expanded on a processor; where its own kernels "
            "run they are"
        ]


def test_files_of_one_content_name_each_other(inspect):
    cohort = inspect(ref={"noise": 0}, a={"noise": 0.1}, b={"noise": 0.1}, same={"noise": 0})
    cautions = {model.ref.name: model.cautions for model in cohort.candidates}
    assert cautions == {
        "a": ["has the same content as b"],
        "b": ["has the same content as a"],
        "same": ["has the same content as ref"],
    }
    assert cohort.reference.cautions == ["has the same content as same"]
    assert len(cohort.usable) == 3


def test_an_unknown_need_of_memory_is_said_with_its_reason(inspect):
    engine = replace(ENGINE, memory_bytes=lambda path, length: (None, "recurrent layers"))
    model = inspect(engine=engine, ref={}, a={"noise": 0.1}).candidates[0]
    assert model.memory_bytes is None
    assert model.cautions == ["memory need not known: recurrent layers"]
    assert model.to_json()["memory_bytes"] is None


def test_progress_counts_the_bytes_of_every_file(inspect):
    told = []

    class Listener(SilentProgress):
        def begin(self, key, title, total, unit):
            told.append((key, total))

        def advance(self, key, done):
            told.append((key, done))

    models = inspect(progress=Listener(), ref={}, a={"noise": 0.1}, bad="{")
    reference = models.reference.ref.file_bytes
    both = reference + models.candidates[0].ref.file_bytes
    (_, total), *advances = told
    assert total == both + 1, "a damaged file counts as well"
    assert sorted({done for _, done in advances}) == [reference, both, both + 1]


def test_progress_knows_the_bytes_of_all_shards(tmp_path):
    for number in (1, 2, 3):
        (tmp_path / f"m-0000{number}-of-00003.gguf").write_bytes(b"x" * number)
    assert _file_bytes(tmp_path / "m-00001-of-00003.gguf") == 6
    assert _file_bytes(tmp_path / "m-00002-of-00003.gguf") == 2
    assert _file_bytes(tmp_path / "absent.gguf") == 0


def test_failures_of_one_model_are_told_together(inspect):
    model = inspect(ref={}, a={"noise": 0.1}).candidates[0]
    model.fail("first", status="partial")
    model.fail("second")
    assert (model.status, model.failure) == ("failed", "first; second")
    assert model.to_json()["failure"] == "first; second"
    assert model.to_json()["path_name"] == "a.json"


def _encoding(monkeypatch, **changed):
    """An engine beside the fake one, whose encodings come out as told; no process is started."""
    other = replace(ENGINE, name="other", encode=lambda _path, _texts: [])
    home = replace(ENGINE, encode=lambda _path, _texts: [])

    def hashes(_self, engine, path, _sha256):
        return [changed.get(path.stem, "same")] * len(encodings.PROBES)

    monkeypatch.setattr(encodings.Encodings, "_of", hashes)
    monkeypatch.setattr(inspection, "_texts", lambda _config: {})
    return OneEngine(home, a=other)


def test_another_tokenizer_file_that_encodes_alike_is_the_same_tokenizer(inspect, monkeypatch):
    engines = _encoding(monkeypatch)
    cohort = inspect(engines=engines, ref={}, a={"tokenizer": "pieces"}, b={"tokenizer": "x"})
    wanted = cohort.reference.ref.tokenizer_sha256
    assert [model.failure for model in cohort.candidates] == [None, None]
    assert {model.ref.tokenizer_sha256 for model in cohort.candidates} == {wanted}
    assert [model.ref.engine for model in cohort.candidates] == ["other", None]


def test_the_same_file_that_encodes_otherwise_in_another_engine_is_refused(inspect, monkeypatch):
    (model,) = inspect(engines=_encoding(monkeypatch, a="differs"), ref={}, a={}).candidates
    assert model.status == "failed"
    assert '`a` in other encodes the probe "The quick brown fox' in model.failure
    assert "otherwise than the reference `ref` in fake" in model.failure


def test_the_references_weights_in_another_engine_are_a_lane_of_their_own(inspect, monkeypatch):
    cohort = inspect(engines=_encoding(monkeypatch), ref={}, a={}, b={"noise": 0.1})
    assert [(one.ref.lane, one.ref.engine) for one in cohort.candidates] == [
        ("engine", "other"), ("serving", None)]  # fmt: skip
    assert cohort.candidates[0].cautions == []


def test_an_engine_that_is_not_installed_costs_its_candidates_alone(inspect, monkeypatch):
    class Missing(OneEngine):
        def info(self, entry):
            if entry.name == "a":
                raise MissingExtraError("the backend `other` needs `torch`")
            return super().info(entry)

    cohort = inspect(engines=Missing(ENGINE), ref={}, a={}, b={"noise": 0.1})
    assert [model.ref.name for model in cohort.usable] == ["b"]
    assert "needs `torch`" in cohort.unusable[0]["cause"]
