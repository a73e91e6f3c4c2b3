"""llama.cpp on a real model: what the stored reference rebuilds, splits, prompts, damaged files."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
import pytest
from tests.backends.conftest import corpus_job, opened, reference_trace

from silentzone.backends.base import ContinuationRequest
from silentzone.backends.gguf.model import read_model
from silentzone.errors import MeasurementError, ModelFileError, WorkerCrashError
from silentzone.execution.processes import run_in_worker
from silentzone.measure.candidate import TraceTokens
from silentzone.measure.floors import measure_floors
from silentzone.measure.jobs import ModelJob
from silentzone.measure.perturbations import TOKEN_BY_TOKEN, UNEVEN_BATCH
from silentzone.measure.reference import observed_tokens
from silentzone.measure.session import TASK
from silentzone.metrics.kernels import compare_rows, describe_rows
from silentzone.records.config import ModelLoading
from silentzone.records.windows import WindowPlan
from silentzone.store.folder import StudyFolder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.slow]

SHORT = WindowPlan(context_length=128, first_scored=64, add_bos=False)
TOOL_BYTES_PER_ROW = 2 * (49152 + 4)
"""Of llama-perplexity's file of the reference: 16 bits per vocabulary entry and two floats."""


@pytest.fixture(scope="module")
def backend(smollm2_f16, settings):
    with opened(smollm2_f16, settings) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def windows(backend, made_text_file):
    tokens = backend.tokenize(made_text_file.read_text("ascii"), add_bos=True)
    return [tokens[128 * k : 128 * (k + 1)] for k in range(6)]


@pytest.fixture(scope="module")
def traces(smollm2_as, made_text_file, settings, tmp_path_factory):
    return {
        name: reference_trace(
            smollm2_as(name),
            made_text_file,
            StudyFolder(tmp_path_factory.mktemp("study") / name),
            settings,
            windows=2,
        )
        for name in ("F16", "Q8_0")
    }


def _logits(backend, windows, plan, **options):
    return [part.logits_TV.copy() for part in backend.window_logits(windows, plan, **options)]


def _divergence(first, second, tokens, plan):
    observed = observed_tokens(tokens, plan.first_scored)
    return compare_rows(first, second, observed, describe_rows(first, observed)).kl_divergence


@pytest.mark.parametrize("name", ["F16", "Q8_0"])
def test_the_stored_reference_rebuilds_the_logits(traces, name):
    error = traces[name].rebuild_error
    print(f"{name}: {error}")  # noqa: T201
    assert error["positions"] == 2 * 255
    assert 0.0 <= error["self_kld_mean"] <= error["self_kld_max"] <= 1e-6
    assert error["largest_logit_difference"] < 1e-2


@pytest.mark.parametrize("name", ["F16", "Q8_0"])
def test_the_reference_is_stored_as_hidden_states_in_a_fraction_of_the_tools_file(traces, name):
    trace = traces[name]
    assert trace.form == "hidden"
    assert trace.width == 576
    rows = 2 * 255
    stored = sum(path.stat().st_size for path in trace.path.iterdir())
    print(f"{name}: {stored} bytes for {rows} rows, the tool {rows * TOOL_BYTES_PER_ROW}")  # noqa: T201
    assert stored * 60 <= rows * TOOL_BYTES_PER_ROW


def test_how_many_windows_share_a_call_changes_nothing(smollm2_q8_0, settings, made_text_file):
    plan = WindowPlan(context_length=512, first_scored=256, add_bos=False)
    with opened(smollm2_q8_0, settings) as loaded:
        tokens = loaded.tokenize(made_text_file.read_text("ascii"), add_bos=True)
        three = [tokens[512 * k : 512 * (k + 1)] for k in range(3)]
        together = _logits(loaded, three, plan)
        for window, logits in zip(three, together, strict=True):
            (alone,) = _logits(loaded, [window], plan)
            assert _divergence(alone, logits, window, plan).max() <= 1e-9


