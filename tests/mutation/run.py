#!/usr/bin/env python3
"""Mutation testing: makes one small mistake at a time in a source file and looks whether the tests notice.

    tests/mutation/run.py [--build BUILD] [--jobs N] [--at-least PERCENT] [--units-only] [--killers]
        [--sample N [--seed TEXT]] FILE.c...
    tests/mutation/run.py [--build BUILD] --promises

A mutant that the compiler turns into the same code, or refuses, does not count. The others are linked into the unit
tests first; those that survive go through the scenarios named in SCENARIOS. The list of survivors is printed with their
lines: each is either a missing test, or a change that changes nothing for anybody, and then EQUIVALENT says why.

--sample N takes N mutants at random out of all files; the seed is printed, and is the commit unless --seed gives another.
"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT_SECONDS = 30
SCENARIO_SECONDS = 240
UNITS = {
    "src/engine/plan.c": ["test_plan_rules", "test_plan", "test_run"],
    "src/engine/ipc.c": ["test_ipc"],
    "src/engine/launch.c": ["test_launch", "test_launch_exec"],
    "src/base/interpreter.c": ["test_launch"],
}
SCENARIOS = {
    "src/engine/plan.c": ["test_engine.py"],
    "src/engine/ipc.c": ["test_faults.py", "test_output.py"],
    "src/engine/launch.c": ["test_launch.py"],
    "src/base/interpreter.c": ["test_launch.py"],
}
# (file, mutated line without blanks at its ends): why the mutant behaves like the original.
NO_MEMORY = "memory does not run out in these tests"
LENGTH = "the text is never empty"
SIGN = "callers ask for less than 0, and for nothing else"
ROOM = "a larger buffer holds the same"
EQUIVALENT = {
    (
        "src/engine/ipc.c",
        "(size_t)(end - p) <= sizeof out->diag.sys_errno + sizeof out->diag.retry_after_s)",
    ): "without a byte more the texts are missing, and the record is refused for that",
    (
        "src/engine/ipc.c",
        "(size_t)(end - p) < sizeof out->diag.sys_errno - sizeof out->diag.retry_after_s)",
    ): "it reads behind the record, in the same buffer, and then refuses it all the same",
    ("src/base/interpreter.c", 'if (asprintf(&file, "%.*s/%s", n ? (int)n : 1, n ? p : ".", name) <= 0)'): LENGTH,
    ("src/base/interpreter.c", 'if (asprintf(&file, "%.*s/%s", n ? (int)n : 1, n ? p : ".", name) < 1)'): LENGTH,
    ("src/base/interpreter.c", '; /* without: die("out of memory"); */'): NO_MEMORY,
    (
        "src/base/interpreter.c",
        "for (int hops = 0; hops < LINKS_MAX && (n = readlink(at, target, sizeof target - 1)) >= 0;",
    ): "no link is empty",
    (
        "src/base/interpreter.c",
        "for (int hops = 0; hops < LINKS_MAX && (n = readlink(at, target, sizeof target + 1)) > 0;",
    ): "the kernel keeps no longer link",
    (
        "src/base/interpreter.c",
        "for (int hops = 0; hops < LINKS_MAX && (n = readlink(at, target, sizeof target - 0)) > 0;",
    ): "the kernel keeps no longer link",
    (
        "src/base/interpreter.c",
        "else if (statvfs(file, &fs) && fs.f_flag & ST_NOEXEC)",
    ): "no unit test has such a file system: test_a_file_system_without_programs",
    (
        "src/base/interpreter.c",
        '; /* without: snprintf(buf, size, "its file system is mounted with noexec"); */',
    ): "no unit test has such a file system: test_a_file_system_without_programs",
    ("src/engine/launch.c", 'if (value && asprintf(&entry, "%s=%s", name, value) <= 0)'): LENGTH,
    ("src/engine/launch.c", 'if (value && asprintf(&entry, "%s=%s", name, value) < 1)'): LENGTH,
    ("src/engine/launch.c", '; /* without: die("out of memory"); */'): NO_MEMORY,
    ("src/engine/launch.c", "*env = (struct launch_env){1};"): "the first member is set on the next line",
    ("src/engine/launch.c", "for (size_t i = 0; i <= env->n; i++)"): "the last is NULL, and free(NULL) does nothing",
    ("src/engine/launch.c", "for (size_t i = 1; i <= n; i++)"): "the last is NULL, and so is what it is written over",
    (
        "src/base/interpreter.c",
        "size_t want = ph->p_filesz < size - 0 ? ph->p_filesz : size - 1;",
    ): "at the bound both are size - 1",
    (
        "src/engine/plan.c",
        "if (c->state == PS_WAITING && ended && !settling(p))",
    ): "what a waiting check waits for is counted itself: the profile knows no circles",
    ("src/engine/ipc.c", "unsigned char payload[IPC_RECORD_MAX + sizeof h];"): ROOM,
    ("src/engine/ipc.c", "in->len = 1;"): "after nonsense nothing that lies in the buffer is looked at",
    ("src/engine/ipc.c", "return 1;"): SIGN,
    ("src/engine/ipc.c", "return p == end ? 1 : -1;"): SIGN,
    ("src/engine/ipc.c", "(size_t)(end - p) <= sizeof out->diag.sys_errno)"): "the texts that must follow would be missing",
}

# A deliberate bug for each promise in plan.h: (promise, lines of src/engine/plan.c as they stand, what they become).
PROMISES = [
    (
        "no attempt starts before its time",
        "if (c->state != PS_READY || !instant_reached(c->next, now) || p->in_flight >= p->parallel)",
        "if (c->state != PS_READY || p->in_flight >= p->parallel)",
    ),
    (
        "... nor before what it comes `after` has passed",
        "if (before->state != PS_PASSED)\n\t\t\treturn;",
        "if (before->state == PS_WAITING)\n\t\t\treturn;",
    ),
    (
        "... nor when its deadline is reached",
        "if (instant_reached(instant_earlier(c->deadline, end_for(p, c)), now))\n\t\treturn false;",
        ";",
    ),
    (
        "never more than `parallel` at once",
        "p->in_flight >= p->parallel)\n\t\treturn false;",
        "p->in_flight > p->parallel)\n\t\treturn false;",
    ),
    (
        "... and PLAN_BURST in one step",
        "starts < PLAN_BURST && (i = next_to_start(p, now)) < p->n;",
        "(i = next_to_start(p, now)) < p->n;",
    ),
    (
        "... and whoever has waited longest past its time is first",
        "p->checks[i].next.ns < p->checks[first].next.ns))",
        "false))",
    ),
    ("... and fewer once a process was refused", "p->parallel = p->in_flight - 1;", "p->parallel = p->in_flight + 1;"),
    (
        "every attempt has a deadline",
        "c->attempt_deadline = instant_earlier(c->deadline, instant_after(now, c->attempt_timeout));",
        "c->attempt_deadline = INSTANT_NEVER;",
    ),
    (
        "... which is not after that of its check",
        "c->attempt_deadline = instant_earlier(c->deadline, instant_after(now, c->attempt_timeout));",
        "c->attempt_deadline = instant_after(now, c->attempt_timeout);",
    ),
    ("every attempt is killed at most once", "c->state = PS_KILLING;\n\t\treturn true;", "return true;"),
    (
        "the run is over at its deadline",
        "(instant_reached(c->attempt_deadline, now) || instant_reached(end_for(p, c), now))",
        "instant_reached(c->attempt_deadline, now)",
    ),
    (
        "... once the killed are reaped, not before",
        "if (c->state == PS_RUNNING || c->state == PS_KILLING)\n\t\t\treturn true;",
        "if (c->state == PS_RUNNING)\n\t\t\treturn true;",
    ),
    (
        "a required check that did not pass is never counted as passed",
        "if (passed) {\n\t\tc->state = PS_PASSED;",
        "if (passed || c->required) {\n\t\tc->state = PS_PASSED;",
    ),
    ("the pause between attempts is 5 % of what was waited", "ordinary = {5, ", "ordinary = {4, "),
    ("... 10 ms at least", "ns < pace->min.ns ? pace->min.ns :", "ns < 0 ? pace->min.ns :"),
    ("... 1 s at most", "ns > pace->max.ns ? pace->max.ns : ns;", "ns;"),
    ("a slower pace: 25 %", "slower = {25, ", "slower = {20, "),
    ("... 1 s at least", "{25, DURATION_S(1)", "{25, DURATION_MS(500)"),
    ("... 5 s at most", "DURATION_S(1), DURATION_S(5)}", "DURATION_S(1), DURATION_S(6)}"),
    ("... not before the time that the peer names", "retry_after.ns > pause.ns", "retry_after.ns < 0"),
    ("... if that is before the deadline", "pause.ns >= left.ns", "pause.ns < 0"),
    ("... with a jitter of 25 %", "#define JITTER_PERCENT 25", "#define JITTER_PERCENT 20"),
]

SWAPS = [
    ("<=", "<"),
    (">=", ">"),
    ("==", "!="),
    ("!=", "=="),
    ("&&", "||"),
    ("||", "&&"),
    ("++", "--"),
    (" < ", " <= "),
    (" > ", " >= "),
    (" + ", " - "),
    (" - ", " + "),
    (" * ", " / "),
    (" += ", " -= "),
    (" -= ", " += "),
]


def code_lines(text):
    """(number, line, positions that are code) of the lines inside of functions: no comments, strings, declarations of
    constants, preprocessor lines."""
    depth, in_comment = 0, False
    for number, line in enumerate(text.splitlines()):
        code = []
        i = 0
        while i < len(line):
            if in_comment:
                end = line.find("*/", i)
                in_comment = end < 0
                i = len(line) if end < 0 else end + 2
            elif line.startswith("/*", i):
                in_comment = True
                i += 2
            elif line[i] == '"':
                end = i + 1
                while end < len(line) and line[end] != '"':
                    end += 2 if line[end] == "\\" else 1
                i = end + 1
            else:
                code.append(i)
                i += 1
        bare = "".join(line[i] for i in code)
        inside = depth > 0
        depth += bare.count("{") - bare.count("}")
        if inside and not line.startswith("#") and "invariant(" not in line:
            yield number, line, set(code)


def mutations_of(line, code):
    """Changed versions of one line."""

    def at(i, old, new):
        if all(i + k in code for k in range(len(old))):
            yield line[:i] + new + line[i + len(old) :]

    for old, new in SWAPS:
        start = line.find(old)
        while start >= 0:
            longer = line[max(0, start - 1) : start + len(old) + 1]
            if not (old in ("<=", ">=") and ("<<" in longer or ">>" in longer)):
                yield from at(start, old, new)
            start = line.find(old, start + len(old))
    for m in re.finditer(r"\b(true|false|0|1|10|100)\b", line):
        other = {"true": "false", "false": "true", "0": "1", "1": "0", "10": "11", "100": "101"}[m.group()]
        yield from at(m.start(), m.group(), other)
    for m in re.finditer(r"!(?=[\w(])", line):
        yield from at(m.start(), "!", "")
    m = re.match(r"(\s*(?:\} else )?(?:if|while) \()(.*)\)( \{)?$", line)
    if m:
        yield f"{m[1]}!({m[2]})){m[3] or ''}"
    if re.match(r"\s+(continue|break);$", line):
        yield re.sub(r"(continue|break);", ";", line)
    # A statement that is left out: a call or an assignment on one line, but no declaration.
    if re.match(r"\s+(?!return\b)[\w>.\-\[\]*()&]+(\(.*\)| [-+|&]?= .*|\+\+|--);$", line):
        yield re.match(r"\s+", line).group() + f"; /* without: {line.strip()} */"


def mutants_of(path):
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    for number, line, code in code_lines(text):
        for changed in dict.fromkeys(mutations_of(line, code)):
            if changed != line:
                yield number + 1, changed, "".join(lines[:number]) + changed + "\n" + "".join(lines[number + 1 :])


class Build:
    """How the Makefile compiles and links, read from the flags it wrote."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.flags = (self.build / "flags").read_text().replace("'\\''", "'").strip()
        words = shlex.split(self.flags)
        second = words.index(words[0], 1)  # "CC compile-flags CC link-flags libs objects include-paths"
        rest = words[second:]
        self.compile_words = [w for w in words[:second] if w not in ("-MMD", "-MP")] + [w for w in rest if w.startswith("-I")]
        self.link_words = [w for w in rest if not w.endswith(".o") and not w.startswith("-I")]
        self.objects = [w for w in rest if w.endswith(".o")]

    def compile(self, source, out, *more):
        return (
            subprocess.run(
                [*self.compile_words, "-w", *more, "-c", "-o", str(out), str(source)], cwd=ROOT, capture_output=True
            ).returncode
            == 0
        )

    def archive(self, file, folder):
        """All but the mutated object, from which a link takes only what it needs: that is most of the time saved."""
        own = str(pathlib.Path(file).with_suffix(".o"))
        self.rest = pathlib.Path(folder) / "rest.a"
        done = subprocess.run(
            ["ar", "rcs", str(self.rest), *[o for o in self.objects if not o.endswith(f"/{own}")]],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"mutation: cannot make an archive: {done.stderr}")

    def link(self, mutant, extra, out, *more):
        objects = [str(mutant), str(self.rest)]
        libs = [w for w in self.link_words if w.startswith("-l")]
        flags = [w for w in self.link_words if not w.startswith("-l")]
        done = subprocess.run([*flags, "-o", str(out), extra, *objects, *libs, *more], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"mutation: cannot link: {done.stderr}")


