from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from silentzone.errors import ConfigError
from silentzone.records.config import (
    BenchmarkEntry,
    CorpusEntry,
    DecisionEntry,
    EngineEntry,
    FloorEntry,
    ModelEntry,
    ModelLoading,
    StudyConfig,
)
from silentzone.studies.config import dump_config, parse_config

_names = (
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
    .filter(lambda name: not set(name) & {"/", "\\"} and name not in {".", ".."})
    .map(lambda name: name + ' "x"')
)
_notes = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_counts = st.integers(1, 10**6)
_proportions = st.floats(1e-9, 0.49)


_LOADINGS = st.builds(
    ModelLoading,
    device=st.sampled_from(["auto", "cpu", "cuda", "cuda:3"]),
    dtype=st.sampled_from(["auto", "float32", "bfloat16", "float16"]),
    attention=st.sampled_from(["auto", "sdpa", "eager", "flash_attention_2"]),
    device_map=st.sampled_from([None, "auto", "balanced"]),
    trust_remote_code=st.booleans(),
)


@st.composite
def _studies(draw: st.DrawFn, folder: Path) -> StudyConfig:
    names = draw(st.lists(_names, min_size=2, max_size=4, unique_by=lambda name: name.casefold()))
    models = []
    for number, name in enumerate(names):
        path = folder / f"{number}.gguf"
        path.touch()
        own: dict[str, Any] = {
            key: draw(st.none() | st.sampled_from(["f16", "q8_0", "q4_0"]))
            for key in ("cache_k", "cache_v")
            if number  # a reference has its engine's own
        }
        own["engine"] = draw(st.none() | st.sampled_from(["llama_cpp", "transformers"]))
        if number:
            own["same_weights"] = draw(st.none() | st.booleans())
        models.append(ModelEntry(name=name, path=str(path), note=draw(_notes), **own))
    context_length = draw(st.integers(16, 4096))
    corpus = CorpusEntry(
        name=draw(_names),
        path=str(folder),
        context_length=context_length,
        windows=draw(st.none() | _counts),
        select=draw(st.sampled_from(["first", "spread"])),
        documents=draw(st.sampled_from(["none", "files", "headings"])),
        first_scored=draw(st.none() | st.integers(1, context_length - 1)),
    )
    margins = sorted(draw(st.tuples(_proportions, _proportions)))
    batches = sorted(draw(st.tuples(st.integers(1, 2**20), st.integers(1, 2**20))))
    return StudyConfig(
        name=draw(_names),
        seed=draw(st.integers(0, 2**63 - 1)),
        reference=models[0],
        candidates=tuple(models[1:]),
        corpora=(corpus,),
        benchmarks=draw(
            st.just(())
            | st.builds(
                lambda name, items, divergence: (
                    BenchmarkEntry(name=name, items=items, score="raw", divergence=divergence),
                ),
                _names,
                st.none() | _counts,
                st.booleans(),
            )
        ),
        decision=DecisionEntry(
            margin=margins[0],
            guard_margin=margins[1],
            alpha=draw(_proportions),
            method=draw(st.sampled_from(["fixed sequence", "Holm"])),
            size_budget_gb=draw(st.none() | st.floats(1e-3, 1e5)),
            bits_per_weight_budget=draw(st.none() | st.floats(0.5, 99)),
            memory_budget_gb=draw(st.none() | st.floats(1e-3, 1e5)),
        ),
        engine=EngineEntry(
            threads=draw(st.none() | st.integers(1, 512)),
            batch_tokens=batches[1],
            micro_batch_tokens=batches[0],
            gpu_layers=draw(st.integers(-1, 99)),
            loading=draw(_LOADINGS),
        ),
        floor=FloorEntry(windows=draw(_counts), items=draw(_counts)),
    )


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_dumped_study_parses_back_to_itself(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = data.draw(_studies(folder))
        assert parse_config(tomllib.loads(dump_config(config)), folder) == config


_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "path", "glob", "seed", "windows", "margin", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_sections = st.sampled_from(
    ["study", "reference", "candidates", "corpora", "benchmarks", "decision", "engine", "floor"]
)


@given(st.dictionaries(_sections, _values))
@settings(max_examples=200, deadline=None)
def test_no_study_without_models_is_ever_accepted(mapping: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            parse_config(mapping, Path(folder))
        except ConfigError:
            return
    raise AssertionError(mapping)
