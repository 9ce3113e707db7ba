"""What the tables of the referees share: JSON with one row a line, made anew with --write, compared without."""

import json
from pathlib import Path

HERE = Path(__file__).parent


def load(name):
    """(referees, rows) of tests/referees/NAME.json."""
    table = json.loads((HERE / f"{name}.json").read_text())
    return table["referees"], table["rows"]


def save(name, referees, rows):
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (HERE / f"{name}.json").write_text(f'{{"referees": {json.dumps(referees)}, "rows": [\n{lines}\n]}}\n')


def settle(name, referees, rows, write):
    """Writes the table, or says which rows the committed one has otherwise. Returns the number of these."""
    if write:
        save(name, referees, rows)
        print(f"{name}: {len(rows)} rows written")
        return 0
    known = {row["name"]: row for row in load(name)[1]}
    wrong = [row for row in rows if known.pop(row["name"], None) != row]
    for row in wrong:
        print(f"{name}: the referees say otherwise: {json.dumps(row)[:300]}")
    for left in known:
        print(f"{name}: a row that nobody made: {left}")
    bad = len(wrong) + len(known)
    print(f"{name}: {len(rows) - len(wrong)} passed, {bad} failed")
    return bad
