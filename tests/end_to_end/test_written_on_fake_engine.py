"""Benchmarks answered in writing, through a whole study on the fake engine."""

from __future__ import annotations

import json

import pytest
from tests.end_to_end.fake_studies import StudyFiles, run_in_process

from silentzone.backends.base import BatchSplit
from silentzone.backends.fake import FakeBackend
from silentzone.records.tables import CHURN, GENERATIONS, ITEMS
from silentzone.store.folder import StudyFolder

TEMPLATE = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}> "


def lines(count=8, **fields):
    return [
        {"item_id": f"q{k}", "prompt": f"question {k} of many", "regex": "[a-m]", **fields}
        for k in range(count)
    ]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "in").mkdir()
    files = StudyFiles(tmp_path / "in")
    files.model("a", noise=0.3)
    return files


@pytest.fixture
def written(files, tmp_path):
    """Run a study of one benchmark answered in writing; items, options, then its folder."""

    def run(items, out="out", candidates=("a",), **options):
        text = "\n".join(map(json.dumps, items))
        (files.folder / "written.jsonl").write_text(text, "utf-8")
        mapping = files.mapping(*candidates)
        entry = {"name": "w", "path": "written.jsonl", "kind": "generate", "max_tokens": 12}
        mapping["benchmarks"] = [{**entry, "score_truncated": True, **options}]
        measured, outcome = run_in_process(files.config(mapping), tmp_path / out)
        return StudyFolder(tmp_path / out), measured, outcome

    return run


def statuses(folder, model="ref"):
    return folder.read_table(ITEMS, "w", model).strings("status")


def test_scores_texts_and_churn_of_every_model_are_stored_and_resumed(written):
    folder, measured, outcome = written(lines())
    for model in ("ref", "a"):
        items = folder.read_table(ITEMS, "w", model)
        texts = folder.read_table(GENERATIONS, "w", model)
        assert items.n_rows == texts.n_rows == 8
        assert items.strings("item_id") == texts.strings("item_id")
        assert folder.read_table(CHURN, "w", model).n_rows == 5
        assert (model, "benchmark w") in measured
        assert (model, "texts of w") in measured
    (row,) = outcome.analysis["benchmarks"]
    assert (row["chance"], row["headline"], row["items"]) == (0.0, "generated", 8)
    assert written(lines())[1] == []


def test_repeats_have_seeds_of_their_own_and_are_averaged(written):
    folder, _, outcome = written(lines(), temperature=2.0, repeats=3)
    texts = folder.read_table(GENERATIONS, "w", "ref")
    assert texts.integers("repeat")[0].tolist() == [0, 1, 2] * 8
    assert len(set(texts.strings("text"))) > 16
    again, _, _ = written(lines(), out="again", temperature=2.0, repeats=3)
    assert again.read_table(GENERATIONS, "w", "ref").strings("text") == texts.strings("text")
    scores = folder.read_table(ITEMS, "w", "ref").floats("score")[0].reshape(8, 3).mean(axis=1)
    rows = [row for row in outcome.analysis["scores"] if row["benchmark"] == "w"]
    (own,) = [row["score"]["value"] for row in rows if row["model"] == "ref"]
    assert own == pytest.approx(scores.mean())


def test_an_answer_that_was_cut_has_no_score_unless_asked_for(written):
    folder, _, _ = written(lines(), score_truncated=False)
    items = folder.read_table(ITEMS, "w", "ref")
    texts = folder.read_table(GENERATIONS, "w", "ref")
    is_cut = [reason == "length" for reason in texts.strings("finish_reason")]
    assert any(is_cut)
    assert [status == "truncated" for status in items.strings("status")] == is_cut
    assert [not there for there in items.floats("score")[1]] == is_cut
    scored, _, _ = written(lines(), out="scored", score_truncated=True)
    assert set(statuses(scored)) == {"ok"}


