"""Logs of llama-perplexity, as the tool wrote them and as they get damaged."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.registry import FORMATS

FORMAT = FORMATS["llama-perplexity"]
FOLDER = Path(__file__).parents[3] / "golden" / "imports" / "llama_perplexity"
KLD = (FOLDER / "smollm2.kld.stdout.txt").read_text("utf-8")
WINDOW = "   3      21.5681 ±    2.4427      -0.00137 ±    0.00285       0.00317 ±    0.00010"


def _read(path, **options):
    return FORMAT.read(Bundle(main=path), ImportOptions(**options))


@pytest.fixture
def read_text(tmp_path):
    def read(text, name="run.log", encoding="utf-8", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return _read(path, **options)

    return read


def _row(imported):
    (row,) = imported.fidelity
    return row


def _values(imported):
    return {key: one.value for key, one in _row(imported).metrics.items()}


def test_the_final_block_is_read_in_our_units():
    row = _row(_read(FOLDER / "smollm2.kld.stdout.txt", corpus="made", reference="F16"))
    assert {key: one.value for key, one in row.metrics.items()} == {
        "kld_mean": 0.003108,
        "kld_median": 0.00269,
        "kld_max": 0.0247,
        "kld_p90": 0.005925,
        "kld_p95": 0.007388,
        "kld_p99": 0.012941,
        "kld_p999": 0.022643,
        "ppl_reference": 21.761205,
        "ppl_candidate": 21.780207,
        "ppl_ratio": 1.000873,
        "ppl_delta": 0.019002,
        "ln_ppl_ratio": 0.000873,
        "delta_p_mean": -0.00082,
        "delta_p_rms": 0.01292,
        "top1_agreement": 0.96471,
    }
    assert {one.status for one in row.metrics.values()} == {"ok"}
    assert row.about["10.0% KLD"] == "0.000530"
    assert row.about["NLL correlation"] == "99.97"
    assert (row.corpus, row.protocol["reference"], row.protocol["windows"]) == ("made", "F16", "8")
    assert row.protocol["direction"] == "KL(reference||candidate)"


def test_window_means_average_to_the_final_values_within_the_printing():
    row = _row(_read(FOLDER / "smollm2.kld.stdout.txt"))
    windows = row.windows
    assert windows["kl_divergence"].shape == (8,)
    assert windows["kl_divergence"].mean() == pytest.approx(0.003108, abs=6e-6)
    assert windows["candidate_nll"].mean() == pytest.approx(np.log(21.780207), abs=3e-6)
    assert windows["reference_nll"].mean() == pytest.approx(np.log(21.761205), abs=8e-6)
    assert windows["top1_match"].mean() == pytest.approx(0.96471, abs=1e-5)


def test_errors_are_clustered_by_window_and_say_so():
    row = _row(_read(FOLDER / "smollm2.kld.stdout.txt"))
    stated, windows = row.metrics["kld_mean"], row.windows["kl_divergence"]
    assert stated.method == "clustered by 8 windows (CR1), from running means"
    assert stated.standard_error == pytest.approx(windows.std(ddof=1) / np.sqrt(8), rel=1e-9)
    ratio = row.metrics["ln_ppl_ratio"].standard_error
    assert row.metrics["ppl_ratio"].standard_error == pytest.approx(1.000873 * ratio, rel=1e-9)
    assert "independent" in row.metrics["delta_p_mean"].method
    assert row.metrics["delta_p_mean"].standard_error == 0.00029
    assert row.metrics["kld_p99"].standard_error is None


def test_the_loader_lines_name_model_vocabulary_and_bos():
    imported = _read(FOLDER / "tiny.odd.kld.txt")
    row = _row(imported)
    assert row.model == "odd-near"
    assert imported.models[0].bits_per_weight == 32.0
    assert (row.protocol["vocabulary_size"], row.protocol["add_bos"]) == ("259", "true")
    assert (row.protocol["context_length"], row.protocol["windows"]) == ("64", "5")
    assert row.sources[0].format == "llama-perplexity"


def test_shares_of_equal_tokens_are_exact_where_the_window_is_known():
    top1 = _row(_read(FOLDER / "tiny.even.kld.txt")).windows["top1_match"]
    np.testing.assert_allclose(top1 * 31, np.rint(top1 * 31), atol=1e-9)


def test_perplexity_mode_gives_one_metric():
    row = _row(_read(FOLDER / "smollm2.ppl.stdout.txt"))
    assert _values(_read(FOLDER / "smollm2.ppl.stdout.txt")) == {"ppl_candidate": 21.7612}
    assert row.protocol["direction"] is None
    assert row.protocol["scored"] is None  # stdout alone does not tell a stride
    stated = _row(_read(FOLDER / "smollm2.ppl.stderr.txt")).metrics["ppl_candidate"]
    assert (stated.value, stated.standard_error) == (21.7612, 1.49869)


def test_both_forms_of_running_perplexity_give_the_same_windows():
    rows = _row(_read(FOLDER / "tiny.ppl-rows.txt")).windows["candidate_nll"]
    line = _row(_read(FOLDER / "tiny.odd.ppl.txt")).windows["candidate_nll"]
    np.testing.assert_allclose(rows, line, atol=5e-6)


def test_a_stride_is_another_protocol():
    row = _row(_read(FOLDER / "tiny.stride.txt"))
    assert row.protocol["scored"] == "strided"
    assert row.protocol["context_length"] is None
    assert row.windows["candidate_nll"].shape == (14,)


def test_nan_is_null_everywhere_it_reaches_even_the_agreement():
    metrics = _row(_read(FOLDER / "tiny.nan.txt")).metrics
    assert {key for key, one in metrics.items() if one.value is not None} == {"ppl_reference"}
    assert "nan" in metrics["top1_agreement"].status
    assert metrics["ppl_reference"].value == 104563.049638


def test_without_a_final_block_the_last_running_means_count():
    imported = _read(FOLDER / "tiny.few.txt")
    metrics = _row(imported).metrics
    assert metrics["kld_mean"].value == 0.14061
    assert metrics["kld_p99"].value is None
    assert "fewer than 100 positions" in metrics["kld_p99"].status
    assert any("no final result" in note for note in imported.notes)


def test_other_vocabularies_are_refused_with_both_sizes():
    with pytest.raises(TableError, match="vocabulary of 259, the candidate one of 260"):
        _read(FOLDER / "tiny.mismatch.txt")


def test_a_model_against_itself_has_negative_values_and_a_note():
    imported = _read(FOLDER / "smollm2.self.stdout.txt")
    metrics = _row(imported).metrics
    assert metrics["kld_max"].value == 5.3e-05
    assert metrics["kld_mean"].standard_error is None  # printed as 0.000000
    assert np.isnan(_row(imported).windows["kl_divergence"]).all()
    assert any("kl_divergence of no window" in note for note in imported.notes)


def test_older_versions_print_fewer_rows(read_text):
    rows = ("95.0%   KLD", " 0.1%   KLD")
    kept = [line for line in KLD.splitlines(keepends=True) if not line.startswith(rows)]
    imported = read_text("".join(kept))
    metrics = _row(imported).metrics
    assert metrics["kld_p95"].value is None
    assert "no such row" in metrics["kld_p95"].status
    assert metrics["kld_mean"].value == 0.003108
    assert not any("is cut" in note for note in imported.notes)


@pytest.mark.parametrize("sign", ["Â±", "┬▒", "?", "+/-", "\ufffd"])
@pytest.mark.parametrize("delta", ["Î”p", "╬öp", "?p"])
def test_signs_of_any_encoding(read_text, sign, delta):
    text = KLD.replace("±", sign).replace("Δp", delta)
    assert _values(read_text(text)) == _values(_read(FOLDER / "smollm2.kld.stdout.txt"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1253"])
def test_redirected_by_another_shell(read_text, encoding):
    assert _values(read_text(KLD.replace("\n", "\r\n"), encoding=encoding)) == _values(
        _read(FOLDER / "smollm2.kld.stdout.txt")
    )


@pytest.mark.parametrize(
    ("printed", "status"),
    [("nan", "nan"), ("-nan(ind)", "nan"), ("inf", "inf"), ("1.#QNAN0", "1.#")],
)
def test_what_is_no_number_is_null(read_text, printed, status):
    text = KLD.replace("99.9%   KLD:   0.022643", f"99.9%   KLD: {printed}")
    stated = _row(read_text(text)).metrics["kld_p999"]
    assert (stated.value, stated.status) == (None, f"the tool printed {status}")


@pytest.mark.parametrize("cut", [r"   4  ", r"Mean    KLD", r"99\.0%   Δp"])
@pytest.mark.parametrize("inside", [0, 7, 20])
def test_a_log_that_ends_early_says_so(read_text, cut, inside):
    place = next(re.finditer(cut, KLD)).start() + inside
    imported = read_text("kl_divergence: computing over 8 chunks, n_ctx=512\n" + KLD[:place])
    row = _row(imported)
    whole = _values(_read(FOLDER / "smollm2.kld.stdout.txt"))
    metrics = row.metrics
    assert any("ends after" in note or "is cut" in note for note in imported.notes)
    if cut.startswith(" "):
        assert row.protocol["windows"] == "3"
        assert metrics["kld_mean"].value == 0.00317
        assert metrics["kld_p99"].status.startswith("the log ends after window 3 of 8")
    else:
        for key, one in metrics.items():
            assert one.value is None or one.value == whole[key]
        assert metrics["top1_agreement"].value is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("   3      21", "   4      21", "window 4 follows window 2"),
        (WINDOW, WINDOW.replace("0.00317", "0.0x317"), "window 4 follows window 2"),
        (WINDOW, WINDOW.replace("0.00317", "0.003170"), "not as llama-perplexity prints them"),
        ("Mean    KLD:   0.003108", "Mean    KLD:   0.0031", "not as llama-perplexity prints"),
        ("Mean    KLD:   0.003108", "Mean    KLD:   0.004108", "after the last window line"),
        ("99.0%   KLD:   0.012941", "99.0%   KLD:   0.112941", "do not grow"),
        ("   1      26", "   2      26", "begins at window 2"),
    ],
)
def test_a_damaged_line_is_refused(read_text, old, new, message):
    assert old in KLD
    with pytest.raises(TableError, match=message):
        read_text(KLD.replace(old, new))


def test_missing_windows_before_a_final_block_are_refused(read_text):
    lines = KLD.splitlines(keepends=True)
    text = "kl_divergence: computing over 8 chunks, n_ctx=512\n" + "".join(
        line for line in lines if not line.startswith("   8  ")
    )
    with pytest.raises(TableError, match="lines of 7 windows, and says that there are 8"):
        read_text(text)


@pytest.mark.parametrize("first", ["smollm2.kld.stdout.txt", "smollm2.ppl.stdout.txt"])
@pytest.mark.parametrize("second", ["smollm2.self.stdout.txt", "smollm2.ppl.stdout.txt"])
def test_two_runs_in_one_file_are_refused_with_their_lines(read_text, first, second):
    one, other = ((FOLDER / name).read_text("utf-8") for name in (first, second))
    with pytest.raises(TableError, match=r"more than one run: the first begins at line \d+") as e:
        read_text(one + other)
    by = int(re.findall(r"by line (\d+)", e.value.message)[0])
    assert 0 < by - len(one.splitlines()) <= 5


def test_a_task_run_is_refused_by_name(read_text):
    with pytest.raises(TableError, match="`hellaswag` run"):
        read_text("hellaswag_score : loaded 400 tasks\n1\t100.00000000\n")


@pytest.mark.parametrize("text", ["", "hello\n", "\n" * 50, "[2]3.0000,\n"])
def test_what_is_no_log_is_refused(read_text, text):
    with pytest.raises(TableError):
        read_text(text)


def test_a_share_that_no_count_gives_is_refused(read_text):
    head = "kl_divergence: computing over 8 chunks, n_ctx=512\n"
    read_text(head + KLD)
    with pytest.raises(TableError, match="no share of 510 positions"):
        read_text(head + KLD.replace("96.275 ±  0.839", "96.375 ±  0.839"))


def test_names(read_text):
    loader = "llama_model_loader: loaded meta data with 3 pairs and 2 tensors from {} (version 3)\n"
    read = lambda path: _row(read_text(loader.format(path) + KLD)).model  # noqa: E731
    assert read("/models/some dir/Llama-3-Q4_K_M-00001-of-00003.gguf") == "Llama-3-Q4_K_M"
    assert read(r"C:\models\Qwen.Q8_0.gguf") == "Qwen.Q8_0"
    assert read("/models/bad\x1b[31m.gguf") == "run"
    assert _row(read_text(loader.format("a.gguf") + KLD, model="given")).model == "given"


def test_the_loader_lines_of_older_versions(read_text):
    old = (
        "main: build = 2430 (46acb367)\n"
        "llama_model_loader: loaded meta data with 22 key-value pairs and 291 tensors from "
        "models/llama-2-7b.Q4_K_M.gguf (version GGUF V3 (latest))\n"
        "llm_load_print_meta: n_vocab          = 32000\n"
        "llm_load_print_meta: model size       = 3.80 GiB (4.84 BPW) \n"
        "llama_model_loader: - kv  20:               tokenizer.ggml.add_bos_token bool"
        "             = true\n"
    )
    imported = read_text(old + KLD)
    row = _row(imported)
    assert row.model == "llama-2-7b.Q4_K_M"
    assert imported.models[0].bits_per_weight == 4.84
    assert (row.protocol["vocabulary_size"], row.protocol["add_bos"]) == ("32000", "true")
    assert row.about["build"] == "2430 (46acb367)"


def test_two_models_in_one_log_are_refused(read_text):
    loader = "llama_model_loader: loaded meta data with 3 pairs from {}.gguf (version 3)\n"
    with pytest.raises(TableError, match=r"two values of its model, 'a.gguf' and 'b.gguf'"):
        read_text(loader.format("a") + loader.format("b") + KLD)
    with pytest.raises(TableError, match="more than one run"):
        read_text(loader.format("a") + KLD + loader.format("b"))


def test_files_are_found_by_their_results():
    found = {bundle.main.name for bundle in FORMAT.find(sorted(FOLDER.iterdir()))}
    logs = {path.name for path in FOLDER.glob("*.txt")}
    tasks = {f"smollm2.{name}.txt" for name in ("hellaswag", "winogrande", "multiple-choice")}
    assert found == logs - tasks - {"smollm2.kld.stderr.txt"}


def test_a_result_far_down_is_found(tmp_path):
    path = tmp_path / "verbose.log"
    path.write_text("llama_model_loader: - kv\n" * 10_000 + KLD, "utf-8")
    assert len(FORMAT.find([path])) == 1
