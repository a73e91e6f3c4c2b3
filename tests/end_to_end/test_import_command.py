"""``silentzone import``: from other people's files to answers, and what is refused on the way."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from silentzone.cli.main import run_command_line

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
MODELS = {"BF16": 0.0, "Q8_0": 0.02, "Q5_K_M": 0.05, "Q4_K_M": 0.1}
"""Share of answers that are not the reference's."""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Items of four models in a file each, and a table of their fidelity."""
    folder = tmp_path / "results"
    folder.mkdir()
    for model, share in MODELS.items():
        draw = random.Random(model)  # noqa: S311 - made-up answers
        with (folder / f"{model}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["model", "benchmark", "item_id", "score"])
            for item in range(200):
                right = (item % 10 < 7) != (draw.random() < share)
                writer.writerow([model, "quiz", f"q{item}", int(right)])
    lines = ["name,is_reference,size_gb,fidelity.kld_mean@wiki,fidelity_se.kld_mean@wiki"]
    lines += [f"{name},{'true' if not share else ''},{16 - 80 * share},{share / 10},{share / 100}"
              for name, share in MODELS.items()]  # fmt: skip
    (folder / "kld.csv").write_text("\n".join(lines))
    return folder


def command(*arguments: object) -> int:
    return run_command_line([str(one) for one in arguments])


def document(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "import.json").read_text())
    return found


def test_items_and_fidelity_of_many_files_become_one_audit(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "cohort"
    assert command("import", "--detect", results, "--into", into, "--accept", "ids",
                   "--reference", "BF16", "--json", "--quiet") == 0  # fmt: skip
    said = json.loads(capsys.readouterr().out)
    assert [one["model"] for one in said["items"]] == sorted(MODELS)
    assert {one["shared_items"] for one in said["items"]} == {None, 200}
    assert not said["refused"]
    assert not said["not_recognised"]

    assert command("analyze", into, "--json", "--quiet") == 0
    analysis = json.loads(capsys.readouterr().out)
    assert analysis["reference"]["name"] == "BF16"
    quiz = {row["model"]: row for row in analysis["decomposition"] if row["benchmark"] == "quiz"}
    for model in ("Q8_0", "Q4_K_M"):
        with (results / f"{model}.csv").open() as file:
            own = [int(row["score"]) for row in csv.DictReader(file)]
        reference = [int(item % 10 < 7) for item in range(200)]
        harm = sum(a and not b for a, b in zip(reference, own, strict=True))
        gain = sum(b and not a for a, b in zip(reference, own, strict=True))
        assert (quiz[model]["harm"], quiz[model]["gain"]) == (harm, gain)
    changes = json.loads((into / "flips.json").read_text())["changes"]
    assert len(changes) == sum(row["harm"] + row["gain"] for row in quiz.values())
    full = next(row for row in analysis["relations"]
                if row["zone"] == "full" and row["score"] == "quiz")  # fmt: skip
    assert full["n"] == 3
    assert command("report", into, "--quiet") == 0
    assert (into / "report" / "index.html").is_file()


def test_what_is_refused_leaves_the_folder_as_it_was(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "cohort"
    assert command("import", "items", results / "BF16.csv", "--into", into, "--quiet") == 0
    before = document(into)
    tables = sorted(into.rglob("*.parquet"))
    capsys.readouterr()
    assert command("import", "items", results / "Q8_0.csv", "--into", into, "--quiet") == 1
    assert "--accept ids" in capsys.readouterr().err
    (results / "Q5_K_M.csv").write_text("model,benchmark,item_id,score\nQ5_K_M,quiz,q1,7\n")
    arguments = ("import", "items", results / "Q8_0.csv", results / "Q5_K_M.csv", "--into", into,
                 "--accept", "ids", "--quiet")  # fmt: skip
    assert command(*arguments) == 1
    assert "Q5_K_M.csv" in capsys.readouterr().err
    assert document(into) == before
    assert command(*arguments, "--keep-going") == 1
    assert "refused:" in capsys.readouterr().err
    assert [one["model"] for one in document(into)["items"]] == ["BF16", "Q8_0"]
    assert len(list(into.rglob("*.parquet"))) == len(tables) + 1


def test_a_second_result_of_one_model_needs_a_word(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "cohort"
    first = ("import", "items", results / "BF16.csv", "--into", into, "--quiet")
    assert command(*first) == 0
    assert command(*first) == 1
    assert "--replace" in capsys.readouterr().err
    assert command(*first, "--replace") == 0
    assert len(document(into)["items"]) == 1
    assert command(*first, "--rename", "BF16=F16", "--accept", "ids") == 0
    assert [one["model"] for one in document(into)["items"]] == ["BF16", "F16"]


def test_fidelity_of_two_protocols_never_shares_a_ranking(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "cohort"
    lines = (results / "kld.csv").read_text().splitlines()
    (results / "kld.csv").write_text("\n".join(lines[:3]))
    other = tmp_path / "other.csv"
    other.write_text("\n".join([lines[0], *lines[3:]]))
    for path, length in ((results / "kld.csv", 512), (other, 2048)):
        assert command("import", "cohort-table", path, "--into", into, "--quiet",
                       "--set", f"context_length={length}") == 0  # fmt: skip
    out = capsys.readouterr().out
    assert "never ranked together" in out
    assert "context_length=512" in out
    assert command("analyze", into, "--json", "--quiet") == 0
    analysis = json.loads(capsys.readouterr().out)
    corpora = {row["model"]: row["corpus"] for row in analysis["fidelity"] if row["metrics"]}
    assert corpora["Q8_0"] != corpora["Q4_K_M"]
    assert command("import", "cohort-table", other, "--into", into, "--quiet",
                   "--set", "windws=3") == 1  # fmt: skip
    assert "no field of a protocol" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"schema_version": 9}', "schema version 9"),
        ('{"schema_version": 1, "models": [], "items": 3, "fidelity": []}', "`items` must be"),
        ('{"schema_version": 1, "models": [{}], "items": [], "fidelity": []}', "models[0].name"),
        ("[", "must be JSON"),
    ],
)
def test_a_damaged_document_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    (tmp_path / "import.json").write_text(content)
    assert command("analyze", tmp_path, "--quiet") == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"x")]
)
def test_a_damaged_table_is_to_be_imported_again_not_measured(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], Any]
) -> None:
    into = tmp_path / "cohort"
    assert command("import", "items", results / "BF16.csv", "--into", into, "--quiet") == 0
    damage(next(into.rglob("*.parquet")))
    assert command("analyze", into, "--quiet", "--reference", "BF16") == 1
    said = capsys.readouterr().err
    assert "import the files again" in said
    assert "study" not in said


