"""Samples as lm-eval wrote them, and as they get edited, cut and mixed up."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from silentzone.benchmarks.scoring import score_choices
from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.registry import FORMATS

FORMAT = FORMATS["lm-eval"]
GOLDEN = Path(__file__).parents[3] / "golden" / "imports" / "lm_eval"
F16, Q8_0, CHAT, OLD = (
    GOLDEN / name for name in ("run-f16", "run-q8_0", "run-chat", "version-0.4.2")
)


def _samples(folder, task):
    (path,) = [path for path in folder.iterdir() if f"_{task}" in path.stem]
    return path


def _read(folder, task, **options):
    (bundle,) = FORMAT.find([_samples(folder, task)])
    return FORMAT.read(bundle, ImportOptions(**options))


def _answers(folder, task, **options):
    (answers,) = _read(folder, task, **options).items
    return answers


def _rows(folder, task):
    text = _samples(folder, task).read_text("utf-8")
    return json.loads(text) if text.startswith("[") else [json.loads(x) for x in text.splitlines()]


@pytest.fixture
def run(tmp_path):
    """A copy of a run that a test can damage."""
    folder = tmp_path / "run"
    shutil.copytree(F16, folder)
    return folder


def _write(folder, task, rows):
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    _samples(folder, task).write_text("".join(lines), "utf-8")


def _results_path(folder):
    (path,) = folder.glob("results_*.json")
    return path


def _change_results(folder, change):
    path = _results_path(folder)
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def _alone(folder):
    """Take the results away, so that only the rows speak."""
    _results_path(folder).unlink()


# What lm-eval wrote.


def test_every_task_of_a_folder_is_found_with_its_results():
    bundles = FORMAT.find(sorted(GOLDEN.rglob("*")))
    assert len(bundles) == 7 + 7 + 1 + 2
    for bundle in bundles:
        (companion,) = bundle.companions
        assert companion.parent == bundle.main.parent
        assert companion.name.startswith("results")


@pytest.mark.parametrize("metric", ["acc", "acc_norm"])
@pytest.mark.parametrize("folder", [F16, Q8_0, CHAT, OLD], ids=lambda path: path.name)
def test_choices_are_scored_as_our_own_rule_scores_them(folder, metric):
    answers = _answers(folder, "pick", metric=metric)
    rows = _rows(folder, "pick")
    assert len(answers.item_ids) == len(rows)
    for number, row in enumerate(rows):
        values = [float(value) for value, _ in row["filtered_resps"]]
        own = score_choices(
            values,
            [len(choice) for choice in row["doc"]["choices"]],
            row["doc"]["gold"],
            headline="raw" if metric == "acc" else "normalized",
        )
        assert answers.choice_log_likelihoods[number] == values
        assert answers.scores[number] == own.score == row[metric]
        assert answers.predictions[number] == str(own.prediction)
        assert answers.margin[number] == pytest.approx(own.margin, abs=1e-12)
        assert answers.confidence[number] == pytest.approx(own.confidence, abs=1e-12)


def test_items_are_known_by_the_hash_of_their_document_and_equal_ones_by_their_number():
    rows = _rows(F16, "pick")
    answers = _answers(F16, "pick")
    assert rows[3]["doc_hash"] == rows[4]["doc_hash"]
    assert answers.item_ids == tuple(
        row["doc_hash"][:16] + (f"-{row['doc_id']}" if row["doc_id"] in {3, 4} else "")
        for row in rows
    )
    assert answers.prompt_sha256 == tuple(row["prompt_hash"] for row in rows)
    assert answers.target_sha256 == tuple(row["target_hash"] for row in rows)


@pytest.mark.parametrize("task", ["pick", "letters"])
def test_an_old_version_without_hashes_gives_the_same_items_prompts_and_golds(task):
    old, new = _answers(OLD, task), _answers(F16, task)
    assert "doc_hash" not in _rows(OLD, task)[0]
    assert old.item_ids == new.item_ids
    assert old.prompt_sha256 == new.prompt_sha256
    assert old.target_sha256 == new.target_sha256
    assert old.model == "dummy"
    assert (
        np.mean(old.scores)
        == json.loads((OLD / "results.json").read_text())["results"][task][
            "acc_norm,none" if task == "pick" else "acc,none"
        ]
    )


def test_golds_that_are_texts_and_choices_that_are_prompts_have_margins():
    letters, fill = _answers(F16, "letters"), _answers(F16, "fill")
    for answers, golds in ((letters, [0, 1, 0, 1, 0]), (fill, [0, 1, 1, 0])):
        for values, gold, margin in zip(
            answers.choice_log_likelihoods, golds, answers.margin, strict=True
        ):
            assert margin == pytest.approx(values[gold] - values[1 - gold], abs=1e-12)


def test_written_answers_are_kept_as_their_filter_left_them():
    answers = _answers(F16, "count", filter="flexible")
    rows = [row for row in _rows(F16, "count") if row["filter"] == "flexible"]
    assert answers.predictions == tuple(row["filtered_resps"][0] for row in rows)
    assert answers.targets == ("5", "8", "4", "3", "7", "7")
    assert answers.scores.tolist() == [row["exact_match"] for row in rows]
    assert answers.margin is None
    assert answers.choice_log_likelihoods is None


def test_the_runs_settings_and_circumstances_are_kept_apart():
    answers = _answers(CHAT, "pick")
    assert answers.settings == {
        "task_version": "1.0",
        "n_shot": "0",
        "repeats": "1",
        "generation": "none",
        "chat_template_sha256": "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788",
        "system_instruction_sha256": "none",
        "fewshot_as_multiturn": "true",
        "metric": "acc_norm",
        "filter": "none",
    }
    assert answers.about["limit"] == "6.0"
    assert answers.about["lm_eval"] == "0.4.13"
    assert answers.about["date"] == "2026-11-26T03:44:13+00:00"
    assert [source.name[:7] for source in answers.sources] == ["samples", "results"]


def test_the_reference_is_the_model_of_that_name():
    (facts,) = _read(F16, "pick", reference="F16").models
    assert (facts.name, facts.is_reference) == ("F16", True)
    (facts,) = _read(Q8_0, "pick", reference="F16").models
    assert (facts.name, facts.is_reference) == ("Q8_0", False)
    assert _answers(Q8_0, "pick", model="mine", benchmark="choices").benchmark == "choices"


def test_several_answers_per_question_are_said():
    imported = _read(F16, "vote")
    assert any("answered 3 times" in note for note in imported.notes)
    assert imported.items[0].settings["repeats"] == "3"
    assert imported.items[0].repeats.tolist() == [0] * 6


def test_results_under_the_name_given_to_output_path_belong_to_the_samples(run):
    path = _results_path(run)
    path.rename(path.with_name(path.name.replace("results", "mine")))
    (bundle,) = FORMAT.find([_samples(run, "pick")])
    assert bundle.companions[0].name.startswith("mine_2026")


# Filters and metrics.


def test_one_of_several_filters_must_be_named():
    with pytest.raises(TableError, match="2 filters of the same answers: `strict`") as caught:
        _read(F16, "count")
    assert "exact_match 0.5000" in caught.value.message
    assert caught.value.hint == "say which of them counts: --filter strict"
    with pytest.raises(TableError, match="none of them 'lenient'"):
        _read(F16, "count", filter="lenient")


def test_a_task_with_one_filter_or_metric_takes_it_and_says_so():
    imported = _read(F16, "letters", filter="strict", metric="acc_norm")
    assert imported.items[0].settings["metric"] == "acc"
    assert len([note for note in imported.notes if "the only one" in note]) == 2


def test_acc_norm_counts_unless_another_is_named():
    imported = _read(F16, "pick")
    assert imported.items[0].settings["metric"] == "acc_norm"
    assert imported.notes == (
        "task `pick`: `acc_norm` counts; `acc` can be named with --metric instead",
    )
    assert not _read(F16, "pick", metric="acc").notes
    with pytest.raises(TableError, match=r"no metric 'f1', but `acc` \(mean 0\.7500\), `acc_norm`"):
        _read(F16, "pick", metric="f1")


def test_several_metrics_without_a_usual_one_must_be_named(run):
    rows = [{**row, "metrics": ["acc", "likes"], "likes": 1.0} for row in _rows(run, "letters")]
    _write(run, "letters", rows)
    with pytest.raises(TableError, match="several metrics") as caught:
        _read(run, "letters")
    assert caught.value.hint == "say which is an item's score: --metric acc"
    assert _answers(run, "letters", metric="likes").scores.tolist() == [1.0] * 5


def test_a_number_over_all_items_is_no_score():
    with pytest.raises(TableError, match=r"`bits_per_byte` \(a list per item"):
        _read(F16, "texts")
    with pytest.raises(TableError, match=r"`perplexity` of task `ends` is no score .* runs from"):
        _read(F16, "ends", metric="perplexity")
    assert _answers(F16, "ends").scores.tolist() == [0.0] * 3


def test_a_metric_that_is_better_lower_is_no_score(run):
    _change_results(run, lambda content: content["higher_is_better"]["letters"].update(acc=False))
    with pytest.raises(TableError, match="lower is better"):
        _read(run, "letters")


# Files that are not whole, and rows that were edited.


@pytest.mark.parametrize("with_results", [True, False])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("document", lambda row: row["doc"].update(question="What falls in summer?")),
        ("prompt", lambda row: row["arguments"]["gen_args_0"].update(arg_0="What falls?")),
        ("gold answer", lambda row: row.update(target="1")),
    ],
)
def test_an_edited_row_is_refused_with_its_line(run, name, change, with_results):
    rows = _rows(run, "pick")
    change(rows[1])
    _write(run, "pick", rows)
    if not with_results:
        _alone(run)
    with pytest.raises(TableError, match=f"line 2: the {name}") as caught:
        _read(run, "pick")
    assert "edited" in caught.value.message


@pytest.mark.parametrize("number", range(8))
def test_a_row_that_is_missing_is_noticed(run, number):
    rows = _rows(run, "pick")
    del rows[number]
    _write(run, "pick", rows)
    with pytest.raises(TableError, match="rows are missing"):
        _read(run, "pick")


def test_a_missing_row_is_noticed_without_the_hash_of_the_task(run):
    _change_results(run, lambda content: content.pop("task_hashes"))
    rows = _rows(run, "pick")
    _write(run, "pick", rows[:-1])
    with pytest.raises(TableError, match=r"7 rows .* says that 8 items were scored"):
        _read(run, "pick")
    _change_results(run, lambda content: content.pop("n-samples"))
    with pytest.raises(TableError, match=r"mean of `acc` over its 7 rows .* and .* says 0\.75;"):
        _read(run, "pick")


def test_the_hash_of_all_rows_outweighs_their_stated_number(run):
    _change_results(run, lambda content: content["n-samples"]["pick"].update(effective=100))
    assert len(_answers(run, "pick").item_ids) == 8
    _change_results(run, lambda content: content.pop("task_hashes"))
    with pytest.raises(TableError, match="100 items were scored"):
        _read(run, "pick")


def test_a_changed_score_is_noticed(run):
    rows = _rows(run, "pick")
    rows[0]["acc"] = 1.0
    _write(run, "pick", rows)
    with pytest.raises(TableError, match="mean of `acc` over its 8 rows"):
        _read(run, "pick", metric="acc_norm")


def test_rows_of_one_filter_that_are_missing_are_noticed(run):
    rows = _rows(run, "count")
    _alone(run)
    _write(run, "count", rows[:-1])
    with pytest.raises(TableError, match=r"'strict' 6, 'flexible' 5"):
        _read(run, "count", filter="strict")


def test_a_filter_that_is_missing_is_noticed(run):
    _change_results(run, lambda content: content.pop("task_hashes"))
    _write(run, "count", [row for row in _rows(run, "count") if row["filter"] == "strict"])
    with pytest.raises(TableError, match="no row of filter 'flexible'"):
        _read(run, "count")


def test_an_item_that_stands_there_twice_is_refused(run):
    rows = _rows(run, "pick")
    _alone(run)
    _write(run, "pick", [*rows, rows[2]])
    with pytest.raises(TableError, match="line 9: is the same item as line 3"):
        _read(run, "pick")


def test_rows_of_another_run_are_refused(run):
    shutil.copy(_samples(Q8_0, "count"), _samples(run, "count"))
    with pytest.raises(TableError, match="different runs"):
        _read(run, "count", filter="strict")


def test_a_file_under_another_tasks_name_is_refused(run):
    path = _samples(run, "pick")
    path = path.rename(path.with_name(path.name.replace("pick", "picked")))
    (bundle,) = FORMAT.find([path])
    with pytest.raises(TableError, match="has no task `picked`"):
        FORMAT.read(bundle, ImportOptions())


def test_samples_without_results_say_what_is_not_known(run):
    _alone(run)
    imported = _read(run, "pick")
    assert any("no results file" in note for note in imported.notes)
    (answers,) = imported.items
    assert answers.settings == {"metric": "acc_norm", "filter": "none"}
    assert answers.model == "run"
    assert answers.about == {"date": "2026-11-26T03-36-54.428862"}


def test_documents_that_a_task_changes_are_a_note(run):
    rows = _rows(run, "pick")
    for row in rows:
        row["doc"]["prepared"] = True
    _write(run, "pick", rows)
    imported = _read(run, "pick")
    assert any("changes its documents" in note for note in imported.notes)
    assert imported.items[0].item_ids == _answers(F16, "pick").item_ids


def test_rows_without_a_filter_cannot_be_told_apart_where_there_are_several(run):
    rows = _rows(run, "count")
    for row in rows:
        del row["filter"]
    _write(run, "count", rows)
    with pytest.raises(TableError, match="do not say their filter"):
        _read(run, "count", filter="strict")
    _alone(run)
    with pytest.raises(TableError, match="line 7: is the same item as line 1"):
        _read(run, "count", filter="strict")


# Values that are missing or wrong.


def _rehashed(row):
    text = json.dumps(row["doc"], indent=2, ensure_ascii=False)
    return {**row, "doc_hash": hashlib.sha256(text.encode()).hexdigest()}


@pytest.mark.parametrize("value", ["nan", "-inf"])
def test_an_answer_without_a_number_has_no_score(run, value):
    rows = _rows(run, "pick")
    for field in ("resps", "filtered_resps"):
        pair = rows[2][field][0]
        (pair[0] if field == "resps" else pair)[0] = value
    _write(run, "pick", rows)
    imported = _read(run, "pick")
    (answers,) = imported.items
    assert answers.statuses == ("ok", "ok", "non_finite", *["ok"] * 5)
    assert math.isnan(answers.scores[2])
    assert math.isnan(answers.margin[2])
    assert answers.choice_log_likelihoods[2] is None
    assert any("1 items have a log-likelihood that is NaN" in note for note in imported.notes)


def test_a_metric_without_a_value_is_missing(run):
    rows = _rows(run, "letters")
    rows[1]["acc"] = math.nan
    rows[2]["acc"] = None
    _write(run, "letters", rows)
    with pytest.raises(TableError, match=r"mean of `acc` .* is nan"):
        _read(run, "letters")
    _change_results(
        run, lambda content: content["results"]["letters"].update({"acc,none": math.nan})
    )
    imported = _read(run, "letters")
    (answers,) = imported.items
    assert answers.statuses == ("ok", "score missing", "score missing", "ok", "ok")
    assert np.isnan(answers.scores).tolist() == [False, True, True, False, False]
    assert any("2 items have no value of `acc`" in note for note in imported.notes)


def test_scores_that_no_rule_explains_have_no_margin(run):
    rows = _rows(run, "pick")
    rows[0]["acc"], rows[1]["acc"] = rows[1]["acc"], rows[0]["acc"]
    _write(run, "pick", rows)
    imported = _read(run, "pick", metric="acc")
    assert imported.items[0].margin is None
    assert any("margins are left out" in note for note in imported.notes)
    assert _read(run, "pick", metric="acc_norm").items[0].margin is not None


def test_lengths_in_bytes_and_mutual_information(run):
    rows = []
    for row in _rows(run, "letters"):
        values = [float(value) for value, _ in row["filtered_resps"]]
        without = [-1.0, -9.0]
        pairs = [[str(value), "False"] for value in values + without]
        gold = "AB".index(row["target"])
        difference = np.subtract(values, without)
        rows.append(
            {
                **row,
                "filtered_resps": pairs,
                "resps": [[pair] for pair in pairs],
                "metrics": ["acc_mutual_info"],
                "acc_mutual_info": float(difference.argmax() == gold),
            }
        )
    _write(run, "letters", rows)
    _alone(run)
    answers = _answers(run, "letters")
    for row, margin, kept in zip(rows, answers.margin, answers.choice_log_likelihoods, strict=True):
        values = [float(value) for value, _ in row["filtered_resps"]]
        gold = "AB".index(row["target"])
        assert kept == values[:2]
        ahead = (values[gold] - values[2 + gold]) - (values[1 - gold] - values[3 - gold])
        assert margin == pytest.approx(ahead, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: row.update(doc_id="7"), "`doc_id` is '7'"),
        (lambda row: row.update(doc_id=2**70), "`doc_id` is"),
        (lambda row: row.pop("doc_id"), "`doc_id` is 'None'"),
        (lambda row: row.update(filter=3), "`filter` is '3'"),
        (lambda row: row.pop("acc"), "lacks acc, which its `metrics` names"),
        (lambda row: row.update(metrics=[]), "has no metric"),
        (lambda row: row.update(doc_hash="abc"), "`doc_hash` is no SHA-256"),
        (lambda row: row.update(filter="\ud800"), "has a name that holds half"),
        (lambda row: row.update(target="\ud800"), "holds half of a surrogate pair"),
    ],
)
def test_a_row_of_another_kind_is_refused_with_its_line(run, change, message):
    rows = _rows(run, "pick")
    change(rows[1])
    lines = (json.dumps(row) + "\n" for row in rows)
    _samples(run, "pick").write_text("".join(lines), "utf-8")
    with pytest.raises(TableError, match=f"line 2: {message}"):
        _read(run, "pick")


def test_everything_wrong_is_said_at_once(run):
    rows = [{**row, "target": "9"} for row in _rows(run, "pick")]
    _write(run, "pick", rows)
    with pytest.raises(TableError, match="8 things are wrong") as caught:
        _read(run, "pick")
    assert caught.value.message.count("the gold answer") == 8


# Files of another kind, or cut off.


def test_the_results_file_alone_has_no_items():
    with pytest.raises(TableError, match="scores of whole tasks") as caught:
        FORMAT.read(Bundle(main=_results_path(F16)), ImportOptions())
    assert "--log_samples" in (caught.value.hint or "")


@pytest.mark.parametrize(("folder", "task"), [(F16, "pick"), (OLD, "letters")])
def test_a_file_that_was_cut_off_is_refused_wherever(tmp_path, folder, task):
    whole = _samples(folder, task).read_bytes()
    path = tmp_path / "samples_x.jsonl"
    n_whole = 0
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        if folder == F16 and whole[length - 1 : length + 1] in {b"}\n", b"\n{"}:
            # Nothing but the results file can tell then, and the note says so.
            imported = FORMAT.read(Bundle(main=path), ImportOptions())
            assert any("is not known" in note for note in imported.notes)
            n_whole += 1
        else:
            with pytest.raises(TableError, match=r"samples_x\.jsonl"):
                FORMAT.read(Bundle(main=path), ImportOptions())
    assert n_whole < 8


def test_an_array_larger_than_what_is_read_at_once(tmp_path):
    rows = []
    for number in range(40):
        row = {**_rows(OLD, "letters")[0], "doc_id": number}
        row["doc"] = {**row["doc"], "number": number, "filler": "ü" * 100_000}
        rows.append(row)
    path = tmp_path / "samples_long.json"
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False), "utf-8")
    (answers,) = FORMAT.read(Bundle(main=path), ImportOptions()).items
    assert len(set(answers.item_ids)) == 40
    content = path.read_text("utf-8")
    for damaged, said in (
        (content + "x", "goes on after"),
        (content[:-1], "ends within its list"),
        (content[: len(content) // 2], "not JSON"),
        (content.replace("  },\n  {", "  }\n  {", 1), "ends within its list"),
        ("[1]", "ends within its list"),
        ("[" * 100_000, "ends within its list"),
        ('[{"doc_id":' + "[" * 100_000, "not JSON"),
        ('[{"doc_id": 0, "doc_id": 1}]', "occurs twice"),
        ("[]", "holds no row"),
    ):
        path.write_text(damaged, "utf-8")
        with pytest.raises(TableError, match=said):
            FORMAT.read(Bundle(main=path), ImportOptions())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04", "zip file"),
        (b"\x1f\x8b", "gzip"),
        (b'{"doc_id": 0}\n\xff\n', "line 2 is not UTF-8"),
        (b"[1, 2]\n", "ends within its list"),
        (b'"doc_id"\n', "no JSON object"),
        (b'{"doc_id": ' + b"[" * 100_000 + b"\n", "nested too deeply"),
        (b'{"doc_id": ' + b"9" * 10_000 + b"}\n", "line 1 is no JSON"),
        (b'{"doc_id": 0,}\n', "line 1 is no JSON"),
    ],
)
def test_anything_else_is_refused(tmp_path, content, said):
    path = tmp_path / "samples_x.jsonl"
    path.write_bytes(content)
    with pytest.raises(TableError, match=said):
        FORMAT.read(Bundle(main=path), ImportOptions())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no JSON, or was cut off"),
        ("[]", "holds no `results`"),
        (r'{"results": {"pick": {"alias": "\ud800"}}}', "half of a surrogate pair"),
        ('{"results": []}', "holds no `results`"),
        ('{"results": {}}', "has no task `pick`"),
    ],
)
def test_a_damaged_results_file_is_refused(run, content, said):
    _results_path(run).write_text(content)
    with pytest.raises(TableError, match=said):
        _read(run, "pick")


def test_sections_of_another_kind_are_as_good_as_missing(run):
    def change(content):
        for key in set(content) - {"results"}:
            content[key] = "damaged"

    _change_results(run, change)
    answers = _answers(run, "pick")
    assert answers.scores.tolist() == _answers(F16, "pick").scores.tolist()


# Names.


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"model_name": "org/model-AWQ"}, "org/model-AWQ"),
        ({"model_name": "/models/of/mine/model-Q4"}, "model-Q4"),
        ({"model_name": "./out/model/"}, "model"),
        ({"model_name": r"C:\models\model-Q5.gguf"}, "model-Q5"),
        ({"model_name": "models/model-Q4_K_M.gguf"}, "model-Q4_K_M"),
        (
            {"model_name": "dir", "config": {"model_args": "pretrained=dir,gguf_file=a-Q3_K.gguf"}},
            "a-Q3_K",
        ),
        (
            {"model_name": "", "config": {"model_args": {"pretrained": "org/base", "peft": "ad"}}},
            "ad",
        ),
        ({"model_name": None, "config": {}}, "run"),
    ],
)
def test_a_model_is_named_as_people_know_it(run, change, name):
    _change_results(run, lambda content: content.update(change))
    assert _answers(run, "pick").model == name
    assert _answers(run, "pick", model="mine").model == "mine"


@pytest.mark.parametrize(
    "arguments",
    ["model=x,api_key=sk-123,seed=1", {"model": "x", "token": "sk-123", "seed": 1}],
)
def test_secrets_among_the_arguments_are_not_kept(run, arguments):
    _change_results(run, lambda content: content["config"].update(model_args=arguments))
    about = _answers(run, "pick").about
    assert "seed" in about["model_args"]
    assert "sk-123" not in json.dumps(dict(about))


def test_a_long_answer_is_kept_as_its_beginning_and_a_hash(run):
    rows = _rows(run, "count")
    long = "seven " * 1000
    rows[0]["filtered_resps"] = [long]
    rows[1]["filtered_resps"] = [long + "!"]
    _write(run, "count", rows)
    imported = _read(run, "count", filter="strict")
    first, second, third = imported.items[0].predictions[:3]
    assert first.startswith(long[:1000])
    assert first != second
    assert third == "[invalid]"
    assert any("longer than 1,000 characters" in note for note in imported.notes)


def test_half_of_a_surrogate_pair_in_an_answer_is_replaced(run):
    rows = _rows(run, "count")
    rows[0]["filtered_resps"] = ["a\ud800"]
    lines = (json.dumps(row) + "\n" for row in rows)
    _samples(run, "count").write_text("".join(lines), "utf-8")
    assert _answers(run, "count", filter="strict").predictions[0] == "a?"


def test_no_gold_of_several_has_a_margin_but_the_answers_stay(run):
    rows = []
    for row in _rows(run, "pick"):
        target = f"[{row['target']}, 2]"
        digest = hashlib.sha256(target.encode()).hexdigest()
        rows.append({**row, "target": target, "target_hash": digest})
    _write(run, "pick", rows)
    _alone(run)
    answers = _answers(run, "pick", metric="acc")
    assert answers.margin is None
    assert answers.predictions == _answers(F16, "pick", metric="acc").predictions
    assert answers.confidence is not None
