"""The quick fidelity table."""

from __future__ import annotations

import json

import pytest


def _estimate(value, error=None, cautions=()):
    return {"value": value, "standard_error": error, "cautions": list(cautions)}


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("ref.gguf", "a.gguf", "b.gguf", "text.txt")]
    for path in paths:
        path.write_bytes(b"")
    return paths


@pytest.fixture
def result(stand_in):
    """What the comparison gives back; calls are recorded under ``calls``."""
    import silentzone.studies

    assert silentzone.studies
    content = {
        "reference": {"name": "ref"},
        "candidates": [
            {
                "name": "a",
                "metrics": {
                    "kld_mean": _estimate(0.00367, 0.00012),
                    "top1_agreement": _estimate(0.9712),
                    "ppl_ratio": _estimate(1.0012, 0.0008),
                },
                "floor": {"used": 0.0032, "statement": "measured"},
                "cautions": ["near its floor"],
            },
            {"name": "b", "metrics": {"kld_mean": _estimate(None)}, "floor": None, "cautions": []},
        ],
    }
    calls = []

    def compare_models(reference, candidates, text, **options):
        calls.append((reference, candidates, text, options))
        return content

    stand_in("silentzone.studies.compare", compare_models=compare_models)
    return content, calls


def test_files_and_options_reach_the_comparison(invoke, files, result):
    reference, first, second, text = files
    shown = invoke(
        "compare", reference, first, second, "--text", text, "--windows", 3, "--threads", 2
    )
    assert shown.code == 0
    ((got_reference, got_candidates, got_text, options),) = result[1]
    assert (got_reference, list(got_candidates), got_text) == (reference, [first, second], text)
    del options["progress"]
    assert options == {"context_length": 512, "windows": 3, "threads": 2}


def test_the_table_has_errors_and_floor_and_never_a_zero_for_what_is_missing(invoke, files, result):
    shown = invoke("compare", files[0], files[1], "--text", files[3])
    header, first, second, caution = shown.stdout.splitlines()
    assert header.split()[0] == "candidate"
    assert "0.00367 ± 0.00012" in first
    assert "97.12 %" in first
    assert first.endswith("0.0032")
    assert second.split() == ["b", *["\u2013"] * 5]
    assert caution == "a: near its floor"


def test_json_is_the_result(invoke, files, result):
    shown = invoke("compare", files[0], files[1], "--text", files[3], "--json")
    assert json.loads(shown.stdout) == result[0]


def test_an_infinite_divergence_is_null_with_a_reason_in_json(invoke, files, result):
    result[0]["candidates"][0]["metrics"]["kld_mean"] = _estimate(float("inf"))
    shown = invoke("compare", files[0], files[1], "--text", files[3], "--json")
    estimate = json.loads(shown.stdout)["candidates"][0]["metrics"]["kld_mean"]
    assert estimate["value"] is None
    assert "infinite" in estimate["cautions"][0]


def test_a_missing_file_is_wrong_usage(invoke, files, result, tmp_path):
    shown = invoke("compare", files[0], tmp_path / "absent.gguf", "--text", files[3])
    assert shown.code == 2
    assert "absent.gguf" in shown.stderr


def test_stopping_ends_without_a_traceback(invoke, files, stand_in, result):
    def compare_models(*arguments, **options):
        raise KeyboardInterrupt

    stand_in("silentzone.studies.compare", compare_models=compare_models)
    shown = invoke("compare", files[0], files[1], "--text", files[3])
    assert shown.code == 130
    assert "Stopped. " in shown.stderr
    assert shown.stderr.splitlines()[-1].startswith("  silentzone compare ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--base", "B", "--text", "T"], "--text says nothing with --base"),
        (["--base", "B", "--context-length", "64"], "--context-length says nothing with --base"),
        (["--text", "T", "--into", "x"], "--into needs --base"),
        (["--text", "T"], "Missing argument 'CAND...'"),
        ([], "Missing option '--text'"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(invoke, files, arguments, said):
    names = {"B": files[1], "T": files[3]}
    shown = invoke("compare", files[0], *(names.get(one, one) for one in arguments))
    assert shown.code == 2
    assert said in shown.stderr


def test_a_base_file_takes_the_place_of_the_reference(invoke, files, stand_in):
    import silentzone.studies

    assert silentzone.studies
    content = {
        "base": {"clip_nats": 16.0},
        "candidates": [
            {
                "name": "a",
                "metrics": {"kld_mean": _estimate(0.0031, 0.0001)},
                "kld_mean_bracket": [0.00309, 0.00518],
                "cautions": ["a caution"],
            }
        ],
        "failures": [{"model": "b", "part": "x", "cause": "another vocabulary"}],
    }
    calls = []

    def measure_with_base(base, candidates, **options):
        calls.append((base, list(candidates), options["windows"], options["threads"]))
        return [], []

    stand_in("silentzone.store.base_file", BaseFile=lambda path: path)
    stand_in(
        "silentzone.studies.base_compare",
        measure_with_base=measure_with_base,
        comparison_as_json=lambda *_: content,
    )
    kept = []
    stand_in(
        "silentzone.studies.base_import",
        keep_base_comparison=lambda *given, **names: kept.append((given[2], names)),
    )
    shown = invoke("compare", "--base", files[0], files[1], files[2], "--windows", 2)
    assert shown.code == 0
    assert calls == [(files[0], [files[1], files[2]], 2, None)]
    assert "0.0031 ± 0.0001" in shown.stdout
    assert "0.00309 to 0.00518" in shown.stdout
    assert "cut off 16 nats" in shown.stdout
    assert "a: a caution" in shown.stdout
    assert "b: another vocabulary" in shown.stdout
    assert kept == []
    shown = invoke("compare", "--base", files[0], files[1], "--into", "kept", "--json")
    assert json.loads(shown.stdout) == content
    assert kept[0][1] == {"corpus": None, "reference": None}
