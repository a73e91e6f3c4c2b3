"""What changes the key of a stored part, and what must not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from silentzone.backends.base import EngineSettings
from silentzone.backends.fake import ENGINE
from silentzone.measure import protocol
from silentzone.measure.jobs import ModelJob
from silentzone.measure.parts import floor_windows, model_parts, token_by_token_positions
from silentzone.records.config import FloorEntry
from silentzone.records.models import BackendInfo, away_from

INFO = ENGINE.describe(EngineSettings(threads=1))
ON_THE_CORPUS = {"fidelity on text", "noise floor on text"}
ANSWERS = {"benchmark own", "churn floor on own"}
ON_THE_BENCHMARK = ANSWERS | {"fidelity along own"}


def _keys(job, info=INFO):
    return {part.title: part.key.sha256 for part in model_parts(job, info)}


def _touched(before, after):
    return {title for title in before | after if before.get(title) != after.get(title)}


@pytest.mark.parametrize(
    "change",
    [
        {"context_length": 32},
        {"windows": 4},
        {"windows": None},
        {"select": "spread"},
        {"documents": "headings"},
        {"first_scored": 4},
        {"text_sha256": "0" * 64},
        {"tokenizer_sha256": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_setting_of_a_corpus_changes_what_is_measured_on_it_alone(model_job, corpus, change):
    other = replace(corpus(), name="other")
    before = _keys(model_job(corpora=(corpus(), other)))
    after = _keys(model_job(corpora=(replace(corpus(), **change), other)))
    assert _touched(before, after) == ON_THE_CORPUS


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        ({"headline": "raw"}, ANSWERS),
        ({"items_sha256": "0" * 64}, ON_THE_BENCHMARK),
        ({"divergence": False}, {"fidelity along own"}),
    ],
)
def test_a_setting_of_a_benchmark_changes_what_is_measured_on_it_alone(
    model_job, benchmark, change, touched
):
    other = benchmark(name="other")
    before = _keys(model_job(benchmarks=(benchmark(), other)))
    after = _keys(model_job(benchmarks=(benchmark(**change), other)))
    assert _touched(before, after) == touched


def test_what_is_kept_of_the_reference_is_part_of_its_answers_key(model_job, benchmark):
    """An engine may compute more rows in that pass, and round them otherwise."""
    kept = _keys(model_job(is_reference=True))
    plain = _keys(model_job(is_reference=True, benchmarks=(benchmark(divergence=False),)))
    assert _touched(kept, plain) == ANSWERS | {"reference along own"}
    candidate = _keys(model_job())
    assert {title: plain[title] for title in ANSWERS} == {
        title: candidate[title] for title in ANSWERS
    }


def test_the_references_trace_along_items_does_not_know_how_they_are_scored(model_job, benchmark):
    before = _keys(model_job(is_reference=True))
    after = _keys(model_job(is_reference=True, benchmarks=(benchmark(headline="raw"),)))
    assert _touched(before, after) == ANSWERS


@pytest.mark.parametrize(
    ("floor", "touched"),
    [
        ({"windows": 3}, {"noise floor on text"}),
        ({"token_by_token_positions": 5}, {"noise floor on text"}),
        ({"items": 5}, {"churn floor on own"}),
    ],
)
def test_a_setting_of_the_floor_changes_that_floor_alone(model_job, floor, touched):
    job = model_job()
    after = _keys(replace(job, floor=replace(job.floor, **floor)))
    assert _touched(_keys(job), after) == touched


@pytest.mark.parametrize(
    "change",
    [
        {"threads": 8},
        {"study": "elsewhere"},
        {"path": "elsewhere.json"},
        {"seed": 2},
        {"only_traces": False},
    ],
)
def test_threads_paths_and_seed_change_no_key(model_job, change):
    # a seed decides which items are drawn, and these are part of the key by their hash
    assert _keys(model_job(**change)) == _keys(model_job())


def test_names_change_no_key(model_job, corpus, benchmark):
    job = model_job()
    renamed = replace(
        job,
        model=replace(job.model, name="renamed"),
        corpora=(replace(corpus(), name="text", path="moved.txt"),),
    )
    assert _keys(renamed) == _keys(job)


def test_threads_are_no_setting_of_an_engine():
    one = ENGINE.describe(EngineSettings(threads=1))
    assert ENGINE.describe(EngineSettings(threads=7)) == one
    llama_cpp = pytest.importorskip("silentzone.backends.llama_cpp.engine")
    one = llama_cpp.describe_engine(EngineSettings(threads=1))
    assert llama_cpp.describe_engine(EngineSettings(threads=7)) == one


@pytest.mark.parametrize(
    "info",
    [
        replace(INFO, version="2"),
        replace(INFO, build="other"),
        replace(INFO, device="GPU"),
        replace(INFO, name="other"),
        replace(INFO, settings=(("batch_tokens", "1024"),)),
    ],
)
def test_whatever_an_engine_says_of_itself_changes_every_key(model_job, info):
    job = model_job()
    assert _touched(_keys(job), _keys(job, info)) == ON_THE_CORPUS | ON_THE_BENCHMARK


def test_another_model_changes_every_key_and_another_reference_only_fidelity(model_job):
    job = model_job()
    other = replace(job.model, sha256="0" * 64)
    assert _touched(_keys(job), _keys(replace(job, model=other))) == (
        ON_THE_CORPUS | ON_THE_BENCHMARK
    )
    assert _touched(_keys(job), _keys(replace(job, reference=other))) == {
        "fidelity on text", "fidelity along own",
    }  # fmt: skip


@pytest.mark.parametrize("version", ["METRICS_VERSION", "SCORING_VERSION"])
def test_new_arithmetic_makes_new_parts(model_job, monkeypatch, version):
    job = model_job()
    before = _keys(job)
    monkeypatch.setattr(protocol, version, 99)
    by_metrics = ON_THE_CORPUS | {"fidelity along own"}
    expected = by_metrics if version == "METRICS_VERSION" else ANSWERS
    assert _touched(before, _keys(job)) == expected


def test_other_calls_of_an_engine_make_new_answers_of_that_engine_alone(model_job, monkeypatch):
    job, other = model_job(), replace(INFO, name="other")
    away = away_from(INFO, other)
    before = [_keys(job, info) for info in (INFO, other, away)]
    monkeypatch.setitem(protocol.CALLS_VERSIONS, "other", 7)
    touched = [
        _touched(keys, _keys(job, info))
        for keys, info in zip(before, (INFO, other, away), strict=True)
    ]
    assert touched == [set(), ON_THE_BENCHMARK, ON_THE_BENCHMARK]
    (named,) = (_fields(p.key) for p in model_parts(job, away) if p.title == "benchmark own")
    assert (named["model_engine_calls_version"], "engine_calls_version" in named) == ("7", False)


def test_only_fields_of_the_model_differ_between_two_candidates(model_job):
    job = model_job()
    other = replace(job, model=replace(job.model, sha256="0" * 64))
    for mine, theirs in zip(model_parts(job, INFO), model_parts(other, INFO), strict=True):
        differing = {
            name
            for (name, value), (_, another) in zip(
                mine.key.protocol, theirs.key.protocol, strict=True
            )
            if value != another
        }
        assert differing == {"model_sha256"}


def test_the_reference_has_a_trace_in_place_of_fidelity(model_job):
    titles = [part.title for part in model_parts(model_job(is_reference=True), INFO)]
    assert titles == [
        "reference on text", "noise floor on text", "reference along own", "benchmark own",
        "questions of own", "churn floor on own",
    ]  # fmt: skip


def test_traces_alone_are_those_and_the_answers_of_their_decode(model_job, benchmark):
    own, other = benchmark(), benchmark(name="other", divergence=False)
    job = model_job(is_reference=True, only_traces=True, benchmarks=(own, other))
    parts = model_parts(job, INFO)
    assert [part.title for part in parts] == [
        "reference on text", "reference along own", "benchmark own",
        "questions of own",
    ]  # fmt: skip
    assert parts[1].decode == parts[2].decode != parts[0].decode


def test_only_answers_and_what_is_seen_along_them_share_a_decode(model_job):
    for job in (model_job(), model_job(is_reference=True)):
        shared: dict[str, list[str]] = {}
        for part in model_parts(job, INFO):
            shared.setdefault(part.decode, []).append(part.key.kind)
        together = [kinds for kinds in shared.values() if len(kinds) > 1]
        assert len(together) == 1
        assert set(together[0]) in (
            {"items", "prompts"},
            {"items", "item_trace", "questions"},
        )


def test_a_floor_that_is_not_asked_for_is_no_part(model_job):
    nothing = FloorEntry(windows=0, token_by_token_positions=0, items=0)
    assert set(_keys(model_job(floor=nothing))) == {
        "fidelity on text", "benchmark own", "fidelity along own",
    }  # fmt: skip


def test_single_tokens_are_decoded_on_the_first_corpus_only(model_job, corpus):
    second = replace(corpus(), name="second")
    job = model_job(corpora=(corpus(), second))
    assert [token_by_token_positions(job, one) for one in job.corpora] == [3, 0]
    assert [floor_windows(job, one) for one in job.corpora] == [2, 2]
    first_only = replace(job, floor=replace(job.floor, corpora="first"))
    assert [floor_windows(first_only, one) for one in job.corpora] == [2, 0]
    assert "noise floor on second" not in _keys(first_only)


@pytest.mark.parametrize(("first_scored", "lead"), [(512, None), (513, "512")])
def test_a_floor_is_known_by_how_much_before_it_is_decoded_singly(
    model_job, corpus, first_scored, lead
):
    long = replace(corpus(), context_length=2048, first_scored=first_scored)
    job = model_job(corpora=(long,))
    key = protocol.floors_key(job.model, long, INFO, 2, 3)
    assert dict(key.protocol).get("floor_lead") == lead
    assert "floor_lead" not in dict(protocol.floors_key(job.model, long, INFO, 2, 0).protocol)


def test_every_part_costs_something(model_job, corpus):
    for job in (model_job(), model_job(is_reference=True, corpora=(corpus(windows=None),))):
        assert all(part.cost > 0 for part in model_parts(job, INFO))


def test_how_a_model_is_run_is_part_of_all_that_is_measured_of_it(model_job):
    job = model_job()
    run_as = (("attention", "sdpa"), ("unpacked_by", "packer 1.0"))
    told = replace(job, model=replace(job.model, run_as=run_as))
    assert _touched(_keys(job), _keys(told)) == set(_keys(job))
    for part, own in zip(model_parts(told, INFO), model_parts(job, INFO), strict=True):
        added = set(part.key.protocol) - set(own.key.protocol)
        assert added == {("model_attention", "sdpa"), ("model_unpacked_by", "packer 1.0")}
    newer = replace(job, model=replace(job.model, run_as=(run_as[0], ("unpacked_by", "packer 2"))))
    assert _touched(_keys(told), _keys(newer)) == set(_keys(job))


def test_how_the_reference_is_run_is_part_of_what_is_held_against_it(model_job):
    def with_run_as(job):
        reference = replace(job.reference, run_as=(("attention", "eager"),))
        return replace(job, reference=reference, model=reference if job.is_reference else job.model)

    job, own = model_job(), model_job(is_reference=True)
    assert _touched(_keys(job), _keys(with_run_as(job))) == {
        "fidelity on text",
        "fidelity along own",
    }
    touched = _touched(_keys(own), _keys(with_run_as(own)))
    assert touched == set(_keys(own)) - {"questions of own"}


def test_a_job_survives_its_way_to_the_worker(model_job):
    job = model_job()
    told = replace(job.model, provenance=(("by", "nobody"),), run_as=(("attention", "sdpa"),))
    job = replace(job, model=told)
    assert type(job).from_json(job.to_json()) == job


def test_types_of_the_cache_name_the_model_in_every_key_and_make_a_lane_of_their_own(model_job):
    job = model_job(is_reference=False)
    cached = replace(job, model=replace(job.model, cache_k="q8_0"))
    assert (job.model.lane, cached.model.lane) == ("serving", "kv-cache")
    assert set(_touched(_keys(job), _keys(cached))) == set(_keys(job))
    for part, own in zip(model_parts(cached, INFO), model_parts(job, INFO), strict=True):
        named, usual = dict(part.key.protocol), dict(own.key.protocol)
        added = {name: value for name, value in named.items() if usual.get(name) != value}
        lane = {"lane": "kv-cache"} if "lane" in usual else {}
        assert added == {
            "model_lane": "kv-cache", "model_cache_k": "q8_0", "model_cache_v": "None", **lane
        }  # fmt: skip


def test_a_file_as_it_is_served_has_the_keys_it_always_had(model_job):
    for part in model_parts(model_job(is_reference=False), INFO):
        protocol_ = dict(part.key.protocol)
        assert not any(name.startswith("model_") and "pass" not in name and name != "model_sha256"
                       for name in protocol_)  # fmt: skip
        assert protocol_.get("lane", "serving") == "serving"


HOME = BackendInfo(name="home", version="1", build="b", device="CPU", settings=(("dtype", "f32"),))


def _fields(key):
    return dict(key.protocol)


def test_a_model_in_another_engine_is_keyed_by_both_and_agrees_in_the_references(model_job):
    away = away_from(HOME, INFO)
    (own, at_home) = (
        {part.title: _fields(part.key) for part in model_parts(model_job(), info)}
        for info in (away, HOME)
    )
    for title, fields in own.items():
        assert (fields["engine"], fields["model_engine"]) == ("home", "fake")
        assert fields["engine_dtype"] == "f32"
        assert fields["model_engine_version"] == INFO.version
        shared = {name: value for name, value in fields.items() if not name.startswith("model_")}
        known = at_home[title]
        assert shared == {name: value for name, value in known.items() if name in shared}
        assert all(name.startswith("model_") for name in set(known) - set(shared))


def test_the_references_own_parts_are_those_of_its_engine_whoever_reads_them(model_job, corpus):
    reference = model_job().reference
    away = away_from(HOME, INFO)
    assert protocol.trace_key(reference, corpus(), away) == protocol.trace_key(
        reference, corpus(), HOME
    )


def test_one_engine_for_all_leaves_every_key_as_it_is():
    assert away_from(INFO, INFO) == INFO
    assert away_from(None, INFO) == INFO


def test_a_job_keeps_the_references_engine_on_its_way_to_the_worker(model_job):
    job = model_job(home=HOME, reference_backend="home")
    assert ModelJob.from_json(json.loads(json.dumps(job.to_json()))) == job
