"""Statements that travel together, each prepared once in a session."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from reservations.models import Market
from reservations.models.rows import Statement, execute_together, padded

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
NAMES = f"SELECT code FROM {Market._meta.db_table} WHERE code IN (%s, %s) ORDER BY code"


@pytest.mark.parametrize(
    ("values", "wanted"),
    [([1], [1]), ([1, 2], [1, 2]), ([1, 2, 3], [1, 2, 3, 3]), ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 5, 5, 5])],
)
def test_lists_are_padded_to_a_power_of_two(values: list[int], wanted: list[int]) -> None:
    assert padded(values) == wanted


def test_each_gives_its_rows_in_turn(launch_data: object) -> None:
    asked = [Statement(NAMES, ["DE", "FR"]), Statement("SELECT 1"), Statement(NAMES, ["JP", "none"])]
    assert execute_together(asked) == [[("DE",), ("FR",)], [(1,)], [("JP",)]]
    assert execute_together(asked[2:]) == [[("JP",)]]


def test_a_value_is_never_taken_for_sql(launch_data: object) -> None:
    evil = "'); DELETE FROM reservations_market; --"
    for is_prepared in (False, True):
        assert execute_together([Statement(NAMES, [evil, "$1"])], is_prepared=is_prepared) == [[]]
    assert Market.objects.filter(code="DE").exists()


def prepared(sql: str) -> int:
    """How often the session has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE strpos(statement, %s) > 0", [sql])
        found: int = cursor.fetchone()[0]
    return found


def test_what_is_not_of_a_claim_is_planned_anew_each_time(launch_data: object) -> None:
    other = NAMES.replace("IN (%s, %s)", "NOT IN (%s, %s)")
    for _ in range(3):
        assert len(execute_together([Statement(other, ["DE", "FR"])])[0]) == Market.objects.count() - 2
    if connection.vendor == "postgresql":
        assert prepared("WHERE code NOT IN") == 0


def test_on_postgresql_a_session_prepares_a_statement_once(launch_data: object) -> None:
    for _ in range(3):
        execute_together([Statement(NAMES, ["DE", "FR"])], is_prepared=True)
    if connection.vendor == "postgresql":
        assert prepared("WHERE code IN") == 1
    assert execute_together([Statement(NAMES, ["FR", "DE"])], is_prepared=True) == [[("DE",), ("FR",)]]


def test_a_session_whose_statements_were_taken_away_prepares_them_again(launch_data: object) -> None:
    asked = [Statement(NAMES, ["DE", "FR"])]
    execute_together(asked, is_prepared=True)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
        with pytest.raises(DatabaseError), transaction.atomic():
            execute_together(asked, is_prepared=True)
    assert execute_together(asked, is_prepared=True) == [[("DE",), ("FR",)]]
