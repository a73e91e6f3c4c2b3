"""Nothing of one machine or of one package mirror is part of the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# Written in pieces, or this file would find itself.
_FORBIDDEN = {
    "package registry": re.compile(
        r"https?://[^\s\"'<>]*(?:py" + r"pi\.org|python" + r"hosted\.org|npm" + r"js\.org)"
    ),
    "package source option": re.compile(
        r"^\s*(?:-i|--(?:extra-)?index" + r"-url|--find" + r"-links)[ =]", re.MULTILINE
    ),
    "path of one machine": re.compile(
        r"(?<![\w.$}/-])/(?:ro" + r"ot|wo" + r"rk|ho" + r"me|Us" + r"ers|t" + r"mp)/\w"
    ),
}


def _tracked() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )
    names = [name for name in done.stdout.decode().split("\0") if name]
    return [path for name in names if (path := ROOT / name).is_file()]


def _findings(text: str) -> list[str]:
    return [
        f"{what}: {found.group().strip()}"
        for what, pattern in _FORBIDDEN.items()
        for found in pattern.finditer(text)
    ]


def test_no_tracked_file_names_a_registry_or_a_machine_path():
    found = {}
    for path in _tracked():
        content = path.read_bytes()
        if b"\0" not in content and (said := _findings(content.decode("utf-8", "replace"))):
            found[str(path.relative_to(ROOT))] = said
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "see https://py" + "pi.org/project/x",
        "--index" + "-url https://mirror.example",
        "open('/ho" + "me/someone/model.gguf')",
        "/ro" + "ot/scratch",
    ],
)
def test_the_search_finds_what_it_is_for(text):
    assert _findings(text)


def test_the_pins_hold_names_versions_and_hashes_only():
    line = re.compile(
        r"(?:[a-z0-9][a-z0-9._-]*(?:\[[a-z,]+\])?==[\w.+!]+(?: ; [^/\\]+)? \\"
        r"|    --hash=sha256:[0-9a-f]{64}(?: \\)?)"
    )
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            assert line.fullmatch(text), f"{path.name}:{number}: {text}"


def test_every_package_the_program_needs_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[<>=!~ \[]", text)[0].lower() for text in project["dependencies"]}
    pins = (ROOT / "requirements" / "base.txt").read_text(encoding="utf-8")
    assert wanted <= set(re.findall(r"^([a-z0-9._-]+)==", pins, flags=re.MULTILINE))


def test_the_engine_is_pinned_to_the_version_the_package_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (wanted,) = project["optional-dependencies"]["llama-cpp"]
    pins = (ROOT / "requirements" / "llama-cpp.txt").read_text(encoding="utf-8")
    assert f"\n{wanted} \\\n" in "\n" + pins


def test_the_requested_pins_are_the_declared_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = {
        re.split(r"[<>=!~ \[]", text)[0].lower() for text in project["project"]["dependencies"]
    }
    lines = (ROOT / "requirements" / "base.in").read_text(encoding="utf-8").splitlines()
    assert {text.strip() for text in lines if text.strip() and not text.startswith("#")} == declared