def test_every_other_status_has_no_score(files, written):
    long, _, _ = written(lines(), out="late", timeout_seconds=1e-9, max_tokens=400)
    assert "timeout" in statuses(long)
    files.model("nan", misbehave="nan", noise=0.2)
    folder, _, _ = written(lines(), out="nan", candidates=("a", "nan"))
    items = folder.read_table(ITEMS, "w", "nan")
    assert items.strings("status")[1] == "error"
    assert not items.floats("score")[1][1]
    assert "not finite" in folder.read_table(GENERATIONS, "w", "nan").strings("error")[1]


def test_a_hostile_pattern_costs_its_item_and_is_not_the_models_fault(written):
    items = lines(3)
    items[1]["regex"] = "(.|\\n|[^x])*(.|\\n|[^y])*(.|[^z]|\\n)*(a|b|c|.|\\n)*\\Zq"
    folder, _, _ = written(items, max_tokens=200)
    assert statuses(folder) == ["ok", "rule_timeout", "ok"]


def test_messages_go_through_the_models_template(files, written):
    for name, noise in (("ref", 0.0), ("a", 0.3)):
        files.model(name, noise=noise, chat_template=TEMPLATE)
    messages = [{"role": "user", "content": "well?"}]
    items = [{"item_id": "c", "messages": messages, "regex": "[a-m]"}]
    folder, _, _ = written(items)
    table = folder.read_table(ITEMS, "w", "ref")
    assert dict(table.key.protocol)["chat_template_sha256"] != "not used"
    assert table.integers("prompt_tokens")[0].tolist() == [1 + len("[user] well?\n> ")]


def test_a_model_without_a_template_is_refused_messages_with_the_way_out(written):
    messages = [{"role": "user", "content": "well?"}]
    _, _, outcome = written([{"item_id": "c", "messages": messages, "target": "x"}])
    assert any("`ref` has no chat template" in failure for failure in outcome.failures)


def test_a_candidate_with_another_template_is_a_failure_of_its_own(files, written):
    files.model("ref", chat_template=TEMPLATE)
    files.model("a", noise=0.3, chat_template="{{ messages[0]['content'] }}")
    messages = [{"role": "user", "content": "well?"}]
    folder, _, outcome = written([{"item_id": "c", "messages": messages, "regex": "[a-m]"}])
    assert any("is not the reference's" in failure for failure in outcome.failures)
    assert not folder.has_table(ITEMS, "w", "a")
    assert folder.has_table(ITEMS, "w", "ref")


def test_a_hostile_template_is_a_recorded_failure(files, written, monkeypatch):
    monkeypatch.setattr("silentzone.measure.generated.TEMPLATE_SECONDS", 1.0)
    endless = "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3
    for name, noise in (("ref", 0.0), ("a", 0.3)):
        files.model(name, noise=noise, chat_template=endless)
    messages = [{"role": "user", "content": "well?"}]
    _, _, outcome = written([{"item_id": "c", "messages": messages, "target": "x"}])
    assert any("longer than 1 s" in failure for failure in outcome.failures)


def test_a_setting_that_can_change_an_answer_makes_another_part(written):
    written(lines(), max_tokens=12)
    _, measured, _ = written(lines(), max_tokens=13)
    assert ("ref", "benchmark w") in measured
    assert written(lines(), max_tokens=12)[1] == []


def test_candidates_are_given_the_references_answers_where_they_are_drafted(written, monkeypatch):
    asked = []
    generate = FakeBackend.generate

    def spied(self, requests, **options):
        if options.get("split") == BatchSplit():
            asked.append((self.model.name, [request.draft for request in requests]))
        return generate(self, requests, **options)

    monkeypatch.setattr(FakeBackend, "generate", spied)
    folder, _, _ = written(lines(), drafted=True)
    tokens = folder.read_table(GENERATIONS, "w", "ref").integer_lists("token_ids")
    (first, none), (second, drafts) = asked
    assert (first, second) == ("ref", "a")
    assert none == [None] * 8
    assert [draft.tolist() for draft in drafts] == tokens
    assert any(tokens)
    asked.clear()
    for options in ({"drafted": True, "temperature": 1.0}, {"drafted": False}):
        written(lines(), out=f"out {len(asked)}", **options)
    assert len(asked) == 4
    assert all(drafts == [None] * 8 for _, drafts in asked)
