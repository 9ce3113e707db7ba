"""The list of modules in docs/architecture.md, made from the promise that each header begins with.

    python tests/modules.py [--write]

Prints the page as it should be, or writes it. `make generated` calls it, lint compares.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- modules: made by tests/modules.py -->\n", "<!-- end of modules -->"
LEVELS = [
    ("src", "level 7: the program; check.h is of level 3"),
    ("src/cli", "level 7: command line and commands"),
    ("src/report", "level 6: what startguard writes"),
    ("src/engine", "level 5: attempts, the verdict, the start of the service"),
    ("src/profile", "level 4: the profile of a service"),
    ("src/schema", "level 3: keys and their values"),
    ("src/diag", "level 2: diagnoses and secrets"),
    ("src/base", "level 1: helpers"),
    ("checks", "the kinds, beside levels 4 to 7"),
]


def promise(path):
    """The first sentence of the comment that a file begins with, without the name before it."""
    text = path.read_text("utf-8")
    comment = re.match(r"/\*\s*(.*?)\*/", text, re.S)
    if not comment:
        return ""
    paragraph = re.split(r"\n \*\s*\n", comment[1])[0]
    words = re.sub(r"\s*\n \*\s?", " ", paragraph).strip()
    words = re.sub(r"^[\w.]+: ", "", words)
    return re.split(r"(?<=[^.][.!?])\s+(?=[A-Z`])|(?<=\))\.\s", words)[0].rstrip(".:")


def modules(folder):
    """(name, promise) of each module of a folder: its header, or the .c file of a kind or of the program."""
    files = {}
    for path in sorted((ROOT / folder).iterdir()):
        if path.suffix in (".h", ".def", ".py") or path.suffix == ".c" and not path.with_suffix(".h").exists():
            files[path.name if path.suffix in (".def", ".py") else path.stem] = path
    for name, path in files.items():
        if text := promise(path):
            yield name, text


def table():
    folders = LEVELS + [(f"checks/{p.name}", "shared by kinds") for p in sorted((ROOT / "checks").iterdir()) if p.is_dir()]
    for folder, title in folders:
        yield f"\n**`{folder}/`** ({title})\n\n"
        for name, text in modules(folder):
            yield f"- `{name}`: {text}\n"
    yield "\n"


def page():
    text = PAGE.read_text("utf-8")
    before, rest = text.split(BEGIN)
    return before + BEGIN + "".join(table()) + END + rest.split(END)[1]


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page(), "utf-8")
    else:
        sys.stdout.write(page())