def test_damaged_answers_are_made_again_from_the_tables(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "cohort"
    assert command("import", "cohort-table", results / "kld.csv", "--into", into, "--quiet") == 0
    (into / "analysis.json").write_text("{")
    assert command("report", into, "--quiet") == 1
    assert f"silentzone analyze {into}" in capsys.readouterr().err


def test_who_imports_is_told_of_options_and_never_of_columns(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "cohort"
    table = (results / "kld.csv").read_text().replace(",true,", ",,")
    rows = [line.rsplit(",", 1)[0] for line in table.splitlines() if "Q8_0" not in line]
    (results / "kld.csv").write_text("\n".join(rows))
    assert command("import", "--detect", results, "--into", into, "--accept", "ids",
                   "--quiet") == 0  # fmt: skip
    assert command("analyze", into, "--quiet") == 1
    said = capsys.readouterr().err
    assert "hint: name one with --reference\n" in said
    assert command("analyze", into, "--quiet", "--reference", "BF16") == 0
    notes = capsys.readouterr().out
    assert "imported with answers and no fidelity, and so without a relation: Q8_0" in notes
    assert "no standard error is stated for" in notes
    assert "column" not in notes


def test_a_full_disk_speaks_of_no_parts_that_are_kept(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    into = tmp_path / "cohort"
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        code = command("import", "items", results / "BF16.csv", "--into", into, "--quiet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 1
    assert "hint: make room, then run the same command again\n" in capsys.readouterr().err
    assert not list(into.rglob("*.parquet"))


def test_a_table_outside_the_folder_is_not_read(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "cohort"
    assert command("import", "items", results / "BF16.csv", "--into", into, "--quiet") == 0
    content = document(into)
    content["items"][0]["table"] = "../" + content["items"][0]["table"]
    (into / "import.json").write_text(json.dumps(content))
    assert command("analyze", into, "--quiet", "--reference", "BF16") == 1
    assert "inside the folder" in capsys.readouterr().err


def test_formats_are_listed_without_a_folder() -> None:
    from silentzone.cli.main import cli
    from silentzone.cli.session import Session

    shown = CliRunner().invoke(cli, ["import", "--list"], obj=Session(command=""))
    assert shown.exit_code == 0
    assert shown.output.startswith("study: ")


@pytest.mark.parametrize("arguments", [("items",), (), ("items", "no-such-file")])
def test_nothing_to_read_is_a_usage_error(
    tmp_path: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("import", *arguments, "--into", tmp_path / "x") == 2
    assert capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_results_without_item_scores_are_left_out_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ROOT / "tests" / "golden" / "imports" / "lm_eval" / "run-f16"
    into = tmp_path / "cohort"
    assert command("import", "lm-eval", run, "--into", into, "--filter", "strict", "--quiet") == 0
    assert "`: left out: " in capsys.readouterr().out
    assert "texts" not in {one["benchmark"] for one in document(into)["items"]}
    assert any("left out" in note for note in document(into)["notes"])
    alone = next(run.glob("samples_texts*"))
    assert command("import", "lm-eval", alone, "--into", tmp_path / "other", "--quiet") == 1
    assert "no metric of task" in capsys.readouterr().err


def lm_eval_samples(path: Path, items: range, *, other: range = range(0)) -> Path:
    """Samples as lm-eval before 0.4.3 wrote them, without hashes; some asked in other words."""
    path.parent.mkdir()
    rows = []
    for item in items:
        prompt = f"{'Please answer' if item in other else 'Answer'}: {item}?"
        rows.append({
            "doc_id": item, "doc": {"question": item}, "target": "yes",
            "arguments": [[prompt, " yes"]], "resps": [[["-0.5", "True"]]],
            "filtered_resps": ["yes"], "filter": "none", "metrics": ["acc"],
            "acc": float(item % 3 > 0),
        })  # fmt: skip
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def three_models(tmp_path: Path) -> tuple[Path, dict[str, Path]]:
    """First and second share items 0 to 9, second and third also others, asked otherwise."""
    name = "samples_quiz_2026-01-02T03-04-05.678901.jsonl"
    files = {
        "first": lm_eval_samples(tmp_path / "a" / name, range(10)),
        "second": lm_eval_samples(tmp_path / "b" / name, range(20)),
        "third": lm_eval_samples(tmp_path / "c" / name, range(20), other=range(10, 20)),
    }
    return tmp_path / "cohort", files


@pytest.mark.parametrize("accepted", [(), ("--accept", "prompt")])
def test_a_reference_that_is_named_on_analysis_must_have_been_asked_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], accepted: tuple[str, ...]
) -> None:
    into, files = three_models(tmp_path)
    for name, path in files.items():
        assert command("import", "lm-eval", path, "--model", name, "--into", into, "--quiet") == 0
    assert command("analyze", into, "--reference", "first", "--json", "--quiet") == 0
    capsys.readouterr()
    assert command("analyze", into, "--reference", "second", "--json", "--quiet") == 1
    error = capsys.readouterr().err
    assert "differs in 10 of 20 shared items" in error
    assert "new folder with --reference second" in error
    again = tmp_path / "again"
    for name, path in files.items():
        arguments = ("import", "lm-eval", path, "--model", name, "--into", again, "--quiet",
                     "--reference", "second", *accepted)  # fmt: skip
        assert command(*arguments) == (0 if name != "third" or accepted else 1)
    if accepted:
        capsys.readouterr()
        assert command("analyze", again, "--json", "--quiet") == 0
        cautions = json.loads(capsys.readouterr().out)["cautions"]
        differ = "`third` and `second` differ in prompt on `quiz` (10 items differ"
        assert sum(text.startswith(differ) for text in cautions) == 1


def test_a_reference_can_be_named_after_its_results_came(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into, files = three_models(tmp_path)

    def import_(name: str, reference: str) -> int:
        return command("import", "lm-eval", files[name], "--model", name, "--into", into,
                       "--reference", reference, "--quiet")  # fmt: skip

    assert import_("first", "second") == 0
    assert "`second` is not among the models so far (there are: first)" in capsys.readouterr().out
    assert import_("second", "first") == 0
    assert [one["name"] for one in document(into)["models"] if one["is_reference"]] == ["first"]
    assert import_("third", "second") == 1
    assert "`first` was before" in capsys.readouterr().err
    assert import_("third", "first") == 0
    assert command("analyze", into, "--json", "--quiet") == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one["models"].append(one["models"][0]), "a model stands there twice"),
        (lambda one: one["items"].append(one["items"][0]), "benchmark stands there twice"),
        (lambda one: one["items"][0].update(model="nobody"), "'nobody' is not among its models"),
        (lambda one: [model.update(is_reference=True) for model in one["models"]], "two models"),
        (lambda one: one["items"][0].update(overrides=[{"field": "ids"}]), "against"),
    ],
)
def test_a_document_that_no_import_writes_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Any, said: str
) -> None:
    into, files = three_models(tmp_path)
    for name in ("first", "second"):
        assert command("import", "lm-eval", files[name], "--model", name, "--into", into) == 0
    held = document(into)
    change(held)
    (into / "import.json").write_text(json.dumps(held))
    capsys.readouterr()
    assert command("analyze", into, "--reference", "first", "--quiet") == 1
    error = capsys.readouterr().err
    assert "is damaged" in error
    assert said in error


def test_fidelity_against_another_model_than_the_reference_is_named(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "cohort"
    assert command("import", "--detect", results, "--into", into, "--accept", "ids", "--quiet",
                   "--reference", "BF16") == 0  # fmt: skip
    said = "was measured against `BF16`, not against the reference `Q8_0`"
    for reference, times in (("BF16", 0), ("Q8_0", 1)):
        capsys.readouterr()
        assert command("analyze", into, "--reference", reference, "--json", "--quiet") == 0
        cautions = json.loads(capsys.readouterr().out)["cautions"]
        assert sum(said in text for text in cautions) == times
    for form, words in (("badge", "KLD%20vs%20BF16"), ("model-card", 'reference: "BF16"'),
                        ("llama-cpp-table", "in nats, against BF16;")):  # fmt: skip
        options = () if form == "llama-cpp-table" else ("--model", "Q4_K_M")
        assert command("export", form, into, *options) == 0
        out = capsys.readouterr().out
        assert words in out
        assert "n_observations: 0" not in out


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--rename", "Q9=Q8"), "no file has a model of that name"),
        (("--accept", "promt"), "did you mean `prompt`? there are: prompt, target, ids"),
        (("--set", "clip=16"), "did you mean `clip_nats`?"),
        (("--rename", "BF15=F16"), "did you mean `BF16`?"),
        (("--set", "clip_nats=16"), "these files hold none"),
        (("--corpus", "wiki"), "`--corpus` means nothing to `items`"),
        (("--filter", "strict"), "`--filter` means nothing to `items`"),
    ],
)
def test_an_option_for_nothing_is_refused_and_leaves_no_table(
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: tuple[str, ...],
    said: str,
) -> None:
    into = tmp_path / "cohort"
    assert command("import", "items", results / "BF16.csv", "--into", into, *option) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.parquet"))
    assert command("import", "items", results / "BF16.csv", "--into", into, "--quiet") == 0


