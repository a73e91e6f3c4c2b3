"""Records of mlx-kld: numbers, protocol, and what is said of errors and floors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools.mlx_kld import FORMAT

GOLDEN = Path(__file__).parents[3] / "golden" / "imports" / "mlx_kld"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())


def _read(path, **options):
    return FORMAT.read(Bundle(main=path), ImportOptions(**options))


def _changed(tmp_path, change):
    record = json.loads((GOLDEN / "q4.json").read_text())
    change(record)
    path = tmp_path / "record.json"
    path.write_text(json.dumps(record))
    return path


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: case["file"])
def test_the_mean_is_that_of_the_divergences_that_went_in(case):
    (row,) = _read(GOLDEN / case["file"]).fidelity
    mean = row.metrics["kld_mean"]
    if case["mean"] is None:
        assert (mean.value, mean.status) == (None, "the tool wrote null")
    else:
        assert mean.value == pytest.approx(case["mean"], rel=1e-6)
    assert row.about["tokens scored"] == str(case["tokens"])


def test_every_number_of_the_record_has_its_key():
    record = json.loads((GOLDEN / "q4.json").read_text())
    imported = _read(GOLDEN / "q4.json")
    (row,) = imported.fidelity
    values = {key: stated.value for key, stated in row.metrics.items()}
    assert values == {
        "kld_mean": record["kld"]["mean"],
        "kld_median": record["kld"]["p50"],
        "kld_p95": record["kld"]["p95"],
        "kld_p99": record["kld"]["p99"],
        "kld_p999": record["kld"]["p999"],
        "kld_max": record["kld"]["max"],
        "delta_p_mean": record["delta_p"]["mean"],
        "delta_p_rms": record["delta_p"]["rms"],
        "top1_agreement": record["agreement"]["top1"],
        "top5_containment": record["agreement"]["top5"],
    }
    assert row.metrics["kld_mean"].standard_error == record["kld"]["se"]
    assert "clustered by window" in row.metrics["kld_mean"].method
    assert row.metrics["delta_p_mean"].standard_error == record["delta_p"]["se"]
    assert row.metrics["kld_median"].standard_error is None


def test_models_and_protocol_are_those_of_the_record():
    imported = _read(GOLDEN / "q4.json")
    (row,) = imported.fidelity
    teacher, student = imported.models
    assert (teacher.name, teacher.is_reference) == ("Tiny-bf16", True)
    assert (student.name, student.file_bytes, student.bits_per_weight) == (
        "Tiny-Q4_K_M", 1_000_000, 4.5,
    )  # fmt: skip
    assert row.corpus == "made/text:tiny"
    assert {name: value for name, value in row.full_protocol.items() if value is not None} == {
        "tool": "mlx-kld",
        "reference": "Tiny-bf16",
        "corpus": "made/text:tiny",
        "corpus_sha256": "0123456789abcdef",
        "context_length": "32",
        "windows": "12",
        "scored": "index 16 to 31",
        "direction": "KL(reference||candidate)",
        "estimator": "reference's top 64 in bf16, the rest spread evenly",
        "lane": "serving",
    }


def test_errors_of_independent_tokens_are_kept_beside_and_not_used():
    imported = _read(GOLDEN / "independent.json")
    (row,) = imported.fidelity
    record = json.loads((GOLDEN / "independent.json").read_text())
    assert record["kld"]["se_method"] == "iid"
    assert row.metrics["kld_mean"].standard_error is None
    assert row.metrics["delta_p_mean"].standard_error is None
    assert row.about["kld standard error"] == repr(record["kld"]["se"])
    assert any("too small" in note for note in imported.notes)


def test_a_record_before_errors_were_named_counts_as_independent(tmp_path):
    path = _changed(tmp_path, lambda record: record["kld"].pop("se_method"))
    assert _read(path).fidelity[0].metrics["kld_mean"].standard_error is None


def test_dropped_positions_and_an_implausible_result_are_said():
    assert _read(GOLDEN / "nonfinite.json").notes == (
        "Tiny-Q3_K_S: 5 positions with non-finite logits are in no number of it",
    )
    assert any("implausible: no token" in note for note in _read(GOLDEN / "broken.json").notes)


def test_a_mean_near_the_floor_is_said_and_the_floor_kept():
    imported = _read(GOLDEN / "q8.json")
    assert any("is below 2 times 0.0018" in note for note in imported.notes)
    assert float(imported.fidelity[0].about["kld_floor"]) == pytest.approx(0.0018)


def test_the_teacher_against_itself_is_the_reference():
    imported = _read(GOLDEN / "teacher.json", model="ignored")
    assert [(one.name, one.is_reference) for one in imported.models] == [("Tiny-bf16", True)]
    assert imported.fidelity[0].model == "Tiny-bf16"


def test_the_user_names_model_corpus_and_reference():
    imported = _read(GOLDEN / "q4.json", model="Q4", corpus="wiki", reference="BF16")
    (row,) = imported.fidelity
    assert (row.model, row.corpus, row.protocol["reference"]) == ("Q4", "wiki", "BF16")
    assert [one.name for one in imported.models] == ["BF16", "Q4"]


def test_a_download_of_a_hub_has_its_name_and_not_its_revision(tmp_path):
    place = "~/hub/models--org--Tiny-4bit/snapshots/0123abc/"
    path = _changed(tmp_path, lambda record: record["student"].update(path=place))
    assert _read(path).fidelity[0].model == "org/Tiny-4bit"


def test_tokenizers_that_differ_leave_no_number(tmp_path):
    path = _changed(tmp_path, lambda record: record["tokenizer"].update(encoding_parity=False))
    stated = _read(path).fidelity[0].metrics.values()
    assert {one.value for one in stated} == {None}
    assert {one.status for one in stated} == {"the two tokenizers cut the text otherwise"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(schema_version=2), "has schema_version '2'"),
        (lambda r: r.update(schema_version=True), "has schema_version 'True'"),
        (lambda r: r.pop("kld"), "`kld` must be an object, it is not there"),
        (lambda r: r.update(teacher=[]), "`teacher` must be an object, it is a list"),
        (lambda r: r["student"].update(path=" "), "`student.path` must be a text"),
        (lambda r: r["student"].update(size_bytes=1.5), "must be a whole number"),
        (lambda r: r["kld"].update(mean="0.1"), "`kld.mean` must be a number, it is '0.1'"),
        (lambda r: r["kld"].update(mean=-1.0), "`kld.mean` cannot be right"),
        (lambda r: r["kld"].update(se=-0.1), "`kld.se` must not be negative"),
        (lambda r: r["agreement"].update(top1=98.0), "divide by 100 if it is in percent"),
        (lambda r: r["calibration"].update(score_window=[1]), "must be two whole numbers"),
        (lambda r: r["calibration"].update(max_seq_len=-1), "must be a whole number from 0 on"),
    ],
)
def test_what_a_record_cannot_say_is_refused_by_place(tmp_path, change, message):
    with pytest.raises(TableError, match=r"record\.json") as caught:
        _read(_changed(tmp_path, change))
    assert message in caught.value.message


def test_only_records_are_found(tmp_path):
    (tmp_path / "other.json").write_text('{"schema_version": 1, "teacher": 1}')
    found = FORMAT.find([*GOLDEN.iterdir(), tmp_path / "other.json", tmp_path / "missing.json"])
    assert sorted(bundle.main.name for bundle in found) == [
        "broken.json", "independent.json", "nonfinite.json", "q4.json", "q8.json", "teacher.json",
    ]  # fmt: skip


def _published(path):
    """Rows of the comparison that was published beside the records, in its own rounding."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 9 and cells[0].startswith("`"):
            kld, error = cells[6].removesuffix("(f)").split("+/-")
            name = cells[0].strip("`").removesuffix(".gguf")
            top1 = float(cells[8].rstrip("%")) / 100
            rows.append((name, float(cells[4]), float(kld), float(error), top1))
    assert len(rows) == 26
    return rows


def test_the_published_cohort_has_every_record(shared_cohorts):
    folder = shared_cohorts / "mlx-kld-qwen36-27b" / "records"
    bundles = FORMAT.find(sorted(folder.iterdir()))
    assert len(bundles) == 26
    imported = [FORMAT.read(bundle, ImportOptions()) for bundle in bundles]
    rows = [one.fidelity[0] for one in imported]
    sizes = {one.models[-1].name: one.models[-1].bits_per_weight for one in imported}
    assert len({row.model for row in rows}) == 26
    assert len({tuple(sorted(row.full_protocol.items())) for row in rows}) == 1
    by_name = {row.model: row.metrics for row in rows}
    for name, bits, kld, error, top1 in _published(folder.parent / "comparison.md"):
        mean = by_name[name]["kld_mean"]
        assert mean.value == pytest.approx(kld, abs=5e-5)
        assert by_name[name]["top1_agreement"].value == pytest.approx(top1, abs=5e-5)
        assert sizes[name] == pytest.approx(bits, abs=5e-4)
        if mean.standard_error is not None:
            assert mean.standard_error == pytest.approx(error, abs=5e-5)
    clustered = [one["kld_mean"].standard_error for one in by_name.values()]
    assert sum(error is not None for error in clustered) == 12
