"""Published cohorts, rewritten in the documented layout, are read with every row."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from silentzone.errors import InputError
from silentzone.importers.cohort_table import read_cohort_table
from silentzone.importers.items_table import read_items_table
from silentzone.importers.kinds import detect_kind
from silentzone.records.cohort_table import same_content

if TYPE_CHECKING:
    from pathlib import Path


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _gptq_row(row: dict[str, str], benchmarks: list[str]) -> dict[str, object]:
    return {
        "name": row["method"],
        "is_reference": "yes" if row["method"].startswith("F32") else "",
        "bits_per_weight": row["avg_bit_width_ppl_table"],
        **{
            f"fidelity.ppl_candidate@{corpus}": row[f"{corpus}_ppl"]
            for corpus in ("c4", "fineweb_edu", "wikitext2")
        },
        **{f"score.{name}": row[name] for name in benchmarks},
        "group": row["group"],
    }


def test_the_larger_gptq_cohort_has_its_reference_and_its_copy(shared_cohorts, tmp_path):
    benchmarks = ["arc_easy_norm", "hellaswag_norm", "piqa_norm", "winogrande"]
    rows = _rows(shared_cohorts / "gptq-gguf-toolkit" / "llama-3.1-8b-instruct.csv")
    path = _write(tmp_path / "8b.csv", [_gptq_row(row, benchmarks) for row in rows])
    assert detect_kind(path) == "table"
    table = read_cohort_table(path)
    assert len(table.models) == 28
    assert table.reference is not None
    assert table.reference.name == "F32 (Full Precision)"
    assert table.metrics[2] == "ppl_candidate@wikitext2"
    assert table.benchmarks == tuple(benchmarks)
    assert same_content(table) == (("GPTQ-4", "EvoPress-GPTQ-4"),)
    assert all(len(model.fidelity) == 3 and len(model.scores) == 4 for model in table.models)
    assert table.notes == (
        "columns that are not used: `group`",
        "the rows 'GPTQ-4', 'EvoPress-GPTQ-4' hold the same numbers; all are kept",
    )


def test_the_smaller_gptq_cohort_has_no_reference(shared_cohorts, tmp_path):
    benchmarks = ["arc_easy", "hellaswag", "hellaswag_norm", "piqa_norm"]
    rows = _rows(shared_cohorts / "gptq-gguf-toolkit" / "llama-3.2-1b-instruct.csv")
    path = _write(tmp_path / "1b.csv", [_gptq_row(row, benchmarks) for row in rows])
    table = read_cohort_table(path)
    assert len(table.models) == 16
    assert table.reference is None


def _mmlu_row(row: dict[str, str], divisor: float) -> dict[str, object]:
    return {
        "name": row["quant"],
        "bits_per_weight": row["bpw"],
        "size_gb": row["size_gb"],
        "fidelity.kld_mean@wikitext2": row["kld_base"],
        "fidelity_se.kld_mean@wikitext2": row["kld_base_unc"],
        "fidelity.ppl_candidate@wikitext2": row["ppl_base"],
        "score.mmlu": float(row["mmlu_percent_instruct"]) / divisor,
        "n_items.mmlu": 14042,
    }


def test_the_mmlu_ladder_is_refused_in_percent_and_read_as_proportions(shared_cohorts, tmp_path):
    rows = _rows(shared_cohorts / "matt-c1-llama3-mmlu" / "joined_cross_source_kld.csv")
    percent = _write(tmp_path / "percent.csv", [_mmlu_row(row, 1.0) for row in rows])
    with pytest.raises(InputError, match=r"column `score\.mmlu`: .* look like percent"):
        read_cohort_table(percent)
    path = _write(tmp_path / "mmlu.csv", [_mmlu_row(row, 100.0) for row in rows])
    table = read_cohort_table(path)
    assert len(table.models) == 22
    assert table.models[0].n_items == {"mmlu": 14042}
    assert table.models[0].file_bytes == 7_430_000_000
    assert all(model.fidelity_errors for model in table.models)


def test_names_given_twice_are_found_in_the_mmlu_table(shared_cohorts, tmp_path):
    rows = _rows(shared_cohorts / "matt-c1-llama3-mmlu" / "mmlu.csv")
    converted: list[dict[str, object]] = [
        {"name": row["quant"], "score.mmlu": float(row["mmlu_percent"]) / 100} for row in rows
    ]
    with pytest.raises(InputError, match="give each model its own name"):
        read_cohort_table(_write(tmp_path / "mmlu.csv", converted))


def test_the_llama_cpp_scoreboard_has_fidelity_alone(shared_cohorts, tmp_path):
    rows = _rows(shared_cohorts / "llamacpp-llama3-8b-kld" / "llama-3-8b-base.csv")
    converted: list[dict[str, object]] = [
        {
            "name": f"{row['quant']} {row['imatrix']}",
            "is_reference": row["quant"] == "f16",
            "size_gb": float(row["size_gib"]) * 2**30 / 1e9,
            "fidelity.kld_mean@wikitext2": row["kld"],
            "fidelity_se.kld_mean@wikitext2": row["kld_unc"],
            "fidelity.ppl_delta@wikitext2": row["delta_ppl"],
            "fidelity.delta_p_mean@wikitext2": float(row["mean_dp_percent"]) / 100,
            "fidelity.delta_p_rms@wikitext2": float(row["rms_dp_percent"]) / 100,
        }
        for row in rows
    ]
    table = read_cohort_table(_write(tmp_path / "scoreboard.csv", converted))
    assert len(table.models) == 46
    assert table.reference is table.models[0]
    assert table.benchmarks == ()
    assert any("there is no score" in note for note in table.notes)


def _flip_rows(folder: Path) -> list[dict[str, object]]:
    items = json.loads((folder / "_bench_items.json").read_text(encoding="utf-8"))
    rows: list[dict[str, object]] = []
    for path in sorted(folder.glob("*__*.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        for item, prediction, confidence in zip(
            items[run["benchmark"]], run["preds"], run["confs"], strict=True
        ):
            rows.append(
                {
                    "model": f"{run['model']} {run['precision']}",
                    "benchmark": run["benchmark"],
                    "item_id": item["id"],
                    "score": int(prediction == item["answer"]),
                    "prediction": prediction,
                    "confidence": confidence,
                }
            )
    return rows


def test_answers_of_fifteen_models_are_read_item_by_item(shared_cohorts, tmp_path):
    folder = shared_cohorts / "quantization-flips-small-llms"
    path = _write(tmp_path / "flips.csv", _flip_rows(folder))
    assert detect_kind(path) == "items"
    table = read_items_table(path)
    assert len(table.rows) == 45
    assert sum(len(rows.item_ids) for rows in table.rows) == 44_415
    published = {
        (row["model"], row["benchmark"], row["quant"]): (
            float(row["base_acc"]),
            float(row["quant_acc"]),
        )
        for row in _rows(folder / "derived_flips.csv")
    }
    means = {(rows.model, rows.benchmark): float(rows.scores.mean()) for rows in table.rows}
    for (model, benchmark, quant), (base, other) in published.items():
        assert means[f"{model} fp16", benchmark] == pytest.approx(base, abs=5e-5)
        assert means[f"{model} {quant}", benchmark] == pytest.approx(other, abs=5e-5)
    assert "'arc': 15 models, 1,000 items each" in table.notes[-1]


def test_tool_calls_of_two_kernels_are_read_item_by_item(shared_cohorts, tmp_path):
    wide = _rows(shared_cohorts / "sm120-qwen3-8b" / "derived_toolcall_per_item.csv")
    models = [name for name in wide[0] if name not in {"id", "category"}]
    rows: list[dict[str, object]] = [
        {
            "model": model,
            "benchmark": "toolcall",
            "item_id": row["id"],
            "score": row[model],
            "is_reference": model == "bf16",
        }
        for model in models
        for row in wide
    ]
    table = read_items_table(_write(tmp_path / "toolcall.csv", rows))
    assert table.reference == "bf16"
    scores = {answers.model: answers.scores for answers in table.rows}
    changed = np.abs(scores["nvfp4"] - scores["nvfp4-marlin"])
    assert changed.sum() == 38
