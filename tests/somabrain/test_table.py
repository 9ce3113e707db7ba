"""Comes last: what this run has caught is what the README says. `make check-somabrain SOMABRAIN_FLAGS=--write` writes it there."""

from findings import COUNT, MISSED


def test_every_finding_is_caught_or_explained(table):
    assert table.caught() | set(MISSED) == set(range(1, COUNT + 1))
    assert len(table.caught()) >= 34


def test_table_is_in_the_readme(table, request):
    if request.config.getoption("--write"):
        table.write()
    assert table.is_written(), "make check-somabrain SOMABRAIN_FLAGS=--write writes it anew"
