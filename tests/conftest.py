"""What tests share: the real launch data, loaded once for the session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.test.utils import override_settings, setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

from reservations.actions.loading import load_launch
from reservations.launchdata import read_launch_data
from tests.races import stage
from tests.scheduling import Scheduling, rank

LOADED_AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    config.option.loadscopereorder = False  # it would take the number of tests for their length
    return Scheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The database of the session holds the launch data that ships. Tests that only copy it need it too."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
        load_launch(data=read_launch_data(settings.BASE_DIR / "data"), at=LOADED_AT)
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """The many officers of the tests need no slow hash; the running shop of the journeys keeps its own."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(scope="session", autouse=True)
def databases_to_copy(request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker) -> None:
    """Tests of several processes copy the database of the session, made when the first test needs it."""

    def reach() -> AbstractContextManager[None]:
        request.getfixturevalue("django_db_setup")
        return django_db_blocker.unblock()

    stage.reach_loaded_database = reach


@pytest.fixture
def launch_data(db: None) -> datetime:
    """The launch data is there; the instant at which it was decided."""
    return LOADED_AT