def machine_code(obj):
    """What the processor sees of an object file."""
    text = subprocess.run(["objdump", "-d", "-r", "--no-show-raw-insn", str(obj)], capture_output=True, text=True).stdout
    data = subprocess.run(["objdump", "-s", "-j", ".rodata", str(obj)], capture_output=True, text=True).stdout
    return [line.split("file format")[-1] for line in (text + data).splitlines() if "file format" not in line]


def run_group(command, seconds, **more):
    """Runs a command in a session of its own, and kills all that is left of it when it ends or its time is up: a child
    that a mutant forked would go on for as long as it likes. Returns the exit status, None at the time-out, and the output."""
    with tempfile.TemporaryFile() as output:  # not a pipe: a child that is left behind would keep it open
        started = subprocess.Popen(
            command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **more
        )
        try:
            status = started.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()
        output.seek(0)
        return status, output.read().decode(errors="replace")


def killed_by_units(build, file, obj, folder, units=None):
    for unit in units or UNITS[file]:
        program = folder / unit
        build.link(obj, str(build.build / "tests" / "unit" / f"{unit}.o"), program, "-lcmocka")
        status, output = run_group([str(program)], UNIT_SECONDS, cwd=folder)
        if status is None:
            return f"{unit} (time)"
        if status:
            failed = re.findall(r"^\[  FAILED  \] (\w+)$", output, re.M)
            return f"{unit}: {', '.join(dict.fromkeys(failed))}" if failed else f"{unit} (died)"
    return None