def test_a_setting_of_the_answers_can_be_accepted_and_nothing_where_there_are_none(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ROOT / "tests" / "golden" / "imports" / "lm_eval" / "run-f16"
    asked = ("import", "lm-eval", run, "--into", tmp_path / "a", "--filter", "strict", "--quiet")
    assert command(*asked, "--accept", "n_shots") == 1
    assert "did you mean `n_shot`?" in capsys.readouterr().err
    assert command(*asked, "--accept", "n_shot") == 0
    assert command("import", "cohort-table", results / "kld.csv", "--into", tmp_path / "b",
                   "--accept", "ids") == 1  # fmt: skip
    assert "these files hold none" in capsys.readouterr().err


@pytest.mark.parametrize(("option", "values"), [("--rename", ("BF16=A", "BF16=B")),
                                                ("--set", ("lane=a", "lane=b"))])  # fmt: skip
def test_two_values_for_one_name_are_refused(
    results: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    values: tuple[str, str],
) -> None:
    given = [part for value in values for part in (option, value)]
    assert command("import", "--detect", results, "--into", tmp_path / "cohort", *given) == 2
    assert "twice" in capsys.readouterr().err


def test_a_note_on_what_a_log_leaves_open_goes_once_it_is_stated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = ROOT / "tests" / "golden" / "imports" / "llama_perplexity" / "smollm2.kld.stdout.txt"
    asked = ("import", "llama-perplexity", log, "--rename", f"{log.stem}=Q8_0", "--json", "--quiet")
    assert command(*asked, "--into", tmp_path / "open") == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert any("how many nats deep" in note for note in notes)
    assert all(note.startswith("Q8_0: ") for note in notes)
    assert command(*asked, "--into", tmp_path / "stated", "--set", "clip_nats=16") == 0
    stated = json.loads(capsys.readouterr().out)["notes"]
    assert [note for note in notes if "how many nats deep" not in note] == stated
    assert any("what lies below is in no KLD" in note for note in stated)


def test_what_stops_on_the_way_leaves_no_table_and_all_that_was_there(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "cohort"
    assert command("import", "items", results / "BF16.csv", "--into", into, "--quiet") == 0
    before = {path: path.read_bytes() for path in into.rglob("*.parquet")}
    (results / "Z.csv").write_text("model,benchmark,item_id,score\nZ,quiz,q1,7\n")
    assert command("import", "--detect", results, "--into", into, "--accept", "ids", "--replace",
                   "--quiet") == 1  # fmt: skip
    assert "Z.csv" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in into.rglob("*.parquet")} == before
