"""The table of llama.cpp's README, from a study's numbers."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from silentzone.errors import InputError
from silentzone.exporters.formats.llama_cpp_table import FORMAT
from silentzone.exporters.writing import ExportOptions

_HEADERS = [
    "Quantization", "imatrix", "Model size [GiB]", "PPL", "ΔPPL", "KLD", "Mean Δp", "RMS Δp",
    "Same top p",
]  # fmt: skip


def _rows(text):
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def _text(study, **options):
    return "".join(FORMAT.render(study, ExportOptions(**options)).chunks)


def test_columns_and_units_are_those_of_the_page(study, analysis):
    rows = _rows(_text(study, corpus="news"))
    assert rows[0] == _HEADERS
    row = next(row for row in rows if row[0] == "Q8\\_0")
    metrics = next(
        one["metrics"]
        for one in analysis["fidelity"]
        if (one["model"], one["corpus"]) == ("Q8_0", "news")
    )
    kld, top = metrics["kld_mean"], metrics["top1_agreement"]
    assert row[5] == f"{kld['value']:.6f} ± {kld['standard_error']:.6f}"
    assert row[8] == f"{100 * top['value']:.3f} ± {100 * top['standard_error']:.3f} %"
    size = next(one["file_bytes"] for one in analysis["candidates"] if one["name"] == "Q8_0")
    assert row[2] == f"{size / 1024**3:.2f}"


def test_what_is_missing_is_never_a_zero(study_of, analysis):
    metrics = analysis["fidelity"][0]["metrics"]
    metrics["kld_mean"] = {"value": None, "standard_error": None, "cautions": ["nan"]}
    metrics["ppl_delta"] = {"value": 0.25, "standard_error": None, "cautions": []}
    assert "delta_p_mean" not in metrics
    name, corpus = analysis["fidelity"][0]["model"], analysis["fidelity"][0]["corpus"]
    row = next(
        row
        for row in _rows(_text(study_of(analysis), corpus=corpus))
        if row[0].replace("\\", "") == name
    )
    assert (row[4], row[5], row[6]) == ("0.250000", "NA", "NA")


def test_the_reference_has_its_perplexity_and_nothing_else(study_of, analysis):
    for one in analysis["fidelity"]:
        one["metrics"]["ppl_reference"] = {"value": 9.5, "standard_error": 0.25, "cautions": []}
    row = _rows(_text(study_of(analysis)))[2]
    assert row[0] == analysis["reference"]["name"]
    assert row[3] == "9.500000 ± 0.250000"
    assert row[4:] == ["NA"] * 5


def test_an_imatrix_is_named_without_its_folder(study_of, analysis):
    analysis["candidates"][0]["provenance"] = {"quantize.imatrix.file": "/data/me/wiki.imatrix"}
    assert _rows(_text(study_of(analysis)))[3][1] == "wiki.imatrix"


def test_what_the_numbers_hold_for_stands_below(study, analysis):
    text = _text(study, corpus="news")
    last = text.splitlines()[-1]
    for said in ("against F16", "corpus news", "context length 512", "windows 64", "in nats"):
        assert said in last


def test_a_corpus_left_out_is_named(study, analysis):
    exported = FORMAT.render(study, ExportOptions())
    assert "`--corpus` chooses another" in exported.notes[0]
    assert FORMAT.render(study, ExportOptions(corpus="news")).notes == ()


def test_an_unknown_corpus_is_refused_with_those_there_are(study):
    with pytest.raises(InputError, match="no corpus `klingon`") as caught:
        _text(study, corpus="klingon")
    assert "wikipedia" in str(caught.value.hint)


def test_hostile_names_stay_in_their_cells(hostile_study):
    text = _text(hostile_study)
    assert not {"\x1b", "\x00", "\u202e"} & set(text)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    assert [token.type for token in tokens].count("table_open") == 1
    inline = {child.type for token in tokens for child in token.children or ()}
    assert not {"html_inline", "link_open", "image"} & inline
    headers = [token for token in tokens if token.type == "th_open"]
    cells = [token for token in tokens if token.type == "td_open"]
    assert len(headers) == 9
    assert len(cells) == 9 * len(hostile_study.models)
