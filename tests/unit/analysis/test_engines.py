"""Candidates that another engine runs than the reference: what is said, and what is refused."""

from __future__ import annotations

import pytest

from silentzone.analysis.engines import warn_of_engines
from silentzone.analysis.protocols import require_same_protocol
from silentzone.analysis.remarks import Remarks, same_files
from silentzone.errors import ProtocolMismatchError
from silentzone.records.parts import PartKey


def _manifest(*candidates):
    fields = ("name", "engine", "lane")
    return {
        "engine": {"name": "transformers"},
        "candidates": [dict(zip(fields, one, strict=True)) for one in candidates],
    }


def _lane(model, kld):
    rows = [{"model": model, "corpus": "wiki", "metrics": {"kld_mean": {"value": kld}}}]
    return [{"lane": "engine", "fidelity": rows}]


def _said(manifest, lanes=()):
    remarks = Remarks()
    warn_of_engines(manifest, lanes, remarks)
    return remarks.cautions


Q8 = ("Q8", "llama_cpp", "serving")


def test_one_engine_for_all_says_nothing():
    assert _said(_manifest(("Q8", None, "serving"))) == []


def test_the_engines_own_difference_stands_beside_what_is_compared_over_engines():
    manifest = _manifest(Q8, ("F16", "llama_cpp", "engine"), ("nf4", None, "serving"))
    (said,) = _said(manifest, _lane("F16", 1.31e-6))
    assert said.startswith("Q8 ran in llama_cpp and the reference in transformers")
    assert "1.3e-06 nats of KLD (wiki) away" in said
    assert "nf4" not in said


@pytest.mark.parametrize("lanes", [(), _lane("F16", None), _lane("of another engine", 1e-6)])
def test_a_difference_that_nobody_measured_is_named_with_how_to_measure_it(lanes):
    (said,) = _said(_manifest(Q8), lanes)
    assert "was not measured" in said
    assert '`engine = "llama_cpp"`' in said


def test_the_same_weights_alone_need_no_caution():
    manifest = _manifest(("F16", "llama_cpp", "engine"))
    assert _said(manifest, _lane("F16", 1e-6)) == []


def test_one_file_in_two_engines_is_not_one_candidate_twice():
    models = [{"name": name, "sha256": "a", "engine": name} for name in ("llama_cpp", "other")]
    assert same_files(models) == ()
    assert same_files([*models, {**models[0], "name": "again"}]) == (("llama_cpp", "again"),)


def _key(**fields):
    return PartKey.of("tokens", engine="transformers", **fields)


def test_candidates_of_several_engines_agree_where_the_reference_is_one():
    own = {"model_engine": "llama_cpp", "model_engine_version": "1"}
    require_same_protocol({"a": _key(), "b": _key(**own), "c": _key(**own)}, where="here")


@pytest.mark.parametrize("other", [{"model_engine_version": "2"}, {"model_engine_device": "GPU"}])
def test_one_engine_run_in_two_ways_is_refused(other):
    own = {"model_engine": "llama_cpp", "model_engine_version": "1"}
    keys = {"a": _key(), "b": _key(**own), "c": _key(**{**own, **other})}
    with pytest.raises(ProtocolMismatchError, match=next(iter(other))):
        require_same_protocol(keys, where="here")


def test_references_in_two_engines_are_refused():
    keys = {"a": _key(), "b": PartKey.of("tokens", engine="llama_cpp")}
    with pytest.raises(ProtocolMismatchError, match="`engine` of here"):
        require_same_protocol(keys, where="here")
