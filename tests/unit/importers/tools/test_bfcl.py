"""Results and scores that bfcl-eval wrote: what passed is nowhere listed."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools.bfcl import FORMAT

FOLDER = Path(__file__).parents[3] / "golden/imports/bfcl"
BELOW = Path("made_model-Q4/non_live")


def _pair(folder: Path, category: str = "simple_python") -> tuple[Path, Path]:
    score, result = (
        folder / kind / BELOW / f"BFCL_v4_{category}_{kind}.json" for kind in ("score", "result")
    )
    return score, result


@pytest.fixture
def folder(tmp_path):
    for kind in ("score", "result"):
        shutil.copytree(FOLDER / kind, tmp_path / kind)
    return tmp_path


def _read(folder, category="simple_python", **options):
    score, result = _pair(folder, category)
    return FORMAT.read(Bundle(main=score, companions=(result,)), ImportOptions(**options))


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


def test_what_passed_is_the_results_without_the_failures():
    found = _read(FOLDER)
    (answers,) = found.items

    assert (answers.model, answers.benchmark) == ("made_model-Q4", "BFCL_v4 simple_python")
    assert answers.item_ids == tuple(f"simple_python_{number}" for number in range(5))
    assert answers.scores[:4].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert answers.output_tokens is not None
    assert answers.output_tokens.tolist() == [11, 10, 5, 9, 10]
    # Only what failed is stored with its question.
    assert answers.prompt_sha256 is not None
    assert [value is not None for value in answers.prompt_sha256] == [
        False,
        True,
        True,
        False,
        True,
    ]
    assert "2 passed, as the 5 results without the 3 failures" in found.notes[0]
    assert len(answers.sources) == 2


def test_a_failed_call_is_no_pass_where_no_function_should_be_called():
    found = _read(FOLDER, "irrelevance")
    (answers,) = found.items

    # bfcl-eval counts the last of the four as passed: an error message calls no function.
    assert answers.scores[:3].tolist() == [1.0, 0.0, 1.0]
    assert math.isnan(answers.scores[3])
    assert answers.statuses == ("ok", "ok", "ok", "error")
    assert "3 passed" in found.notes[0]
    assert "1 of 4 answers are failed calls" in found.notes[1]


def test_finds_pairs_in_the_two_trees_and_side_by_side(folder):
    files = sorted(path for path in folder.rglob("*.json"))
    flat = folder / "flat"
    flat.mkdir()
    for path in _pair(folder):
        shutil.copy(path, flat)

    found = FORMAT.find([*files, *flat.iterdir(), folder / "BFCL_v4_memory_kv_prereq_result.json"])

    assert {(one.main, one.companions) for one in found} == {
        (score, (result,))
        for score, result in (
            _pair(folder),
            _pair(folder, "irrelevance"),
            tuple(flat / path.name for path in _pair(folder)),
        )
    }


def test_pairs_never_join_two_models(folder):
    shutil.move(folder / "result/made_model-Q4", folder / "result/other")

    found = FORMAT.find(list(folder.rglob("*.json")))

    assert all(one.companions == () for one in found)
    assert len(found) == 4


@pytest.mark.parametrize(("kept", "missing"), [(0, "results"), (1, "scores")])
def test_one_half_alone_is_refused(kept, missing):
    path = _pair(FOLDER)[kept]

    with pytest.raises(TableError, match=f"has no file of {missing} beside it"):
        FORMAT.read(Bundle(main=path), ImportOptions())


def test_a_result_that_is_missing_shows(folder):
    result = _pair(folder)[1]
    result.write_text("".join(_lines(result)[1:]))

    with pytest.raises(TableError, match=r"states 2 of 5 passed; .* are 1 of 4"):
        _read(folder)


def test_a_failure_that_is_missing_shows(folder):
    score = _pair(folder)[0]
    score.write_text("".join(_lines(score)[:-1]))

    with pytest.raises(TableError, match=r"states 2 of 5 passed; .* are 3 of 5"):
        _read(folder)


def test_failures_of_another_run_show(folder):
    result = _pair(folder)[1]
    result.write_text(result.read_text().replace("simple_python_1", "simple_python_9"))

    with pytest.raises(TableError, match="1 failures without a result: 'simple_python_1'"):
        _read(folder)


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        (0, {"correct_count": None}, "line 1: `correct_count` must be a whole number"),
        (1, {"valid": True}, "line 2: `valid` must be false here"),
        (1, {"id": None}, "line 2: `id` must be a text"),
        (2, {"id": "simple_python_1"}, "line 3: item 'simple_python_1' failed twice"),
        (1, {"model_name": ""}, "name of a model"),
    ],
)
def test_scores_that_are_none_are_refused(folder, place, change, message):
    score = _pair(folder)[0]
    lines = _lines(score)
    lines[place] = json.dumps(json.loads(lines[place]) | change) + "\n"
    score.write_text("".join(lines))

    with pytest.raises(TableError, match=message):
        _read(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"id": 3}, "line 1: `id`"), ({"id": "simple_python_1"}, "is there twice")],
)
def test_results_that_are_none_are_refused(folder, change, message):
    result = _pair(folder)[1]
    lines = _lines(result)
    lines[0] = json.dumps(json.loads(lines[0]) | change) + "\n"
    result.write_text("".join(lines))

    with pytest.raises(TableError, match=message):
        _read(folder)


def test_tokens_of_several_turns_are_summed(folder):
    result = _pair(folder)[1]
    lines = _lines(result)
    lines[0] = json.dumps(json.loads(lines[0]) | {"output_token_count": [[3, 4], [5]]}) + "\n"
    result.write_text("".join(lines))

    tokens = _read(folder).items[0].output_tokens
    assert tokens is not None
    assert tokens[0] == 12


def test_the_model_is_named_by_its_failures_where_no_folder_does(folder):
    flat = folder / "flat"
    flat.mkdir()
    score, result = (Path(shutil.copy(path, flat)) for path in _pair(folder))
    bundle = Bundle(main=score, companions=(result,))
    assert FORMAT.read(bundle, ImportOptions()).items[0].model == "made_model-Q4"

    lines = [json.loads(line) for line in _lines(score)]
    for line in lines:
        line.pop("model_name", None)
    score.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(TableError, match="does not say whose it is"):
        FORMAT.read(bundle, ImportOptions())
    assert FORMAT.read(bundle, ImportOptions(model="Q4")).items[0].model == "Q4"
