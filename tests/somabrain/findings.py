"""A plant and who must tell it, and the table of those that were told: profiles/somabrain/README.md has it between two marks."""

import dataclasses
import re
from collections.abc import Callable

from plants import nothing
from system import PROFILES

README = PROFILES / "README.md"
MARKS = re.compile("(?<=<!-- findings: begin -->\n).*(?=<!-- findings: end -->)", re.S)
COUNT = 36  # findings of the system, of which each has a row or a reason
# Why a finding has no row.
MISSED = {}


@dataclasses.dataclass
class Row:
    """One plant. A finding with several faces has several rows. `words` stand in what startguard says."""

    finding: int
    planted: str
    commit: str
    profile: str
    check: str
    code: str
    words: str
    exit: int = 69
    leave_out: tuple = ()  # of the Dockerfile
    add: tuple = ()
    edit: Callable = None  # changes the image
    plant: Callable = nothing
    mode: str = "prod"
    outcome: str = "fail"

    def line(self):
        told = f"`{self.code}`" if self.code else {"pass": "passes", "waived": "waived"}.get(self.outcome, "")
        cells = [self.finding, self.planted, self.commit, f"`{self.profile}`: {self.check}", told, self.words, self.exit]
        return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |\n"


class Table:
    """Rows whose test has passed in this run."""

    def __init__(self):
        self._rows = []

    def add(self, row):
        self._rows.append(row)

    def caught(self):
        return {row.finding for row in self._rows}

    def text(self):
        head = "| finding | planted | at | caught by | code | words | exit |\n| --- | --- | --- | --- | --- | --- | --- |\n"
        rows = sorted(self._rows, key=lambda row: row.finding)
        return head + "".join(row.line() for row in rows) + f"\n{len(self.caught())} of {COUNT} are caught.\n"

    def write(self):
        README.write_text(MARKS.sub(lambda _: self.text(), README.read_text()))

    def is_written(self):
        return MARKS.search(README.read_text())[0] == self.text()
