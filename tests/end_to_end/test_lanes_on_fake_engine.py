"""Quantized caches beside quantized files: measured alike, never ranked together."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.end_to_end.fake_studies import Listener, StudyFiles, run_in_process

from silentzone.cli.main import run_command_line
from silentzone.exporters.parts import stored_parts
from silentzone.records.tables import TOKENS
from silentzone.store.folder import StudyFolder
from silentzone.studies.config import dump_config, load_config, parse_config

FILES = ("a", "b", "same")
CACHED = (
    {"name": "kv8", "path": "ref.json", "cache_k": "q8_0", "cache_v": "q8_0"},
    {"name": "kv4", "path": "ref.json", "cache_k": "q8_0", "cache_v": "q4_0"},
    {"name": "idle", "path": "ref.json", "cache_k": "f16"},
    {"name": "a4", "path": "a.json", "cache_v": "q4_0"},
)
NEVER_ENGAGED = "its quantization never engaged"


def _files(folder):
    files = StudyFiles(folder)
    files.model("a", noise=0.05, quantized=True)
    files.model("b", noise=0.3, quantized=True)
    files.model("same", quantized=True)  # another file that gives the reference's logits
    return files


def _run(files, candidates, out, **kwargs):
    mapping = files.mapping()
    mapping["candidates"] = list(candidates)
    mapping["decision"] = {"memory_budget_gb": 1.0, "context_length": 4096}
    measured, outcome = run_in_process(files.config(mapping), out, **kwargs)
    return measured, outcome


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A study of files and caches, and the same study of the files alone."""
    files = _files(tmp_path_factory.mktemp("lanes"))
    named = [{"name": name, "path": f"{name}.json"} for name in FILES]
    _, outcome = _run(files, [*named[:1], *CACHED, *named[1:]], files.folder / "mixed")
    _, alone = _run(files, named, files.folder / "alone")
    return {
        "files": files, "outcome": outcome, "analysis": outcome.analysis, "alone": alone.analysis
    }  # fmt: skip


def _kld(section: Any, name: str) -> float:
    row = next(one for one in section["fidelity"] if one["model"] == name)
    value: float = row["metrics"]["kld_mean"]["value"]
    return value


def test_whatever_ranks_compares_or_decides_is_what_it_is_without_the_other_lane(mixed):
    analysis, alone = mixed["analysis"], mixed["alone"]
    assert alone["lanes"] == []
    assert [one["name"] for one in analysis["candidates"]] == [
        one["name"] for one in alone["candidates"]
    ]
    assert {one["lane"] for one in analysis["candidates"]} == {"serving"}
    for section in set(analysis) - {"lanes", "cautions", "study", "exclusions"}:
        assert analysis[section] == alone[section], section
    named = json.dumps({**analysis, "lanes": [], "cautions": []})
    assert not any(f'"{one["name"]}"' in named for one in CACHED)


def test_the_other_lane_has_distances_floors_and_answers_of_its_own(mixed):
    (lane,) = mixed["analysis"]["lanes"]
    names = {one["name"] for one in CACHED}
    assert lane["lane"] == "kv-cache"
    assert "never ranked" in lane["why"]
    assert {one["name"]: (one["cache_k"], one["cache_v"]) for one in lane["candidates"]} == {
        one["name"]: (one.get("cache_k"), one.get("cache_v")) for one in CACHED
    }
    assert {one["status"] for one in lane["candidates"]} == {"complete"}
    assert 0 < _kld(lane, "kv8") < _kld(lane, "kv4") < _kld(lane, "a4")
    for section in ("fidelity", "kld_spread", "decomposition"):
        assert {one["model"] for one in lane[section]} >= names, section
    assert {one["model"] for one in lane["scores"]} == {"ref", *names}
    assert all(one["floor"]["used"] is not None for one in lane["fidelity"])


def test_changed_answers_of_the_other_lane_are_shown_under_its_name_and_counted_apart(mixed):
    flips = StudyFolder(mixed["outcome"].folder).read_json("flips.json")
    alone = StudyFolder(mixed["files"].folder / "alone").read_json("flips.json")
    titles = [one["name"] for one in flips["benchmarks"]]
    own = [title for title in titles if "lane" not in title]
    assert own == [one["name"] for one in alone["benchmarks"]]
    assert titles == [*own, *(f"{title} (kv-cache lane)" for title in own)]
    cached = {one["name"] for one in CACHED}
    seen = set()
    for change in flips["changes"]:
        question = flips["questions"][change["question"]]
        is_cached = flips["models"][change["model"]] in cached
        assert is_cached == titles[question["benchmark"]].endswith("(kv-cache lane)")
        assert question["candidates"] == (len(CACHED) if is_cached else len(FILES))
        seen.add(is_cached)
    assert seen == {True, False}
    assert [one for one in flips["questions"] if one["benchmark"] < len(own)] == alone["questions"]


def test_memory_follows_the_types_of_the_cache(mixed):
    (lane,) = mixed["analysis"]["lanes"]
    memory = {one["name"]: one["memory_bytes"] - one["file_bytes"] for one in lane["candidates"]}
    own = {one["name"]: one["memory_bytes"] - one["file_bytes"]
           for one in mixed["analysis"]["candidates"]}  # fmt: skip
    assert own["a"] == memory["idle"] == 4096 * 32 // 32
    assert memory["kv8"] == 4096 * 16 // 32
    assert memory["kv4"] == 4096 * 12 // 32
    assert memory["a4"] == 4096 * 20 // 32


