"""Among files of all tools, each format of items takes its own and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from silentzone.importers.finding import find_bundles

GOLDEN = Path(__file__).parents[3] / "golden/imports"
BFCL = ("BFCL_v4_irrelevance_score.json", "BFCL_v4_simple_python_score.json")


@pytest.mark.parametrize(
    ("folder", "name", "mains"),
    [
        (
            "inspect",
            "inspect",
            ("one_scorer.eval", "one_scorer.json", "three_scorers.eval", "three_scorers.json"),
        ),
        (
            "evalplus",
            "evalplus",
            ("made--model_base_eval_results.json", "made--model_hf_temp_0.2_eval_results.json"),
        ),
        (
            "livecodebench",
            "livecodebench",
            ("codegeneration_3_0.2_eval_all.json", "testoutputprediction_1_0.2_eval_all.json"),
        ),
        ("bfcl", "bfcl", BFCL),
        ("llama_eval", "llama-eval", ("llama-eval-state.json",)),
        ("flipeval", "flipeval", ("least.jsonl", "made-model.jsonl")),
    ],
)
def test_a_folder_of_one_tool(folder, name, mains):
    found = find_bundles(None, [GOLDEN / folder])

    assert {one.name for one, _ in found.bundles} == {name}
    assert sorted(bundle.main.name for _, bundle in found.bundles) == sorted(mains)
    assert all(path.suffix in {".py", ".md"} for path in found.unknown)


def test_no_format_of_items_takes_a_file_of_another_tool():
    found = find_bundles(None, [GOLDEN])
    folders = {
        "inspect": "inspect",
        "evalplus": "evalplus",
        "livecodebench": "livecodebench",
        "bfcl": "bfcl",
        "llama-eval": "llama_eval",
        "flipeval": "flipeval",
    }
    for one, bundle in found.bundles:
        if one.name in folders:
            assert bundle.main.relative_to(GOLDEN).parts[0] == folders[one.name]