def killed_by_scenarios(build, file, obj, folder):
    program = folder / "startguard"
    build.link(obj, str(build.build / "src" / "main.o"), program)
    names = [f"tests/scenario/{name}" for name in SCENARIOS[file]]
    status, _ = run_group(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *names],
        SCENARIO_SECONDS,
        cwd=ROOT,
        env={**os.environ, "STARTGUARD": str(program)},
    )
    return "scenarios (time)" if status is None else "scenarios" if status else None


def judge(build, file, original, number, line, text, units_only):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        source = folder / pathlib.Path(file).name
        source.write_text(text)
        obj = folder / "mutant.o"
        include = f"-I{(ROOT / file).parent}"
        if not build.compile(source, obj, "-g0", include):
            return "refused", None
        if machine_code(obj) == original:
            return "same code", None
        by = killed_by_units(build, file, obj, folder)
        if not by and not units_only:
            by = killed_by_scenarios(build, file, obj, folder)
        return ("killed", by) if by else ("survived", None)


def run_file(build, file, mutants, jobs, units_only, show_killers):
    with tempfile.TemporaryDirectory() as name:
        same = pathlib.Path(name) / pathlib.Path(file).name
        shutil.copy(ROOT / file, same)
        obj = pathlib.Path(name) / "mutant.o"
        build.compile(same, obj, "-g0", f"-I{(ROOT / file).parent}")
        original = machine_code(obj)
    counts, survivors, killers = {}, [], {}
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        build.archive(file, name)
        results = pool.map(lambda m: judge(build, file, original, *m, units_only), mutants)
        for (number, line, _), (outcome, by) in zip(mutants, results):
            why = EQUIVALENT.get((file, line.strip()))
            if outcome == "survived" and why:
                outcome = "equivalent"
            counts[outcome] = counts.get(outcome, 0) + 1
            if outcome == "killed":
                first = by.split(",")[0]
                killers[first] = killers.get(first, 0) + 1
            if outcome == "survived":
                survivors.append(f"{file}:{number}: {line.strip()}")
    killed, survived = counts.get("killed", 0), counts.get("survived", 0)
    print(
        f"{file}: {killed} of {killed + survived} mutants killed, {percent(killed, survived):.1f} % "
        f"({', '.join(f'{n} {what}' for what, n in sorted(counts.items()) if what not in ('killed', 'survived'))})"
    )
    for one in survivors:
        print(f"  survived  {one}")
    for by, n in sorted(killers.items(), key=lambda item: -item[1]) if show_killers else ():
        print(f"  {n:3} killed first by {by}")
    return killed, survived


