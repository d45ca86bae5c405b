"""Which migrations run, and when a program and a database do not go together."""

import pytest

from muniment.readmodel.migrate import Applied, Migration, SchemaUnfit, migrations, phase_of, plan


def test_what_is_lacking_runs_in_order() -> None:
    """Files only go forwards."""
    known = [_migration("0001_a.sql"), _migration("0002_pre_b.sql"), _migration("0002_post_b.sql")]

    todo = plan(known, [_applied(known[0])])

    assert [migration.name for migration in todo] == ["0002_pre_b.sql", "0002_post_b.sql"]


def test_a_newer_database_is_refused() -> None:
    """An old program would write what the new one does not expect."""
    with pytest.raises(SchemaUnfit, match=r"newer than this program \(it has 0002_b.sql\)"):
        plan([_migration("0001_a.sql")], [Applied(name="0002_b.sql", checksum="")])


def test_what_may_run_before_the_new_code_does_not_stop_the_old() -> None:
    """During a rolling deployment both are there."""
    assert plan([], [Applied(name="0002_pre_b.sql", checksum="")]) == []


def test_a_file_that_was_changed_afterwards_is_refused() -> None:
    """Nobody could say what the database looks like."""
    with pytest.raises(SchemaUnfit, match=r"0001_a.sql was changed after"):
        plan([_migration("0001_a.sql")], [Applied(name="0001_a.sql", checksum="other")])


@pytest.mark.parametrize("name", ["1_a.sql", "0001-a.sql", "0001_A.sql", "0001_a.txt"])
def test_a_file_is_named_by_the_rule(name: str) -> None:
    """The order must be plain from the names."""
    with pytest.raises(ValueError, match="not the name of a migration"):
        phase_of(name)


def test_the_files_that_are_shipped_are_numbered_in_order() -> None:
    """Two of one number would run in an order that nobody chose."""
    names = [migration.name for migration in migrations()]

    numbers = [name.partition("_")[0] for name in names]
    assert numbers == sorted(set(numbers))
    assert names[0] == "0001_read_model.sql"
    assert migrations()[0].schema == "read_model"


def _migration(name: str) -> Migration:
    return Migration(name=name, text=f"SELECT '{name}'")


def _applied(migration: Migration) -> Applied:
    return Applied(name=migration.name, checksum=migration.checksum)