def test_a_quantization_that_never_engaged_is_said_of_caches_and_of_files(mixed):
    said = [one for one in mixed["analysis"]["cautions"] if NEVER_ENGAGED in one]
    assert sorted(one.split()[0] for one in said) == ["idle", "same"]
    by_name = {one.split()[0]: one for one in said}
    assert "over 124 positions, though its cache is" in by_name["idle"]
    assert "over 124 positions, though its file is" in by_name["same"]
    assert len([one for one in mixed["alone"]["cautions"] if NEVER_ENGAGED in one]) == 1
    assert not any("same content" in one for one in mixed["analysis"]["cautions"])


def test_the_report_and_the_card_show_a_table_per_lane_and_say_why(mixed):
    folder = mixed["outcome"].folder
    page = (folder / "report" / "index.html").read_text("utf-8")
    card = (folder / "report" / "card.md").read_text("utf-8")
    (lane,) = mixed["analysis"]["lanes"]
    before, after = page.split('<section id="lanes"')
    after = after.split("</section>")[0]
    assert lane["why"] in after
    assert "cache K q8_0, V q4_0" in after
    assert 'id="lane-1-candidates"' in after
    assert 'id="lane-1-depth"' in after
    assert "positions 33 to " in after
    assert NEVER_ENGAGED in before
    tables = before.split('<section id="results"')[1]
    assert not any(f"<bdi>{one['name']}</bdi>" in tables for one in CACHED)
    assert "The lane kv\\-cache" in card or "The lane kv-cache" in card
    assert "kv4" in card
    alone = (mixed["files"].folder / "alone" / "report" / "index.html").read_text("utf-8")
    assert 'id="lanes"' not in alone


def test_formats_that_know_no_lanes_get_the_serving_lane(mixed, tmp_path):
    folder = mixed["outcome"].folder
    stored = stored_parts(StudyFolder(folder))
    assert {part.model for part in stored.parts} == {"ref", *FILES}
    assert sum("of the lane kv-cache" in note for note in stored.notes) == len(CACHED)
    into = tmp_path / "imported"
    command = ["import", "study", str(folder), "--into", str(into), "--quiet"]
    assert run_command_line(command) == 0
    document = json.loads((into / "import.json").read_text("utf-8"))
    assert {one["name"] for one in document["models"]} == {"ref", *FILES}


def test_a_study_of_caches_alone_is_a_study(mixed, tmp_path):
    _, outcome = _run(_files(tmp_path), CACHED[:2], tmp_path / "out")
    analysis = outcome.analysis
    assert analysis["candidates"] == []
    assert analysis["decision"]["pick"] is None
    assert [one["name"] for one in analysis["lanes"][0]["candidates"]] == ["kv4", "kv8"]
    assert outcome.report.exists()


def test_another_type_measures_that_candidate_anew_and_no_other(mixed, tmp_path):
    files, out = _files(tmp_path), tmp_path / "out"
    first, _ = _run(files, CACHED[:2], out)
    assert {name for name, _ in first} == {"ref", "kv8", "kv4"}
    changed = [{**CACHED[0], "cache_v": "q4_0", "cache_k": "q4_0"}, CACHED[1]]
    again, _ = _run(files, changed, out)
    assert {name for name, _ in again} == {"kv8"}
    key = dict(StudyFolder(out).read_table(TOKENS, "text", "kv8").key.protocol)
    assert (key["lane"], key["model_cache_k"], key["model_cache_v"]) == (
        "kv-cache", "q4_0", "q4_0"
    )  # fmt: skip
    assert any(path.is_file() for path in (out / "superseded").rglob("*"))


def test_a_type_the_engine_does_not_have_costs_that_candidate_alone(tmp_path):
    listener = Listener()
    bad = {**CACHED[0], "cache_k": "q3_9"}
    _, outcome = _run(_files(tmp_path), [bad, CACHED[1]], tmp_path / "out", progress=listener)
    assert any("`cache_k` of `kv8` is `q3_9`" in one for one in outcome.failures)
    assert [one["name"] for one in outcome.analysis["lanes"][0]["candidates"]] == ["kv4"]


def test_one_file_may_stand_for_several_candidates_only_in_other_types(tmp_path):
    files = _files(tmp_path)
    mapping = files.mapping()
    mapping["candidates"] = [{"path": "ref.json", "cache_k": "q8_0", "cache_v": "q4_0"}]
    config = files.config(mapping)
    assert [one.name for one in config.candidates] == ["ref K q8_0 V q4_0"]
    (tmp_path / "study.toml").write_text(dump_config(config), "utf-8")
    assert load_config(tmp_path / "study.toml") == config
    mapping["candidates"] *= 2
    mapping["candidates"][1] = {**mapping["candidates"][0], "name": "again"}
    with pytest.raises(Exception, match="'ref K q8_0 V q4_0' and 'again' are the same file"):
        parse_config(mapping, tmp_path)
    mapping["candidates"] = [{"glob": "*.json", "cache_k": "q8_0"}]
    with pytest.raises(Exception, match="both `glob` and `cache_k`"):
        parse_config(mapping, tmp_path)
    mapping["candidates"] = [{"path": "a.json"}]
    mapping["reference"]["cache_k"] = "q8_0"
    with pytest.raises(Exception, match="cache_k"):
        parse_config(mapping, tmp_path)
