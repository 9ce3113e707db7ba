"""Lists the answers after which startguard does not try again, from diag.def and the tables that choose a diagnosis.

answers.py            compares docs/answers.md with the sources
answers.py --write    writes it
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "answers.md"
WAITING = {"0": "no", "1": "yes", "WAIT_SLOWLY": "yes, at a slower pace"}
HEAD = """# Answers: final or waited for

Made by `tests/answers.py` from `src/diag/diag.def` and the tables in the sources that choose a diagnosis; unit tests walk the same tables.

A failure is final (69) only where the same attempt must get the same answer: a wrong login, another protocol, a certificate that breaks a
rule. Whatever a server says while it starts, is deployed, fails over or has too much to do is waited for (124). Where both are possible it is waited
for. The key `grace` waits for final failures too, for as long as it says.

"""
# Title, file, pattern of a row with the groups answer and diagnosis, and what holds for all other answers.
TABLES = (
    (
        "HTTP statuses",
        "checks/http/web_status.c",
        r"\{(\d+), D_(\w+)\},",
        "3xx with a target: `http-redirect`; others: `http-status`",
    ),
    ("Errors of TLS verification", "checks/net/tls_fail.c", r"\{(X509_V_ERR_\w+), D_(\w+)\},", "others: `tls-certificate`"),
    (
        "Texts about TLS, of OpenSSL, curl and librdkafka",
        "checks/net/tls_fail.c",
        r'\{"([^"]+)",\s+D_(\w+)\},',
        "others: `tls-handshake`",
    ),
    (
        "Error codes of a schema registry",
        "checks/registry/registry_error.c",
        r"\{(\d+, \d+), D_(\w+)\},",
        "`D_NONE` and others: by the HTTP status",
    ),
    ("Errors of Redis", "checks/redis/redis_error.c", r'\{"([^"]+)",\s+D_(\w+)\},', "others: `redis-error`"),
)


def diagnoses():
    """{id: (code, whether waiting can help, title)} in the order of diag.def."""
    text = (ROOT / "src/diag/diag.def").read_text()
    rows = re.findall(r'^DIAG\((\w+), "([^"]+)", \w+, \w+, (\w+),\s+"([^"]*)"', text, re.M)
    return {name: (code, WAITING[wait], title) for name, code, wait, title in rows}


def page():
    known = diagnoses()
    text = HEAD + "## Diagnoses that are final\n\n| code | meaning |\n| --- | --- |\n"
    text += "".join(f"| `{code}` | {title} |\n" for code, wait, title in known.values() if wait == "no")
    text += "\n## Diagnoses that are waited for\n\n| code | waiting can help | meaning |\n| --- | --- | --- |\n"
    text += "".join(f"| `{code}` | {wait} | {title} |\n" for code, wait, title in known.values() if wait != "no")
    for title, source, pattern, others in TABLES:
        rows = re.findall(pattern, (ROOT / source).read_text())
        assert rows, f"{source}: no row of {title}"
        text += f"\n## {title}\n\nFrom `{source}`; {others}.\n\n| answer | code | waiting can help |\n| --- | --- | --- |\n"
        for answer, name in rows:
            code, wait, _ = known.get(name, ("D_NONE", "by the HTTP status", ""))
            text += f"| {answer.replace(', ', ' to ')} | `{code}` | {wait} |\n"
    return text


def main():
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page())
    elif not PAGE.exists() or PAGE.read_text() != page():
        sys.exit("docs/answers.md is not what the tables say: make generated")


if __name__ == "__main__":
    main()