def test_threads_change_nothing(backend, smollm2_f16, settings, windows):
    ordinary = _logits(backend, windows[:1], SHORT)
    with opened(smollm2_f16, replace(settings, threads=1)) as other:
        assert np.array_equal(_logits(other, windows[:1], SHORT)[0], ordinary[0])


def test_the_floors_of_f16_and_q8_0_lie_where_their_kernels_put_them(traces, smollm2_as, settings):
    means = {}
    for name, trace in traces.items():
        with opened(smollm2_as(name), settings) as loaded:
            columns = measure_floors(
                loaded, TraceTokens(trace), 2, windows=1, positions=24, on_window=lambda: None
            )
        kld, kind = columns["kl_divergence"], columns["perturbation"]
        for perturbation in (UNEVEN_BATCH, TOKEN_BY_TOKEN):
            means[name, perturbation] = float(kld[kind == perturbation].mean())
    print({f"{name} {kind}": f"{value:.1e}" for (name, kind), value in means.items()})  # noqa: T201
    # F16 activations are rounded alike in every split; Q8_0 rounds them to 8 bits in blocks.
    assert means["F16", TOKEN_BY_TOKEN] < 1e-3
    assert 1e-5 < means["Q8_0", TOKEN_BY_TOKEN] < 5e-2
    assert all(value >= 0.0 for value in means.values())


@pytest.fixture(scope="module")
def requests(windows):
    prompt, *choices = windows
    return [
        ContinuationRequest(
            prompt[:40], tuple(choice[: 5 + k] for k, choice in enumerate(choices))
        ),
        ContinuationRequest(prompt[:1], (choices[0][:1], choices[1][:1])),
        ContinuationRequest(prompt[:90], (choices[2][:30], choices[3][:1])),
    ]


def _parts(backend, requests, **options):
    return {
        (part.request, part.continuation): part.logits_NV.copy()
        for part in backend.continuation_logits(requests, **options)
    }


def test_shared_prompts_give_what_separate_prompts_give(backend, requests):
    shared = _parts(backend, requests)
    separate = _parts(backend, requests, share_prompts=False)
    assert shared.keys() == separate.keys()
    worst = 0.0
    for (request, choice), logits in shared.items():
        tokens = requests[request].continuations[choice]
        plan = WindowPlan(context_length=len(tokens) + 1, first_scored=0, add_bos=False)
        window = np.concatenate((requests[request].prompt[-1:], tokens))
        worst = max(worst, _divergence(separate[request, choice], logits, window, plan).max())
    print(f"largest divergence by sharing: {worst:.1e} nats")  # noqa: T201
    assert worst <= 1e-4


def test_continuations_have_the_logits_of_the_windows_they_end(backend, requests):
    parts = _parts(backend, requests)
    worst = 0.0
    for (request, choice), logits in parts.items():
        prompt, tokens = requests[request].prompt, requests[request].continuations[choice]
        window = np.concatenate((prompt, tokens))
        plan = WindowPlan(context_length=len(window), first_scored=len(prompt) - 1, add_bos=False)
        (whole,) = _logits(backend, [window], plan)
        assert whole.shape == logits.shape
        worst = max(worst, _divergence(whole, logits, window, plan).max())
    print(f"largest divergence from a window: {worst:.1e} nats")  # noqa: T201
    assert worst <= 1e-4


def test_a_stream_whose_buffers_were_taken_is_refused(backend, windows, requests):
    stream = backend.continuation_logits(requests)
    next(stream)
    next(backend.window_logits(windows, SHORT))
    with pytest.raises(MeasurementError, match="asked for other logits"):
        next(stream)


def test_control_tokens_written_in_a_text_stay_text(backend):
    text = "a<|im_start|>b<|endoftext|>c"
    tokens = backend.tokenize(text, add_bos=False)
    assert b"".join(backend.token_bytes(tokens)) == text.encode()
    assert len(tokens) > 9


def test_tokens_spell_text_of_every_kind(backend):
    text = "naïve café — 数学 🙂\r\n\ttabs  and   spaces \n" + chr(0x10FFFD) + "\x01end"
    assert b"".join(backend.token_bytes(backend.tokenize(text, add_bos=False))) == text.encode()