def percent(killed, survived):
    return 100 * killed / (killed + survived) if killed else 0


def sampled(mutants, n, seed):
    """`n` of the mutants of all files ({file: [mutant, ...]}), chosen by the seed."""
    seed = seed or subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    print(f"mutation: {n} mutants, --seed {seed}")
    every = [(file, mutant) for file, own in mutants.items() for mutant in own]
    chosen = random.Random(seed).sample(every, min(n, len(every)))
    return {file: [mutant for name, mutant in chosen if name == file] for file in mutants}


def run_promises(build):
    """Prints the table of promises: what breaks each, and every test that notices. Returns how many no test notices."""
    file, missed = "src/engine/plan.c", 0
    original = (ROOT / file).read_text()
    rest = tempfile.TemporaryDirectory()
    build.archive(file, rest.name)
    for promise, old, new in PROMISES:
        if original.count(old) != 1:
            sys.exit(f"mutation: stands {original.count(old)} times in {file}: {old}")
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "plan.c").write_text(original.replace(old, new))
            if not build.compile(folder / "plan.c", folder / "mutant.o"):
                sys.exit(f"mutation: does not compile: {new}")
            by = [killed_by_units(build, file, folder / "mutant.o", folder, [unit]) for unit in UNITS[file]]
        by = [one for one in by if one]
        missed += not by
        print(f"| {promise} | `{inline(old)}` becomes `{inline(new)}` | {'; '.join(by) or '**nobody**'} |", flush=True)
    return missed


