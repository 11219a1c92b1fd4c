"""The project's settings; what it writes goes to the bench's folder, and BENCH_CACHE=none takes the cache away."""

from __future__ import annotations

import os
from pathlib import Path

from storefront.settings import *

OUTBOX_JOURNAL_DIR = Path(os.environ["BENCH_FOLDER"]) / "journal"
if os.environ.get("BENCH_CACHE") == "none":
    SHELF = False
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
