"""The program `probe` (probe.c): prints as JSON what a started process finds. It plays the guarded service."""

import functools
import os
import pathlib
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).with_name("probe.c")


@functools.cache
def probe():
    """Its path: the one built beside the startguard under test, else one built here and now."""
    given = os.environ.get("STARTGUARD")
    folder = pathlib.Path(given).resolve().parent if given else SOURCE.parents[2] / "build"
    built = folder / "tests" / "probe"
    if built.exists() and built.stat().st_mtime >= SOURCE.stat().st_mtime:
        return str(built)
    program = pathlib.Path(tempfile.mkdtemp(prefix="probe-")) / "probe"
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-o", program, SOURCE], check=True)
    return str(program)
