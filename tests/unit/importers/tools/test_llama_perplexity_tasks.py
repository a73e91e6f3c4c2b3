"""Logs of llama-perplexity's tasks, as the tool wrote them and as they get damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.registry import FORMATS

FORMAT = FORMATS["llama-perplexity-tasks"]
FOLDER = Path(__file__).parents[3] / "golden" / "imports" / "llama_perplexity"
TEXTS = {
    name: (FOLDER / f"smollm2.{name}.txt").read_text("utf-8")
    for name in ("hellaswag", "winogrande", "multiple-choice")
}


@pytest.fixture
def read_text(tmp_path):
    def read(text, **options):
        path = tmp_path / "run.log"
        path.write_text(text, "utf-8")
        (answers,) = FORMAT.read(Bundle(main=path), ImportOptions(**options)).items
        return answers

    return read


@pytest.mark.parametrize(
    ("task", "scores"),
    [
        ("hellaswag", [1, 1, 0, 0, 1, 1]),
        ("winogrande", [1, 0, 0, 0, 0, 1]),
        ("multiple-choice", [1, 1, 1, 0, 0, 1]),
    ],
)
def test_each_item_comes_back(task, scores, read_text):
    answers = read_text(TEXTS[task])
    np.testing.assert_array_equal(answers.scores, scores)
    assert answers.benchmark == task
    assert answers.item_ids == tuple("123456")
    assert set(answers.statuses) == {"ok"}
    assert answers.settings == {
        "tool": "llama-perplexity",
        "mode": task.replace("-", "_"),
        "tasks": "6",
    }


def test_winogrande_says_what_was_chosen_and_by_how_much(read_text):
    answers = read_text(TEXTS["winogrande"])
    assert answers.predictions == ("1", "2", "1", "2", "1", "1")
    assert answers.targets == ("1", "1", "2", "1", "2", "1")
    assert answers.margin == pytest.approx(
        [0.094991, -0.213354, -0.225868, -0.470479, -0.146028, 1.594665], abs=2e-6
    )
    np.testing.assert_array_equal(answers.margin > 0, answers.scores == 1)


def test_thousands_of_items_are_still_told_apart(read_text):
    scores = np.random.default_rng(1).integers(0, 2, 10_000)
    shares = 100 * np.cumsum(scores) / np.arange(1, 10_001)
    rows = "".join(f"{k}\t{share:.8f}%\t[0.0000%, 9.0000%]\n" for k, share in enumerate(shares, 1))
    np.testing.assert_array_equal(read_text("task\tacc_norm\n" + rows).scores, scores)


def test_logits_that_are_not_finite_have_no_score(read_text):
    text = TEXTS["winogrande"].replace(" -4.796162   -5.022030", "       nan         nan")
    answers = read_text(text)
    assert np.isnan(answers.scores[2])
    assert answers.statuses[2] == "the tool printed no number"
    assert np.isfinite(np.delete(answers.scores, 2)).all()


def test_a_task_that_nobody_names_is_refused(read_text):
    stdout = "task\tacc_norm\n1\t100.00000000\n2\t50.00000000\n"
    with pytest.raises(TableError, match="does not say which task"):
        read_text(stdout)
    assert read_text(stdout, benchmark="arc").benchmark == "arc"


@pytest.mark.parametrize(
    ("task", "old", "new", "message"),
    [
        ("hellaswag", "50.00000000%", "40.00000000%", "after item 4"),
        ("hellaswag", "4\t50.0", "5\t50.0", "item 5 follows item 3"),
        ("hellaswag", "50.00000000%", "50.000", "item 5 follows item 3"),
        ("multiple-choice", "6\t66.66666667", "6\t96.66666667", "after item 6"),
        ("winogrande", "-4.088151  2  1", "-4.088151  1  1", "after item 4"),
        ("winogrande", "33.3333\t -4.7", "66.6667\t -4.7", "after item 4"),
    ],
)
def test_a_damaged_line_is_refused(read_text, task, old, new, message):
    assert old in TEXTS[task]
    with pytest.raises(TableError, match=message):
        read_text(TEXTS[task].replace(old, new))


@pytest.mark.parametrize("task", TEXTS)
def test_two_runs_are_refused(read_text, task):
    with pytest.raises(TableError, match="more than one run"):
        read_text(TEXTS[task] * 2)


@pytest.mark.parametrize("task", TEXTS)
def test_a_log_that_was_cut_says_so(tmp_path, task):
    path = tmp_path / "run.log"
    place = TEXTS[task].index("\n5\t")
    path.write_text(TEXTS[task][: place + 6], "utf-8")
    imported = FORMAT.read(Bundle(main=path), ImportOptions())
    assert len(imported.items[0].scores) == 4
    assert any("4 of 6 items" in note for note in imported.notes)


def test_only_logs_of_tasks_are_found():
    found = {bundle.main.name for bundle in FORMAT.find(sorted(FOLDER.iterdir()))}
    assert found == {f"smollm2.{task}.txt" for task in TEXTS}
    others = FORMATS["llama-perplexity"].find(sorted(FOLDER.iterdir()))
    assert not found & {bundle.main.name for bundle in others}


@pytest.mark.parametrize("text", ["", "hello\n", "hellaswag_score : loaded 6 tasks\n"])
def test_what_has_no_items_is_refused(read_text, text):
    with pytest.raises(TableError):
        read_text(text)
