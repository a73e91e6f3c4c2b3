"""Export, import, export: what comes out of the second folder is what came out of the first."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from silentzone.cli.main import run_command_line

if TYPE_CHECKING:
    from collections.abc import Callable

MODELS = {"BF16": 0.0, "=Q8_0": 0.02, "Q5_K_M, a": 0.05, "Q4_K_M": 0.1, "Q3|K": 0.15}
"""Share of answers that are not the reference's, by names that files must keep."""


def _items(folder: Path) -> Path:
    draw = random.Random(1)  # noqa: S311 - made-up answers
    rows = []
    for model, share in MODELS.items():
        for item in range(120):
            score = float((item % 10 < 7) != (draw.random() < share))
            row: dict[str, Any] = {
                "model": model, "benchmark": "quiz", "item_id": f"q{item}", "score": score,
                "prediction": "=1+1" if score else " -5", "is_reference": not share,
            }  # fmt: skip
            if item % 40 == 7:
                row |= {"score": None, "status": "timeout"}
            rows.append(json.dumps(row))
    path = folder / "items.jsonl"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def _cohort(folder: Path) -> Path:
    path = folder / "cohort.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        metrics = [f"{key}@{on}" for on in ("wiki", "news, old") for key in ("kld_mean", "kld_p99")]
        names = [f"{what}.{one}" for one in metrics for what in ("fidelity", "fidelity_se")]
        writer.writerow(["name", "is_reference", "bits_per_weight", "file_bytes", *names])
        for place, (model, share) in enumerate(MODELS.items()):
            cells = [share / 7 + 1e-9 * place if share else "" for _ in names]
            name = f"'{model}" if model.startswith("=") else model
            sizes = [16.0 - place / 3, 10**9 - place]
            writer.writerow([name, "" if share else "true", *sizes, *cells])
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def command(*arguments: object) -> str:
        code = run_command_line([str(one) for one in (*arguments, "--quiet")])
        shown = capsys.readouterr()
        assert code == 0, shown.err
        return shown.out

    return command


def test_tables_that_were_imported_are_exported_as_they_were(
    tmp_path: Path, run: Callable[..., str]
) -> None:
    texts = []
    sources = [_items(tmp_path), _cohort(tmp_path)]
    for turn in ("first", "second"):
        folder = tmp_path / turn
        run("import", "--detect", *sources, "--into", folder)
        run("analyze", folder)
        sources = [folder / "items-again.jsonl", folder / "cohort-again.csv"]
        run("export", "items-table", folder, "--out", sources[0])
        run("export", "cohort-table", folder, "--out", sources[1])
        texts.append([path.read_text(encoding="utf-8") for path in sources])
    assert texts[0] == texts[1]
    items, cohort = texts[0]
    assert items.count("\n") == 120 * len(MODELS)
    header, *rows = list(csv.reader(cohort.splitlines()))
    assert [row[0] for row in rows] == ["'=Q8_0" if name == "=Q8_0" else name for name in MODELS]
    assert "fidelity.kld_mean@news, old" in header
    assert "score.quiz" in header


def test_every_format_says_something_of_imported_results(
    tmp_path: Path, run: Callable[..., str]
) -> None:
    folder = tmp_path / "folder"
    run("import", "--detect", _items(tmp_path), _cohort(tmp_path), "--into", folder)
    run("analyze", folder)
    assert "| Q4\\_K\\_M |" in run("export", "llama-cpp-table", folder, "--corpus", "wiki")
    card = run("export", "model-card", folder, "--model", "Q4_K_M")
    assert 'type: "kl_divergence"' in card
    assert "split" not in card
    assert "shields.io" in run("export", "badge", folder, "--model", "Q4_K_M", "--corpus", "wiki")
    assert "Q4_K_M" in run("export", "kld-sweep", folder, "--corpus", "wiki")
    run("export", "flipeval", folder, "--out", tmp_path / "flipeval")
    run("export", "tables", folder, "--out", tmp_path / "tables")
    assert len(list((tmp_path / "flipeval").rglob("*.jsonl"))) == len(MODELS)
    assert (tmp_path / "tables" / "imported_items.csv").is_file()
    assert (tmp_path / "tables" / "decomposition.parquet").is_file()


def test_what_a_tool_stated_travels_to_the_card_and_below_the_table(
    tmp_path: Path, run: Callable[..., str]
) -> None:
    golden = Path(__file__).parents[1] / "golden" / "imports" / "mlx_quant_fidelity"
    folder = tmp_path / "folder"
    run("import", "--detect", golden / "weights.json", golden / "kv.json", golden / "kv-late.json",
        "--into", folder)  # fmt: skip
    run("analyze", folder)
    corpora = json.loads((folder / "analysis.json").read_text())["corpora"]
    names = [one["name"] for one in corpora]
    assert len(names) == 3
    late = next(name for name in names if "from index 5" in name)
    card = run("export", "model-card", folder, "--model", "org/Tiny-bf16, KV cache 8 bits",
               "--corpus", late)  # fmt: skip
    assert 'split: "kv-cache"' in card
    assert 'estimator: "full vocabulary"' in card
    table = run("export", "llama-cpp-table", folder, "--corpus", late)
    assert "scored positions from index 5" in table
    assert "measured by mlx-quant-fidelity" in table
    assert "lane kv-cache" in table
    assert "context length 17" in table


def test_choices_of_imported_items_still_decide_what_enters_the_composite(
    run: Callable[..., str], tmp_path: Path
) -> None:
    logs = Path(__file__).parents[1] / "golden" / "imports" / "lm_eval"
    first, second = tmp_path / "first", tmp_path / "second"
    run("import", "lm-eval", logs / "run-f16", logs / "run-q8_0", "--into", first,
        "--filter", "strict", "--reference", "F16")  # fmt: skip
    run("analyze", first)
    files = [tmp_path / "items.jsonl", tmp_path / "cohort.csv"]
    run("export", "items-table", first, "--out", files[0])
    run("export", "cohort-table", first, "--out", files[1])
    run("import", "--detect", *files, "--into", second)
    run("analyze", second)
    own, again = (json.loads((one / "analysis.json").read_text()) for one in (first, second))
    assert own["composites"][0]["left_out"]
    for section in ("composites", "scores", "decomposition", "exclusions"):
        assert again[section] == own[section]
    for key in ("pick", "steps", "pairs", "best"):
        assert again["decision"][key] == own["decision"][key]


def test_two_scores_of_guessing_are_refused(
    run: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        path = tmp_path / f"{number}.csv"
        path.write_text(f"name,score.quiz,chance.quiz\nQ{number},0.6,0.{number}\n")
        code = run_command_line(
            ["import", "cohort-table", str(path), "--into", str(tmp_path / "x")]
        )
        assert code == number - 1
    assert "guessing on `quiz` is 0.2 here and 0.1" in capsys.readouterr().err
    run("import", "cohort-table", path, "--into", tmp_path / "x", "--replace")
    assert json.loads((tmp_path / "x" / "import.json").read_text())["chance"] == {"quiz": 0.2}
