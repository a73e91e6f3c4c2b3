"""Small studies on the fake engine, in this process or with its real workers."""

from __future__ import annotations

import json
import random
import threading
from typing import TYPE_CHECKING

import pytest

from silentzone.measure.session import TASK, measure_model
from silentzone.studies import measuring
from silentzone.studies.config import parse_config
from silentzone.studies.progress import SilentProgress
from silentzone.studies.run import run_study

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("the", "cat", "sat", "on", "a", "mat", "while", "rain", "fell", "over", "old", "stones")


class StudyFiles:
    """Files of a cohort of fake models, and configurations over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rng = random.Random(1)  # noqa: S311 - words of a test, not a secret
        self.write_text("text", 400, rng)
        self.write_text("other", 300, rng)
        self.model("ref")
        lines = [
            {
                "item_id": f"i{k}",
                "prompt": " ".join(rng.choices(WORDS, k=5)),
                "choices": rng.sample(WORDS, 3),
                "target": k % 3,
            }
            for k in range(12)
        ]
        (folder / "own.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")

    def write_text(self, name, words, rng):
        text = " ".join(rng.choice(WORDS) for _ in range(words))
        (self.folder / f"{name}.txt").write_text(text, "utf-8")

    def model(self, name, **content):
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({"fake_model": 1, "seed": 7, **content}), "utf-8")
        return path

    def mapping(self, *candidates):
        return {
            "study": {"name": "fake", "seed": 1},
            "reference": {"name": "ref", "path": "ref.json"},
            "candidates": [{"name": name, "path": f"{name}.json"} for name in candidates],
            "corpora": [{"name": "text", "path": "text.txt", "context_length": 64, "windows": 4}],
            "benchmarks": [{"name": "own", "path": "own.jsonl"}],
            "engine": {"backend": "fake", "threads": 1, "workers": 1},
            "floor": {"windows": 1, "token_by_token_positions": 4, "items": 4},
        }

    def config(self, mapping):
        return parse_config(mapping, self.folder)


class Listener(SilentProgress):
    """Keeps what people are told."""

    def __init__(self):
        self.notes = []

    def note(self, message):
        self.notes.append(message)


class InProcess:
    """Stands in for the worker processes: the same call, JSON both ways, and a record of it."""

    def __init__(self):
        self.measured = []
        self.lock = threading.Lock()

    def __call__(self, task, payload, *, on_event=None, what="", **_):
        assert task == TASK
        sent = json.loads(json.dumps(payload, allow_nan=False))
        with self.lock:
            result = measure_model(sent, on_event or (lambda event: None))
            self.measured += [
                (sent["model"]["name"], part) for part in result["seconds"] if part != "load"
            ]
        return json.loads(json.dumps(result, allow_nan=False))


def refuse_to_run(task, payload, **_):
    raise AssertionError(f"a worker was started for {payload['model']['name']}")


def run_in_process(config, out, *, runner=None, progress=None):
    """Run a study without worker processes; the (model, part) pairs measured, the outcome."""
    runner = InProcess() if runner is None else runner
    with pytest.MonkeyPatch.context() as context:
        context.setattr(measuring, "run_in_worker", runner)
        outcome = run_study(
            config, out, progress=progress or SilentProgress(), command="silentzone run"
        )
    return getattr(runner, "measured", []), outcome
