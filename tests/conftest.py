"""What all tests share: nothing is written outside a folder of their own, and passwords are hashed quickly."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from django.conf import settings

folder = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[folder] = Path(tempfile.mkdtemp(prefix="lyceum-tests-"))
    settings.MEDIA_ROOT = config.stash[folder] / "files"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if not settings.REDIS_URL:
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[folder], ignore_errors=True)
