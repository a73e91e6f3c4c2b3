"""A study written by ``init`` runs as it stands, once it asks for little."""

from __future__ import annotations

import json
import random
import re

import pytest
from tests.end_to_end.fake_studies import WORDS

from silentzone.cli.main import run_command_line

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def test_the_written_study_runs(smollm2_f16, smollm2_q8_0, tmp_path, capsys):
    models = tmp_path / "models"
    models.mkdir()
    (models / "it's-Q8_0.gguf").symlink_to(smollm2_f16)
    (models / "it's BF16.gguf").symlink_to(smollm2_q8_0)
    text = tmp_path / "text.txt"
    rng = random.Random(1)  # noqa: S311 - words of a test, not a secret
    text.write_text(" ".join(rng.choices(WORDS, k=900)))
    assert run_command_line(["init", str(models), "--text", str(text)]) == 0
    study = models / "study.toml"
    written = study.read_text()
    assert re.search(r"\[reference\].*\nname = \"it's-Q8_0\"", written), "told by the header"
    # Benchmarks would have to be fetched and take minutes; what is measured on stays as written.
    head, benchmarks, tail = written.partition("# Benchmarks that are built in")
    assert benchmarks
    little = head.replace("windows = 64", "windows = 1")
    little = little.replace("context_length = 512", "context_length = 32")
    decision = tail[tail.index("[decision]") :]
    floor = "[floor]\nwindows = 0\ntoken_by_token_positions = 2\n"
    study.write_text(f"{little}\n{decision}\n{floor}")
    capsys.readouterr()
    assert run_command_line(["run", str(study), "--out", str(tmp_path / "out"), "--json"]) == 0
    analysis = json.loads(capsys.readouterr().out)
    (row,) = [row for row in analysis["fidelity"] if row["model"] == "it's BF16"]
    assert 0.0 < row["metrics"]["kld_mean"]["value"] < 0.05
