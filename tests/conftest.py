"""What tests share: the real launch data, loaded once for the session."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.conf import settings
from pytest_django import DjangoDbBlocker

from reservations.actions.loading import load_launch
from reservations.launchdata import read_launch_data

LOADED_AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Every test database holds the launch data that ships."""
    with django_db_blocker.unblock():
        load_launch(data=read_launch_data(settings.BASE_DIR / "data"), at=LOADED_AT)


@pytest.fixture
def launch_data(db: None) -> datetime:
    """The launch data is there; the instant at which it was decided."""
    return LOADED_AT
