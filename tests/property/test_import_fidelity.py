"""Damaged and invented files of fidelity: a message or every number, never a traceback or a part.

A file is damaged byte by byte, and JSON is changed value by value. What is read all the same must
have every model of the whole file, and no number that is not finite.
"""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools import kld_sweep, mlx_kld, mlx_quant_fidelity, qbench

if TYPE_CHECKING:
    from silentzone.importers.reading import Format
    from silentzone.records.imported import Imported

GOLDEN = Path(__file__).parents[1] / "golden" / "imports"
FILES = [
    (mlx_kld.FORMAT, GOLDEN / "mlx_kld" / "q4.json"),
    (mlx_quant_fidelity.FORMAT, GOLDEN / "mlx_quant_fidelity" / "weights.json"),
    (mlx_quant_fidelity.FORMAT, GOLDEN / "mlx_quant_fidelity" / "comparison.json"),
    (mlx_quant_fidelity.FORMAT, GOLDEN / "mlx_quant_fidelity" / "kv.json"),
    (qbench.FORMAT, GOLDEN / "qbench" / "fp32" / "results.json"),
    (kld_sweep.FORMAT, GOLDEN / "kld_sweep" / "eight.csv"),
    (kld_sweep.FORMAT, GOLDEN / "kld_sweep" / "four.csv"),
]
JSON_FILES = [(form, path) for form, path in FILES if path.suffix == ".json"]
SIDECARS = sorted((GOLDEN / "qbench" / "fp32" / "qbench").rglob("*"))

_often = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


def _read(form: Format, path: Path, *companions: Path) -> Imported | None:
    """What a file gives, null where it is refused; anything but a TableError is a failure."""
    form.find([path, *companions])
    try:
        return form.read(Bundle(main=path, companions=companions), ImportOptions())
    except TableError as error:
        message = error.message
    assert any(one.name in message for one in (path, *companions))
    return None


def _require_sound(imported: Imported) -> None:
    for row in imported.fidelity:
        for key, stated in row.metrics.items():
            assert key
            for number in (stated.value, stated.standard_error):
                assert number is None or math.isfinite(number)
            assert (stated.value is not None) == (stated.status == "ok")
        assert row.model.strip()
        json.dumps([row.full_protocol, dict(row.about)]).encode("ascii")
        "".join([row.model, row.corpus, *row.about.values()]).encode("utf-8")
    for model in imported.models:
        assert model.file_bytes is None or model.file_bytes > 0


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    return [place, *(one for key, inner in items for one in _places(inner, (*place, key)))]


def _replaced(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    whole = copy.deepcopy(value)
    inner = whole
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = new
    return whole


@pytest.mark.parametrize(("form", "path"), FILES, ids=lambda one: getattr(one, "name", None))
@_often
@given(data=st.data())
def test_a_cut_file_is_refused_or_whole(tmp_path, form, path, data):
    content = path.read_bytes()
    whole = _read(form, path)
    assert whole is not None
    cut = data.draw(st.integers(0, len(content) - 1))
    (tmp_path / path.name).write_bytes(content[:cut])
    found = _read(form, tmp_path / path.name)
    if path.suffix == ".json":
        # JSON says where it ends; what may be missing is the last line's end.
        assert found is None or content[cut:].strip() == b""
    elif found is not None:
        # A CSV cut between its lines is a shorter CSV; within a line, the number may be shorter.
        _require_sound(found)
        assert len(found.fidelity) == content[:cut].rstrip(b"\r\n").count(b"\n")
        is_cut = not content[:cut].endswith((b"\n", b"\r"))
        assert any("may be cut off" in note for note in found.notes) == is_cut


@pytest.mark.parametrize(("form", "path"), FILES, ids=lambda one: getattr(one, "name", None))
@_often
@given(data=st.data())
def test_a_changed_byte_is_refused_or_read_whole(tmp_path, form, path, data):
    content = bytearray(path.read_bytes())
    whole = _read(form, path)
    assert whole is not None
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / path.name).write_bytes(bytes(content))
    found = _read(form, tmp_path / path.name)
    if found is not None:
        _require_sound(found)
        if path.suffix == ".json":
            lost = len(whole.fidelity) - len(found.fidelity)
            assert lost == 0 or _said_to_be_lost(found) >= lost


def _said_to_be_lost(imported: Imported) -> int:
    """Models of a file that are not candidates, by its own words: the tool failed, or a group."""
    return sum("has no result of it" in note for note in imported.notes) + 2


@pytest.mark.parametrize(("form", "path"), JSON_FILES, ids=lambda one: getattr(one, "name", None))
@_often
@given(data=st.data())
def test_any_value_anywhere_is_refused_or_sound(tmp_path, form, path, data):
    value = json.loads(path.read_text())
    place = data.draw(st.sampled_from(_places(value)))
    changed = _replaced(value, place, data.draw(_json))
    (tmp_path / path.name).write_text(json.dumps(changed))
    found = _read(form, tmp_path / path.name)
    if found is not None:
        _require_sound(found)


@pytest.mark.parametrize("form", {form.name: form for form, _ in FILES}.values())
@_often
@given(content=st.binary(max_size=200) | _json.map(lambda one: json.dumps(one).encode()))
def test_invented_files_are_refused(tmp_path, form, content):
    path = tmp_path / "results_x.json"
    path.write_bytes(content)
    assert _read(form, path) is None


@_often
@given(data=st.data())
def test_damage_to_the_cache_is_refused_or_gives_the_same_numbers(tmp_path, data):
    files = {one.relative_to(GOLDEN): one for one in SIDECARS if one.is_file()}
    victim = data.draw(st.sampled_from(sorted(files)))
    for place, source in files.items():
        content = bytearray(source.read_bytes())
        if place == victim:
            at = data.draw(st.integers(0, len(content) - 1))
            if data.draw(st.booleans()):
                content = content[:at]
            else:
                content[at] = data.draw(st.integers(0, 255))
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(bytes(content))
    main = GOLDEN / "qbench" / "fp32" / "results.json"
    whole = _read(qbench.FORMAT, main)
    found = _read(qbench.FORMAT, main, *(tmp_path / place for place in sorted(files)))
    assert whole is not None
    if found is not None:
        _require_sound(found)
        for own, other in zip(whole.fidelity, found.fidelity, strict=True):
            assert own.metrics["kld_mean"].value == other.metrics["kld_mean"].value


@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize("form", [mlx_kld.FORMAT, mlx_quant_fidelity.FORMAT, qbench.FORMAT])
def test_deep_nesting_is_refused(tmp_path, form, depth):
    path = tmp_path / "deep.json"
    path.write_text('{"schema_version": 1, "kld": ' + "[" * depth + "]" * depth + "}")
    assert _read(form, path) is None
