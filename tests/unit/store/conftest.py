"""A study folder, and disks that are full."""

from __future__ import annotations

import resource
import shutil
import subprocess

import numpy as np
import pytest

from silentzone.store.folder import StudyFolder


@pytest.fixture
def folder(tmp_path):
    return StudyFolder(tmp_path / "study").create()


@pytest.fixture
def churn():
    """Columns of a small CHURN table."""
    return {
        "item_id": ["a", "b", "c"],
        "perturbation": ["uneven_batch"] * 3,
        "status": ["ok", "ok", "no_answer"],
        "score": [1.0, 0.0, None],
        "score_again": np.ma.MaskedArray([1.0, 1.0, np.nan], [False, False, True]),
        "prediction": ["0", "1", None],
        "prediction_again": ["0", "0", None],
    }


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 256 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if mount is None or unmount is None:
        pytest.skip("no mount command here")
    command = [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield place
    subprocess.run([unmount, str(place)], check=True)


@pytest.fixture
def small_files():
    """No file of this process may grow beyond 64 KiB, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