def inline(code):
    return " ".join(code.split()).replace("|", "\\|")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--at-least", type=float, default=90)
    parser.add_argument("--units-only", action="store_true")
    parser.add_argument("--sample", type=int, help="how many mutants of all, judged together")
    parser.add_argument("--seed", help="of the sample; the commit when left out")
    parser.add_argument("--killers", action="store_true", help="which test noticed how many")
    parser.add_argument("--promises", action="store_true", help="one deliberate bug for each promise of plan.h, as a table")
    parser.add_argument("files", nargs="*", default=list(UNITS))
    options = parser.parse_args()
    build = Build(options.build)
    if options.promises:
        missed = run_promises(build)
        print(f"mutation: {len(PROMISES) - missed} passed, {missed} failed")
        return 1 if missed else 0
    mutants = {file: list(mutants_of(ROOT / file)) for file in options.files or UNITS}
    if options.sample:
        mutants = sampled(mutants, options.sample, options.seed)
    counts = [run_file(build, file, own, options.jobs, options.units_only, options.killers) for file, own in mutants.items()]
    if options.sample:  # too few of a file to judge it alone
        counts = [map(sum, zip(*counts))]
    shares = [percent(*count) for count in counts]
    failed = sum(share < options.at_least for share in shares)
    print(f"mutation: {len(shares) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
