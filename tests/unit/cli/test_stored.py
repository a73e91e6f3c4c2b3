"""Analyze and report: commands that read a study folder only."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def folder(tmp_path, stand_in, summary, monkeypatch):
    import silentzone.report
    import silentzone.studies.audit

    assert silentzone.report
    monkeypatch.setattr(
        silentzone.studies.audit,
        "analyze_study",
        lambda study, *, rng_seed, settings, on_share: {
            "folder": study.root.name,
            "seed": rng_seed,
        },
    )
    monkeypatch.setattr(
        silentzone.studies.audit, "study_flips", lambda study, unfinished: {"rule": unfinished}
    )
    stand_in("silentzone.report.terminal", summarize=lambda analysis: summary)
    study = tmp_path / "study"
    study.mkdir()
    (study / "study.toml").write_text('[study]\nname = "mine"\nseed = 17\n')
    manifest = {"schema_version": 1, "config": {"decision": {}}, "analyzed_inputs": "same"}
    (study / "manifest.json").write_text(json.dumps(manifest))
    return study


def test_the_study_is_analyzed_with_its_own_seed_and_the_answers_are_stored(invoke, folder):
    shown = invoke("analyze", folder, "--json")
    assert shown.code == 0, shown.stderr
    assert json.loads(shown.stdout) == {"folder": "study", "seed": 17}
    assert json.loads((folder / "analysis.json").read_text()) == {"folder": "study", "seed": 17}
    assert json.loads((folder / "flips.json").read_text()) == {"rule": "leave out"}


def test_the_rule_for_cut_off_answers_reaches_both(invoke, folder):
    assert invoke("analyze", folder, "--unfinished", "wrong").code == 0
    assert json.loads((folder / "flips.json").read_text()) == {"rule": "wrong"}


def test_another_seed_may_be_given(invoke, folder):
    assert json.loads(invoke("analyze", folder, "--seed", 3, "--json").stdout)["seed"] == 3


def inputs(folder):
    return json.loads((folder / "manifest.json").read_text())["analyzed_inputs"]


def test_an_analysis_as_the_study_asks_for_it_stays_the_studys_own(invoke, folder):
    assert invoke("analyze", folder).code == 0
    assert inputs(folder) == "same"


@pytest.mark.parametrize(
    "options", [("--seed", 3), ("--margin", 0.02), ("--band", 0.03), ("--method", "Holm")]
)
def test_answers_to_another_question_make_the_next_run_answer_its_own_again(
    invoke, folder, options
):
    assert invoke("analyze", folder, *options).code == 0
    assert inputs(folder) is None


def test_without_json_people_get_sentences_and_a_table(invoke, folder):
    assert invoke("analyze", folder).stdout.startswith("my study\nKLD is silent")


def test_a_folder_without_a_study_is_refused(invoke, folder):
    (folder / "study.toml").unlink()
    shown = invoke("analyze", folder)
    assert shown.code == 1
    assert "is not a study folder" in shown.stderr
    (folder / "manifest.json").unlink()
    assert "so it is no study" in invoke("analyze", folder).stderr
    assert not (folder / "analysis.json").exists()


@pytest.mark.parametrize("text", ["not toml [", "[study]\n", 'study = "x"\n', "\udcff"])
def test_a_damaged_study_file_is_named(invoke, folder, text):
    (folder / "study.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    shown = invoke("analyze", folder)
    assert shown.code == 1
    assert "is damaged" in shown.stderr


@pytest.mark.parametrize("seed", ["1.5", "true", '"one"'])
def test_a_seed_that_is_no_whole_number_is_named(invoke, folder, seed):
    (folder / "study.toml").write_text(f"[study]\nseed = {seed}\n")
    shown = invoke("analyze", folder)
    assert shown.code == 1
    assert "`seed`" in shown.stderr


def test_report_writes_the_page_from_the_stored_analysis(invoke, folder, monkeypatch):
    import silentzone.report

    (folder / "analysis.json").write_text('{"schema_version": 1}')
    (folder / "flips.json").write_text('{"changes": []}')
    seen = []

    def write_report(analysis, into, flips):
        seen.append((analysis, into, flips))
        return into / "index.html"

    monkeypatch.setattr(silentzone.report, "write_report", write_report, raising=False)
    shown = invoke("report", folder)
    assert shown.code == 0
    assert shown.stdout.strip() == str(folder / "report" / "index.html")
    assert seen == [({"schema_version": 1}, folder / "report", {"changes": []})]


def test_report_without_an_analysis_says_how_to_make_one(invoke, folder):
    shown = invoke("report", folder)
    assert shown.code == 1
    assert "hint: " in shown.stderr
    assert "silentzone analyze" in shown.stderr


def test_an_analysis_that_is_no_object_is_refused(invoke, folder):
    (folder / "analysis.json").write_text("[1]")
    shown = invoke("report", folder)
    assert shown.code == 1
    assert "must hold a JSON object" in shown.stderr
