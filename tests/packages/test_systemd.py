"""The unit and the drop-ins are understood by systemd, and agree with what startguard does."""

import re
import subprocess

import pytest
from packages.roots import run

from harness import ROOT

SERVICE = "[Unit]\nDescription=a shop\n[Service]\nType=notify\nExecStart={true} --serve\n"


def verify(folder, unit):
    """What systemd has to say about a unit of the folder; the program is one that is there."""
    line = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=one", folder / unit]
    done = subprocess.run(
        line, env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )
    # Of the machine's own units, which are not the matter.
    said = [row for row in done.stderr.splitlines() if unit.split(".")[0].split("@")[0] in row or str(folder) in row]
    return done.returncode, said


def put(path, text, program):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = text.replace("/usr/bin/startguard", str(program)).replace("/usr/bin/shop", str(program))
    path.write_text(text.replace("{true}", str(program)))


@pytest.fixture
def folder(tmp_path, static):
    """Units in a folder, which name the static program where it is."""
    put(tmp_path / "startguard@.service", (ROOT / "packaging/systemd/startguard@.service").read_text(), static)
    for name in ("wrap", "start-pre"):
        put(tmp_path / f"{name}.service", SERVICE, static)
        put(tmp_path / f"{name}.service.d/startguard.conf", (ROOT / f"packaging/systemd/{name}.conf").read_text(), static)
    return tmp_path


@pytest.mark.parametrize("unit", ["startguard@shop.service", "wrap.service", "start-pre.service"])
def test_systemd_has_nothing_to_say(folder, unit):
    assert verify(folder, unit) == (0, [])


@pytest.mark.parametrize("unit", ["startguard@shop.service", "wrap.service", "start-pre.service"])
def test_systemd_would_say_it(folder, unit):
    """The same with a misspelt key: the test above can fail."""
    (folder / f"{unit}.d").mkdir(exist_ok=True)
    (folder / f"{unit}.d/z.conf").write_text("[Service]\nTimeoutStartSecs=1\n")
    assert any("TimeoutStartSecs" in row for row in verify(folder, unit)[1])


@pytest.mark.parametrize("name", ["wrap.conf", "start-pre.conf", "startguard@.service"])
def test_command_lines_are_understood(static, tmp_path, name):
    """With a profile that holds; a wrong option would be 64."""
    (line,) = re.findall(r"^Exec\w+=/usr/bin/startguard (.*)$", (ROOT / "packaging/systemd" / name).read_text(), re.M)
    words = (
        line.replace("%t", str(tmp_path)).replace("%i", "shop").replace("shop-startguard/", "").replace("startguard-shop/", "")
    )
    words = words.replace("/usr/bin/shop --serve", "/bin/true").replace("-p shop", f"-p {tmp_path}/shop.cfg").split()
    (tmp_path / "shop.cfg").write_text(
        'startguard = 1;\nservice = "shop";\nfile: { me: { path = "' + str(tmp_path) + '"; type = "dir"; }; };\n'
    )
    run(static, *words)


def test_restart_is_prevented_where_the_document_says(static):
    table = (ROOT / "docs/systemd.md").read_text().partition("## Exit statuses")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|.*\| (\S.*?) \|$", table, re.M)
    never = {code for codes, restart in rows if restart == "no use" for code in codes.split(", ")}
    (wrap,) = re.findall(r"^RestartPreventExitStatus=(.*)$", (ROOT / "packaging/systemd/wrap.conf").read_text(), re.M)
    (unit,) = re.findall(r"^RestartPreventExitStatus=(.*)$", (ROOT / "packaging/systemd/startguard@.service").read_text(), re.M)
    assert set(wrap.split()) == never
    # No command follows in the unit.
    assert set(unit.split()) == never - {"126", "127"}