class Damaged:
    """Copies of a model with one thing wrong, measured as a reference in a worker."""

    def __init__(self, source: Path, text: Path, folder: Path) -> None:
        self._source, self._text, self._folder = source, text, folder
        self._sound = read_model(source, "sound")
        self.path = folder / "damaged.gguf"
        shutil.copyfile(source, self.path)

    def measure(self) -> dict[str, Any]:
        """Run a worker over the damaged file as if its identity had been read before."""
        study = StudyFolder(self._folder / "study")
        study.create()
        job = ModelJob.from_json(
            {
                "study": str(study.root),
                "backend": "llama_cpp",
                "path": str(self.path),
                "model": _as_json(self._sound),
                "reference_path": str(self.path),
                "reference": _as_json(self._sound),
                "is_reference": True,
                "only_traces": False,
                "threads": 2,
                "batch_tokens": 512,
                "micro_batch_tokens": 512,
                "gpu_layers": 0,
                "seed": 1,
                "floor": {"windows": 0, "token_by_token_positions": 0, "items": 0},
                "corpora": [_as_json(corpus_job(self._source, self._text, windows=1))],
                "benchmarks": [],
                "loading": _as_json(ModelLoading()),
                "home": None,
                "claims": None,
            }
        )
        return run_in_worker(TASK, job.to_json(), what="measuring `damaged`")

    def overwrite(self, offset: int, data: bytes) -> None:
        """Put bytes into the file."""
        with self.path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def after(self, text: bytes) -> int:
        """Offset behind the first occurrence of a text."""
        with self.path.open("rb") as file:
            return file.read(8_000_000).index(text) + len(text)


def _as_json(record: Any) -> dict[str, Any]:
    return asdict(record)


@pytest.fixture
def damaged(smollm2_as, made_text_file, tmp_path):
    return Damaged(smollm2_as("Q4_0"), made_text_file, tmp_path)


def test_a_file_cut_off_is_one_clear_error(damaged):
    with damaged.path.open("r+b") as file:
        file.truncate(damaged.path.stat().st_size // 2)
    with pytest.raises(ModelFileError, match="is cut off"):
        read_model(damaged.path, "damaged")
    with pytest.raises(ModelFileError, match=r"could not load `damaged\.gguf`.*file bounds"):
        damaged.measure()


def test_a_tensor_of_another_name_is_one_clear_error(damaged):
    damaged.overwrite(damaged.after(b"blk.3.attn_q.weight") - 8, b"x")
    with pytest.raises(ModelFileError, match=r"could not load `damaged\.gguf`.*not found"):
        damaged.measure()


def test_an_abort_of_the_engine_is_one_clear_error(damaged):
    at = damaged.after(b"llama.block_count") + 4  # behind the type of the value
    damaged.overwrite(at, (100_000).to_bytes(4, "little"))
    with pytest.raises(WorkerCrashError, match=r"measuring `damaged` died: .*SIGABRT.*GGML_ASSERT"):
        damaged.measure()


def test_weights_that_are_not_numbers_fail_the_reference_and_name_the_place(damaged):
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(damaged.path).tensors}
    offset = int(tensors["blk.5.ffn_down.weight"].data_offset)
    damaged.overwrite(offset, b"\x00\x7e" * 2000)  # the scales of the blocks become NaN
    (failure,) = damaged.measure()["failures"]
    assert failure["part"] == "reference on made"
    assert "not finite in window 0" in failure["cause"]
    assert "position 257" in failure["cause"]
    assert "damaged" in failure["raised"]["hint"]


def test_tiny_windows_are_decoded_in_as_many_sequences_as_the_engine_has(backend, windows):
    plan = WindowPlan(context_length=4, first_scored=2, add_bos=False)
    tokens = np.concatenate(windows)
    tiny = [tokens[4 * k : 4 * (k + 1)] for k in range(190)] * 2
    assert sum(1 for _ in backend.window_logits(tiny, plan)) == 380
