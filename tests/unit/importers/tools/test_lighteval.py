"""Details as lighteval wrote them, and as they get mixed up and damaged."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from silentzone.benchmarks.scoring import score_choices
from silentzone.errors import NothingToCompareError, TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.registry import FORMATS

FORMAT = FORMATS["lighteval"]
FILES = Path(__file__).parents[3] / "golden" / "imports" / "lighteval" / "out"


def _details(folder, task, of="dummy-a"):
    (path,) = folder.glob(f"details/house/{of}/*/details_{task}|*.parquet")
    return path


def _read(folder, task, of="dummy-a", **options):
    (bundle,) = FORMAT.find([_details(folder, task, of)])
    return FORMAT.read(bundle, ImportOptions(**options))


def _answers(folder, task, of="dummy-a", **options):
    (answers,) = _read(folder, task, of, **options).items
    return answers


def _rows(folder, task, of="dummy-a"):
    return pq.read_table(_details(folder, task, of)).to_pylist()


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """Both runs under the names lighteval gave them; a checkout keeps no bar in a name."""
    folder = tmp_path_factory.mktemp("lighteval") / "out"
    shutil.copytree(FILES, folder)
    for path in folder.rglob("*.parquet"):
        path.rename(path.with_name(path.name.replace("--0_", "|0_")))
    return folder


@pytest.fixture
def run(tmp_path, golden):
    """A copy of both runs that a test can damage."""
    shutil.copytree(golden, tmp_path / "out")
    return tmp_path / "out"


def _write(folder, task, rows, **options):
    pq.write_table(pa.Table.from_pylist(rows), _details(folder, task), **options)


def _results_path(folder):
    (path,) = folder.glob("results/house/dummy-a/results_*.json")
    return path


def _change_results(folder, change):
    path = _results_path(folder)
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def test_every_task_of_both_runs_is_found_with_its_results(golden):
    bundles = FORMAT.find(sorted(golden.rglob("*")))
    assert len(bundles) == 6
    for bundle in bundles:
        (companion,) = bundle.companions
        assert bundle.main.parent.name in companion.name
        assert bundle.main.parent.parent.name == companion.parent.name


@pytest.mark.parametrize(
    ("task", "metric", "headline"),
    [
        ("own_choices", "acc", "raw"),
        ("own_lengths", "acc", "raw"),
        ("own_lengths", "acc_norm", "normalized"),
    ],
)
@pytest.mark.parametrize("model", ["dummy-a", "dummy-b"])
def test_choices_are_scored_as_our_own_rule_scores_them(task, metric, headline, model, golden):
    answers = _answers(golden, task, model, metric=metric)
    rows = _rows(golden, task, model)
    assert len(answers.item_ids) == len(rows) == 7
    for number, row in enumerate(rows):
        choices = row["doc"]["choices"]
        own = score_choices(
            row["model_response"]["logprobs"],
            [len(choice.removeprefix(" ")) for choice in choices],
            row["doc"]["gold_index"],
            headline=headline,
        )
        assert answers.scores[number] == own.score == row["metric"][metric]
        assert answers.predictions[number] == str(own.prediction)
        assert answers.margin[number] == pytest.approx(own.margin, abs=1e-12)
        assert answers.confidence[number] == pytest.approx(own.confidence, abs=1e-12)
        assert answers.targets[number] == choices[row["doc"]["gold_index"]]


def test_two_models_are_asked_the_same_and_equal_questions_are_told_apart(golden):
    one, other = (_answers(golden, "own_choices", model) for model in ("dummy-a", "dummy-b"))
    assert one.item_ids == other.item_ids
    assert one.prompt_sha256 == other.prompt_sha256
    assert one.target_sha256 == other.target_sha256
    assert one.settings == other.settings
    assert len(set(one.item_ids)) == 7
    twice = [item for item in one.item_ids if "-" in item]
    assert [item[-2:] for item in twice] == ["-3", "-4"]
    assert not np.array_equal(one.scores, other.scores)


def test_written_answers_settings_and_circumstances(golden):
    imported = _read(golden, "own_written", reference="house/dummy-a")
    (answers,) = imported.items
    assert answers.predictions == ("random baseline",) * 3
    assert answers.scores.mean() == pytest.approx(1 / 3)
    assert (answers.model, answers.benchmark) == ("house/dummy-a", "own_written")
    assert answers.settings == {
        "n_shot": "0",
        "task_version": "1",
        "generation_size": "8",
        "stop_sequence": '["\\n"]',
        "generation": '{"temperature": 0}',
        "system_prompt_sha256": "none",
        "metric": "em",
    }
    assert answers.about["date"].startswith("2026-11-26T04-08-56")
    assert imported.models[0].is_reference
    named = _answers(golden, "own_written", model="mine", benchmark="words")
    assert (named.model, named.benchmark) == ("mine", "words")


def test_no_standard_error_of_lighteval_is_kept(golden):
    for task in ("own_choices", "own_lengths", "own_written"):
        answers = _answers(golden, task)
        assert "stderr" not in json.dumps([dict(answers.settings), dict(answers.about)])


def test_a_metric_over_all_questions_is_no_score(golden):
    imported = _read(golden, "own_choices")
    assert imported.items[0].settings["metric"] == "acc"
    assert any("no score of an item: `loglikelihood_f1`" in note for note in imported.notes)
    with pytest.raises(TableError, match=r"`loglikelihood_f1` .* is no score .* a dict per item"):
        _read(golden, "own_choices", metric="loglikelihood_f1")


def test_nothing_but_metrics_over_all_questions_is_nothing_to_compare(run):
    rows = _rows(run, "own_choices")
    for row in rows:
        del row["metric"]["acc"]
    _write(run, "own_choices", rows)
    with pytest.raises(NothingToCompareError):
        _read(run, "own_choices")


@pytest.mark.parametrize("number", range(7))
def test_a_row_that_is_missing_is_noticed_where_the_mean_moves(run, number):
    rows = _rows(run, "own_choices")
    _write(run, "own_choices", rows[:number] + rows[number + 1 :])
    with pytest.raises(TableError, match=r"mean of `acc` over its 6 rows is .* says 0\.571428"):
        _read(run, "own_choices")


def test_a_row_that_is_missing_is_noticed_by_the_number_of_questions(run):
    _change_results(
        run, lambda one: one["config_tasks"]["own_choices|0"].update(effective_num_docs=9)
    )
    with pytest.raises(TableError, match=r"has 7 rows, and .* says that 9 questions were asked"):
        _read(run, "own_choices")


def test_answers_of_another_run_are_refused(run):
    shutil.copy(_details(run, "own_choices", "dummy-b"), _details(run, "own_choices"))
    with pytest.raises(TableError, match="different runs"):
        _read(run, "own_choices")


def test_details_without_results_say_what_is_not_known(run):
    _results_path(run).unlink()
    imported = _read(run, "own_choices")
    assert any("no results file" in note for note in imported.notes)
    (answers,) = imported.items
    assert answers.model == "dummy-a"
    assert answers.settings == {"n_shot": "0", "metric": "acc"}
    assert answers.margin is not None
    assert _answers(run, "own_lengths").margin is None  # what it was divided by is not known


def test_columns_between_underscores_are_the_same(run, golden):
    rows = [
        {f"__{name}__": value for name, value in row.items()} for row in _rows(run, "own_choices")
    ]
    _write(run, "own_choices", rows)
    old, new = _answers(run, "own_choices"), _answers(golden, "own_choices")
    assert old.item_ids == new.item_ids
    assert np.array_equal(old.margin, new.margin)


def test_the_prompt_that_was_kept_is_what_is_compared(run, golden):
    rows = _rows(run, "own_choices")
    rows[0]["model_response"]["input"] = "the whole prompt"
    _write(run, "own_choices", rows)
    changed, whole = _answers(run, "own_choices"), _answers(golden, "own_choices")
    assert changed.prompt_sha256[0] != whole.prompt_sha256[0]
    assert changed.prompt_sha256[1:] == whole.prompt_sha256[1:]
    assert changed.item_ids == whole.item_ids


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_an_answer_without_a_number_has_no_score(run, value):
    rows = _rows(run, "own_choices")
    rows[2]["model_response"]["logprobs"][0] = value
    _write(run, "own_choices", rows)
    imported = _read(run, "own_choices")
    (answers,) = imported.items
    assert answers.statuses[2] == "non_finite"
    assert math.isnan(answers.scores[2])
    assert answers.choice_log_likelihoods[2] is None
    assert any("1 items have a log-probability" in note for note in imported.notes)


def test_a_question_without_a_value_is_missing(run):
    rows = _rows(run, "own_choices")
    rows[0]["metric"]["acc"] = None
    _write(run, "own_choices", rows)
    _change_results(run, lambda one: one["results"]["own_choices|0"].update(acc=0.5))
    imported = _read(run, "own_choices")
    assert imported.items[0].statuses[0] == "score missing"
    assert any("1 items have no value of `acc`" in note for note in imported.notes)


def test_several_golds_samples_tokens_and_cut_prompts(run, golden):
    rows = _rows(run, "own_choices")
    for row in rows:
        row["doc"]["gold_index"] = [row["doc"]["gold_index"]]
        row["model_response"]["truncated_tokens_count"] = 3
    rows[0]["doc"]["gold_index"] = [0, 1]
    _write(run, "own_choices", rows)
    imported = _read(run, "own_choices")
    assert math.isnan(imported.items[0].margin[0])
    assert np.array_equal(imported.items[0].margin[1:], _answers(golden, "own_choices").margin[1:])
    assert json.loads(imported.items[0].targets[0]) == [" snow", " hay"]
    assert any("7 prompts were cut" in note for note in imported.notes)
    rows = _rows(run, "own_written")
    rows[0]["model_response"]["output_tokens"] = [[5, 6, 7]]
    rows[1]["model_response"]["text_post_processed"] = ["a", "b"]
    _write(run, "own_written", rows)
    imported = _read(run, "own_written")
    assert imported.items[0].output_tokens.tolist() == [3, -1, -1]
    assert imported.items[0].predictions == ("random baseline", None, "random baseline")
    assert any("up to 2 times" in note for note in imported.notes)


def test_pointwise_mutual_information(run):
    rows = _rows(run, "own_choices")
    for row in rows:
        without = [-0.1 * (place + 1) for place in range(len(row["doc"]["choices"]))]
        difference = np.subtract(row["model_response"]["logprobs"], without)
        row["model_response"]["unconditioned_logprobs"] = without
        row["metric"]["acc"] = int(difference.argmax() == row["doc"]["gold_index"])
    _write(run, "own_choices", rows)

    def change(content):
        mean = float(np.mean([row["metric"]["acc"] for row in rows]))
        content["results"]["own_choices|0"]["acc"] = mean
        metric = content["config_tasks"]["own_choices|0"]["metrics"][0]
        rule = "LogProbPMINorm(name='norm_pmi')"
        metric["sample_level_fn"] = f"LoglikelihoodAcc(logprob_normalization={rule})"

    _change_results(run, change)
    for row, margin in zip(rows, _answers(run, "own_choices").margin, strict=True):
        response = row["model_response"]
        values = np.subtract(response["logprobs"], response["unconditioned_logprobs"])
        gold = row["doc"]["gold_index"]
        assert margin == pytest.approx(values[gold] - np.delete(values, gold).max(), abs=1e-12)


def test_scores_that_no_rule_explains_have_no_margin(run):
    def change(content):
        metric = content["config_tasks"]["own_choices|0"]["metrics"][0]
        metric["sample_level_fn"] = "LoglikelihoodAcc(logprob_normalization=LogProbTokenNorm())"

    rows = _rows(run, "own_choices")
    rows[0]["metric"]["acc"], rows[-1]["metric"]["acc"] = 0, 1
    _write(run, "own_choices", rows)
    for damage in (lambda _: None, change):
        _change_results(run, damage)
        imported = _read(run, "own_choices")
        assert imported.items[0].margin is None
        assert imported.items[0].choice_log_likelihoods is not None
        assert any("margins are left out" in note for note in imported.notes)


def test_one_question_twice_under_one_id_is_refused(run):
    rows = _rows(run, "own_choices")
    _results_path(run).unlink()
    _write(run, "own_choices", [*rows, rows[1]])
    with pytest.raises(TableError, match="is there twice"):
        _read(run, "own_choices")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"doc": 1, "metric": 1, "model_response": 1}], "must be structs"),
        ([{"doc": {"query": 3}, "metric": {"a": 1}, "model_response": None}], "no text `query`"),
        ([{"doc": None, "metric": None, "model_response": None}], "must be structs"),
        ([{"question": "a"}], "lacks the columns"),
    ],
)
def test_rows_of_another_kind_are_refused(run, rows, said):
    _write(run, "own_choices", rows)
    with pytest.raises(TableError, match=said):
        _read(run, "own_choices")


def test_other_files_are_refused(run, tmp_path):
    path = _details(run, "own_choices")
    whole = path.read_bytes()
    for content, said in (
        (b"", "no Parquet file"),
        (b"{}", "no Parquet file"),
        (whole[:-20], "may be damaged"),
        (b"PAR1" + bytes(100), "may be damaged"),
    ):
        path.write_bytes(content)
        with pytest.raises(TableError, match=said):
            _read(run, "own_choices")
    with pytest.raises(TableError, match="cannot be read"):
        FORMAT.read(Bundle(main=tmp_path / "none.parquet"), ImportOptions())


def test_an_empty_table_is_refused(run):
    table = pq.read_table(_details(run, "own_choices"))
    pq.write_table(table.slice(0, 0), _details(run, "own_choices"))
    with pytest.raises(TableError, match="has 0 rows"):
        _read(run, "own_choices")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: content.pop("results"), "holds no `results`"),
        (lambda content: content["results"].pop("own_choices|0"), "has no scores of"),
    ],
)
def test_results_of_another_kind_are_refused(run, change, said):
    _change_results(run, change)
    with pytest.raises(TableError, match=said):
        _read(run, "own_choices")


def test_sections_of_another_kind_are_as_good_as_missing(run, golden):
    _change_results(run, lambda one: one.update(config_general=[], config_tasks="x", versions=1))
    answers = _answers(run, "own_choices")
    assert answers.settings == {"n_shot": "0", "metric": "acc"}
    assert answers.scores.tolist() == _answers(golden, "own_choices").scores.tolist()


def test_secrets_of_the_model_are_not_kept(run):
    def change(content):
        content["config_general"]["model_config"]["api_key"] = "sk-123"
        content["config_general"]["model_name"] = "/models/of/mine/model-Q4"

    _change_results(run, change)
    answers = _answers(run, "own_choices")
    assert answers.model == "model-Q4"
    assert "api_key" in answers.about["model_config"]
    assert "sk-123" not in json.dumps(dict(answers.about))
