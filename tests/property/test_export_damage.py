"""Whatever stands in analysis.json: every format writes it, or says in words why not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.report import hostile, synthetic

from silentzone.errors import SilentzoneError
from silentzone.exporters.answer_tables import KINDS, answer_rows
from silentzone.exporters.formats.tables import ARROW
from silentzone.exporters.registry import FORMATS
from silentzone.exporters.study import Study
from silentzone.exporters.writing import ExportOptions, TextFormat
from silentzone.store.answers import check

_READ = (
    "source", "study", "reference", "candidates", "corpora", "benchmarks", "fidelity", "scores",
    "decomposition", "relations", "headline",
)  # fmt: skip
_FORMATS = [one for one in FORMATS.values() if isinstance(one, TextFormat)]
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**63])
    | st.floats()
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


def _small(whole: dict[str, Any]) -> dict[str, Any]:
    """Few rows of each section, so that a random place is one that matters."""
    return {name: one[:3] if isinstance(one, list) else one for name, one in whole.items()}


ANALYSES = [_small(synthetic.analysis()), _small(hostile.analysis())]


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [place, *(one for key, inner in items for one in _places(inner, (*place, key)))]


PLACES = [
    [(name, *rest) for name in _READ if name in whole for rest in _places(whole[name])]
    for whole in ANALYSES
]


def _study(analysis: dict[str, Any]) -> Study:
    study = Study(Path("nowhere"))
    vars(study)["answers"] = check(json.loads(json.dumps(analysis)))
    return study


def _export(study: Study, form: TextFormat, options: ExportOptions) -> None:
    text = "".join(form.render(study, options).chunks)
    assert text.endswith("\n")
    assert "\0" not in text


@pytest.mark.parametrize("which", [0, 1])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_value_anywhere_is_written_or_refused_in_words(which, data):
    whole = copy.deepcopy(ANALYSES[which])
    *path, last = data.draw(st.sampled_from(PLACES[which]))
    holder: Any = whole
    for key in path:
        holder = holder[key]
    holder[last] = data.draw(_json)
    model = data.draw(st.sampled_from([None, ANALYSES[which]["candidates"][0]["name"]]))
    try:
        study = _study(whole)
    except SilentzoneError:
        return
    for form in _FORMATS:
        options = ExportOptions(model=model if "model" in form.options else None)
        try:
            _export(study, form, options)
        except SilentzoneError:
            continue
    for name in KINDS:
        try:
            rows = list(answer_rows(study, name))
        except SilentzoneError:
            continue
        fields = [(column, ARROW[kind]()) for column, kind in KINDS[name].columns.items()]
        assert pa.Table.from_pylist(rows, pa.schema(fields)).num_rows == len(rows)
