"""Runs the commands of some pages of docs/, and prints the pages with what they print now.

    python tests/examples.py PROGRAM [--write]

In a network of its own, with servers under the names that the pages use. --write replaces the pages. normal() takes out of a
page what differs from run to run: the test compares that.
"""

import http.server
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGES = [DOCS / "output.md", DOCS / "profile.md", DOCS / "kinds" / "exec.md"]
HOSTS = {"catalogue": "10.0.0.11", "opa": "10.0.0.12", "opa-deny": "10.0.0.13", "cache": "10.0.0.14"}
ANSWERS = {
    ("10.0.0.11", 8080): b'{"status": "UP"}',
    ("10.0.0.12", 8181): b'{"result": true}',
    ("10.0.0.13", 8181): b'{"result": false}',
}
VARIES = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+Z)?", "TIME"),
    (r"\b\d+(\.\d+)? (ms|s|min)\b", "T"),
    (r'(ms": )[\d.]+', r"\1T"),
    (r'(time=")[\d.]+', r"\1T"),
    (r"(_seconds\{.*\}) [\d.]+", r"\1 T"),
    (r"(_attempts\{.*\}) \d+", r"\1 N"),
    (r" \(\d+ attempts\)", ""),
    (r'("(attempts|count)": )\d+', r"\1N"),
    (r"\b\d+ x ", "N x "),
    (r"\b\d+\.\d+\.\d+\b(?!\.)", "VERSION"),
    (r" +", " "),
    # The last attempt may have been cut off by the check's time limit before it got even so far.
    (r"\n reached: resolve(?=\n)", ""),
]


KEPT = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")


def normal(page):
    """The page without what differs from run to run; in a block of output the order of the lines is one such thing."""
    page = re.sub(r"(?<=```console\n).*?(?=```)", lambda m: "\n".join(sorted(m[0].splitlines())), page, flags=re.S)
    for pattern, replacement in VARIES:
        page = re.sub(pattern, replacement, page)
    return page


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = (
            b"{}"
            if self.path.startswith("/health") and self.server.server_port == 8181
            else ANSWERS[self.server.server_address[:2]]
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def serve():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in HOSTS.values():
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    for address in ANSWERS:
        server = http.server.ThreadingHTTPServer(address, Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()


def resolve(folder):
    """Our names, in a mount namespace of our own."""
    hosts = folder / "hosts"
    hosts.write_text("".join(f"{address} {name}\n" for name, address in HOSTS.items()))
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)
    subprocess.run(["hostname", "shop-7d4b9"], check=True)


def run(command, folder, program):
    environment = {
        "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
        "STARTGUARD_TERMINATION_LOG": "none",
        **{name: os.environ[name] for name in KEPT if name in os.environ},
    }
    (folder / "bin").mkdir(exist_ok=True)
    link = folder / "bin" / "startguard"
    if not link.exists():
        link.symlink_to(pathlib.Path(program).resolve())
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    return done.stdout.decode("utf-8")


def fresh(page, folder, program):
    """The page with every console block filled anew. A block of which only timings and their like differ stays as it is."""
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```\n(.*?)```", page, re.S):
        (folder / name).write_text(text)

    def block(match):
        commands = [line for line in match[1].splitlines() if line.startswith("$ ")]
        new = "```console\n" + "".join(f"{one}\n{run(one[2:], folder, program)}" for one in commands) + "```"
        return match[0] if normal(new) == normal(match[0]) else new

    return re.sub(r"```console\n(.*?)```", block, page, flags=re.S)


def main():
    program, write = sys.argv[1], "--write" in sys.argv
    if os.environ.get("EXAMPLES_INSIDE") != "yes":
        own = [] if os.geteuid() == 0 else ["-r"]
        os.environ["EXAMPLES_INSIDE"] = "yes"
        os.execvp("unshare", ["unshare", *own, "-n", "-m", "-u", sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory() as folder:
        serve()
        resolve(pathlib.Path(folder))
        for page in PAGES:
            old, own = page.read_text("utf-8"), pathlib.Path(folder) / page.stem
            own.mkdir()
            new = fresh(old, own, program)
            if not write:
                sys.stdout.write(new)
            elif normal(new) != normal(old):  # a run that differs in its times only changes nothing
                page.write_text(new, "utf-8")


if __name__ == "__main__":
    main()
