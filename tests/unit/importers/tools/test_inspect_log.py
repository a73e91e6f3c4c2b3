"""Logs that Inspect wrote, and what must not be taken for one."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path

import pytest

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools.inspect_log import FORMAT

LOGS = Path(__file__).parents[3] / "golden/imports/inspect"
NAMES = ("4", "sum-1", "sum-2", "sum-3", "sum-5") * 2


def _read(path, **options):
    return FORMAT.read(Bundle(main=path), ImportOptions(**options))


def _log(name="one_scorer"):
    return json.loads((LOGS / f"{name}.json").read_text())


def _written(tmp_path, log):
    path = tmp_path / "log.json"
    path.write_text(json.dumps(log))
    return path


@pytest.mark.parametrize("suffix", ["eval", "json"])
def test_epochs_letters_errors_and_limits(suffix):
    found = _read(LOGS / f"one_scorer.{suffix}")
    (answers,) = found.items

    assert (answers.model, answers.benchmark) == ("mockllm/model", "sums")
    assert answers.item_ids == NAMES
    assert answers.repeats.tolist() == [0] * 5 + [1] * 5
    # N, C, P, an error, and a C that a limit of tokens stopped; then C, I, C and the same again.
    assert answers.scores[[0, 1, 2, 5, 6, 7]].tolist() == [0.0, 1.0, 0.5, 1.0, 0.0, 1.0]
    assert all(math.isnan(answers.scores[row]) for row in (3, 4, 8, 9))
    assert answers.statuses == ("ok", "ok", "ok", "error", "truncated") * 2
    assert answers.predictions == ("", "2", "19", None, "6", "4", "3", "13", None, "5")
    assert answers.targets == ("4", "2", "13", "4", "6") * 2
    assert answers.output_tokens is not None
    assert answers.output_tokens.tolist() == [1, 2, 3, -1, 2, 2, 2, 3, -1, 2]
    assert answers.settings["task_version"] == "3"
    assert answers.settings["scorer"] == "graded"
    assert answers.settings["epochs_reducer"] == "mean"
    assert answers.about["tool"] == "inspect_ai 0.3.285"
    assert found.notes == (
        "mockllm/model, sums: values of scorer `graded` were read as: "
        "C=1 (4), I=0 (2), N=0 (1), P=0.5 (1)",
        "mockllm/model, sums: 4 of 10 answers count as having no score: 2 error, 2 truncated",
    )


def test_both_formats_of_one_log_are_the_same_answers():
    one, other = (_read(LOGS / f"one_scorer.{suffix}").items[0] for suffix in ("eval", "json"))

    assert one.prompt_sha256 == other.prompt_sha256
    assert one.target_sha256 == other.target_sha256
    assert one.settings == other.settings


def test_the_logs_are_packed_with_zstd():
    with zipfile.ZipFile(LOGS / "one_scorer.eval") as file:
        assert {one.compress_type for one in file.infolist()} == {93}


def test_a_prompt_of_messages_hashes_alike_in_two_runs():
    # Inspect draws an id for every message, so the texts of the logs differ.
    ids = [_log(name)["samples"][2]["input"][0]["id"] for name in ("one_scorer", "three_scorers")]
    one = _read(LOGS / "one_scorer.eval").items[0]
    other = _read(LOGS / "three_scorers.eval", filter="match").items[0]

    assert ids[0] != ids[1]
    assert one.prompt_sha256 == other.prompt_sha256


def test_several_scorers_must_be_named():
    with pytest.raises(TableError, match="3 scorers: `graded`, `match`, `facets`") as caught:
        _read(LOGS / "three_scorers.eval")
    assert "--filter" in str(caught.value.hint)
    with pytest.raises(TableError, match="no `other` among its scorers"):
        _read(LOGS / "three_scorers.eval", filter="other")
    match = _read(LOGS / "three_scorers.eval", filter="match").items[0]
    assert match.scores[[0, 1, 2]].tolist() == [0.0, 1.0, 0.0]


def test_several_entries_of_a_value_must_be_named():
    with pytest.raises(TableError, match=r"2 entries .* `length`, `exact`") as caught:
        _read(LOGS / "three_scorers.eval", filter="facets")
    assert "--metric" in str(caught.value.hint)
    found = _read(LOGS / "three_scorers.eval", filter="facets", metric="exact")
    (answers,) = found.items
    assert answers.scores[[0, 1, 2]].tolist() == [0.0, 1.0, 0.0]
    assert answers.settings["metric"] == "exact"
    assert "entry `exact` were read as: false=0 (4), true=1 (4)" in found.notes[0]
    with pytest.raises(TableError, match="gives one value"):
        _read(LOGS / "three_scorers.eval", filter="graded", metric="exact")


def test_names_of_the_user_stand_before_those_of_the_log():
    found = _read(LOGS / "one_scorer.eval", model="Q4", benchmark="b", reference="Q4")

    assert (found.items[0].model, found.items[0].benchmark) == ("Q4", "b")
    assert found.models[0].is_reference


@pytest.mark.parametrize(
    ("value", "score"),
    [("yes", 1.0), ("FALSE", 0.0), ("0.25", 0.25), (0.25, 0.25), (True, 1.0), (1, 1.0)],
)
def test_values_are_read_as_inspect_reads_them(tmp_path, value, score):
    log = _log()
    log["samples"][0]["scores"]["graded"]["value"] = value

    assert _read(_written(tmp_path, log)).items[0].scores[0] == score


@pytest.mark.parametrize("value", [None, math.nan])
def test_a_value_that_is_not_there_is_a_status(tmp_path, value):
    log = _log()
    log["samples"][0]["scores"]["graded"]["value"] = value

    assert _read(_written(tmp_path, log)).items[0].statuses[0] == "score missing"


@pytest.mark.parametrize(
    ("value", "message"), [("c", "finite number"), (7, "no proportion"), ([1], "finite number")]
)
def test_a_value_that_is_no_score_is_refused(tmp_path, value, message):
    log = _log()
    log["samples"][0]["scores"]["graded"]["value"] = value

    with pytest.raises(TableError, match=f"sample 0: .*{message}"):
        _read(_written(tmp_path, log))


def test_a_mean_that_differs_from_inspects_own_is_said(tmp_path):
    log = _log()
    log["samples"][0]["scores"]["graded"]["value"] = "C"

    notes = _read(_written(tmp_path, log)).notes

    assert "Inspect states accuracy 0.5625" in notes[-1]
    assert "0.6875" in notes[-1]


def test_a_run_that_ended_early_is_said(tmp_path):
    log = _log()
    log["status"] = "error"
    del log["samples"][5:]

    notes = _read(_written(tmp_path, log)).notes

    assert any("status 'error' and 5 of 10 answers are in the log" in note for note in notes)


def test_answers_cut_by_the_model_keep_their_score_and_are_counted(tmp_path):
    log = _log()
    log["samples"][1]["output"]["choices"][0]["stop_reason"] = "max_tokens"

    found = _read(_written(tmp_path, log))

    assert found.items[0].statuses[1] == "ok"
    assert any("1 answers end at the model's limit" in note for note in found.notes)


def test_limits_of_time_are_timeouts(tmp_path):
    log = _log()
    log["samples"][4]["limit"]["type"] = "time"
    log["samples"][0]["invalidation"] = {"author": "someone"}

    assert _read(_written(tmp_path, log)).items[0].statuses[:5] == (
        "invalidated",
        "ok",
        "ok",
        "error",
        "timeout",
    )


def test_settings_hold_what_changes_answers_alone(tmp_path):
    log = _log()
    log["plan"]["config"] = {"temperature": 0.0, "max_connections": 8, "top_p": None}
    log["eval"]["config"]["message_limit"] = 30

    settings = _read(_written(tmp_path, log)).items[0].settings

    assert settings["generate_config"] == '{"temperature":0.0}'
    assert settings["limits"] == '{"message_limit":30}'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda log: log.update(version=1), "version 2; it has '1'"),
        (lambda log: log["eval"].pop("model"), "`model` is missing"),
        (lambda log: log.update(eval=[]), "`eval` must be an object"),
        (lambda log: log.pop("samples"), "no scored sample"),
        (lambda log: log["samples"].append(log["samples"][0]), "attempt 1, is there twice"),
        (lambda log: log["samples"][0].update(epoch=True), "`epoch` must be a whole number"),
        (lambda log: log["samples"][0].update(id=None), "`id` must be a text"),
        (lambda log: log["samples"].append(3), "this is no sample"),
        (lambda log: log["samples"][0].update(epoch=0), "number of an attempt"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path, change, message):
    log = _log()
    change(log)

    with pytest.raises(TableError, match=message):
        _read(_written(tmp_path, log))


def test_a_log_without_header_names_the_way_out(tmp_path):
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("_journal/start.json", "{}")

    with pytest.raises(TableError, match="its run never ended") as caught:
        _read(path)
    assert "inspect log recover" in str(caught.value.hint)


def test_a_damaged_sample_is_named(tmp_path):
    path = tmp_path / "log.eval"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("header.json", json.dumps({**_log(), "samples": None}))
        file.writestr("samples/1_epoch_1.json", '{"id": 1, "id": 2}')

    with pytest.raises(TableError, match=r"member 'samples/1_epoch_1.json': .* 'id' occurs twice"):
        _read(path)


def test_finds_its_own_files_alone(tmp_path):
    own = [LOGS / f"{name}.{suffix}" for name in ("one_scorer",) for suffix in ("eval", "json")]
    other = tmp_path / "results.json"
    other.write_text('{"eval": {}, "status": 1}')
    zipped = tmp_path / "sheet.zip"
    zipped.write_bytes(own[0].read_bytes())

    found = FORMAT.find([*own, other, zipped, tmp_path / "missing.eval", LOGS / "make_logs.py"])

    assert [one.main for one in found] == own
