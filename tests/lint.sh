#!/bin/sh
# lint.sh BUILD: rules that hold for the whole repository. BUILD has the program startguard, freshly built.
# One line for each rule that is broken, with what breaks it; the last line is "lint: N passed, M failed".
# A tool that is missing is a failure: packaging/deps lint installs it.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:-build}
program=$build/startguard
passed=0
failed=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# rule "WORDS": what the command wrote into $tmp/out breaks the rule; empty is good.
rule() {
	if [ -s "$tmp/out" ]; then
		failed=$((failed + 1))
		printf 'FAIL  %s\n' "$1"
		head -n 40 "$tmp/out" | sed 's/^/      /'
	else
		passed=$((passed + 1))
	fi
	: > "$tmp/out"
}

have() {
	command -v "$1" > /dev/null 2>&1 || { echo "$1 is not installed (packaging/deps lint, packaging/venv-path)" >> "$tmp/out"; return 1; }
}

sources() {
	find src checks -name '*.[ch]' | sort
}

# Every file that is ours: no build results, nothing hidden but .ci.
files() {
	find . \( -name .git -o -name build -o -name __pycache__ -o -name .pytest_cache -o -name .venv \) -prune -o -type f -print |
		grep -v '^\./\.mirror/' | sort
}

# Text of C files without comments and strings, as FILE:LINE:TEXT.
code() {
	for f in "$@"; do
		sed -e 's/\\"//g; s/"[^"]*"/""/g; s://.*$::; s:/\*[^*]*\*/::g; /\/\*/,/\*\//s/^.*$//' "$f" | grep -n . | sed "s|^|$f:|"
	done
}

: > "$tmp/out"

# ---- C ----
if have clang-format; then
	find src checks tests/unit tests/fakes tests/fuzz tests/preload -name '*.[ch]' 2> /dev/null | sort |
		xargs clang-format --dry-run -Werror > "$tmp/format" 2>&1 || grep 'error' "$tmp/format" | sed 's/ \[-Wclang.*//' > "$tmp/out"
fi
rule "clang-format has nothing to change (make format)"

cflags=$(for l in libconfig jansson openssl rdkafka avro-c hiredis libcurl libpq; do pkg-config --cflags "$l" 2> /dev/null; done)
# FOLDER: FLAGS, as the Makefile compiles.
make -s levels > "$tmp/levels"

# flags_of FOLDER: the include paths of its files.
flags_of() {
	sed -n "s|^$1: ||p" "$tmp/levels"
}

# includes FOLDER HEADER: does HEADER compile from a file of FOLDER?
includes() {
	# shellcheck disable=SC2046,SC2086
	printf '#include "%s"\n' "$(basename "$2")" |
		${CC:-cc} -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -Werror $(flags_of "$1") $cflags -fsyntax-only -x c -
}

for h in $(sources | grep '\.h$'); do
	includes "$(dirname "$h")" "$h" 2>> "$tmp/out" || echo "$h" >> "$tmp/out"
done
rule "each header compiles alone"

for h in $(sources | grep '\.h$'); do
	# The first comment of a header is its promise.
	head -n 1 "$h" | grep -q '^/\* ' || echo "$h: does not begin with what it promises" >> "$tmp/out"
done
rule "each header begins with what it promises"

grep -rnE '#[[:space:]]*include[[:space:]]*<.*(rdkafka|hiredis|libpq|avro|curl/|pthread\.h|netdb\.h)' src > "$tmp/out"
rule "src/ includes no client library, no resolver, no threads"

# A folder sees the levels below it (sees_... in the Makefile). One header of each folder it does not see stands for all.
while IFS=: read -r from paths; do
	for folder in $(sed 's/:.*//' "$tmp/levels"); do
		header=$(find "$folder" -maxdepth 1 -name '*.h' | sort | head -n 1)
		case " $paths " in *" -I$folder "*) continue ;; esac
		[ -z "$header" ] || ! includes "$from" "$header" 2> /dev/null || echo "$from can include $header" >> "$tmp/out"
	done
done < "$tmp/levels"
[ -s "$tmp/levels" ] || echo "make levels says nothing" > "$tmp/out"
rule "an include of a higher level does not compile"

# A path would lead past the levels.
grep -rnE '#[[:space:]]*include[[:space:]]*"[^"]*/' src checks | grep -v '"../../checks/checks\.def"' > "$tmp/out"
rule "includes name a header, not a path"

tests/call-cycles "$build" > "$tmp/out" 2>&1
rule "no cycle of calls between files"

banned='sprintf|vsprintf|strcpy|strcat|strncpy|strncat|atoi|atol|atof|strtok|gets|alloca|signal|system|usleep|time|localtime|gmtime|ctime|popen|tmpnam|mktemp'
# shellcheck disable=SC2046
code $(sources) | grep -E ":[0-9]+:(.*[^A-Za-z0-9_.>])?($banned)[[:space:]]*\(" > "$tmp/out"
rule "no banned function"

# ---- profiles and what is generated ----
find profiles -name '*.cfg' | sort | while read -r p; do
	"$program" lint "$p" > "$tmp/lint" 2>&1 || { echo "$p:"; cat "$tmp/lint"; }
done > "$tmp/out"
rule "every profile passes startguard lint"

"$program" explain --profile 2>&1 | diff profiles/reference.cfg - > "$tmp/out" 2>&1
rule "profiles/reference.cfg is what the tables say (make generated)"

"$program" codes --markdown 2>&1 | diff docs/diagnoses.md - > "$tmp/out" 2>&1
rule "docs/diagnoses.md is what the table says (make generated)"

python3 tests/answers.py > "$tmp/out" 2>&1
rule "docs/answers.md is what the tables say (make generated)"

python3 tests/modules.py 2>&1 | diff docs/architecture.md - > "$tmp/out" 2>&1
rule "docs/architecture.md names every module by its promise (make generated)"

if have mandoc; then
	for page in packaging/man/*.in; do
		made=$tmp/$(basename "$page" .in) # mandoc looks at the name's ending
		packaging/man/make-page "$program" 0 "$page" > "$made" || echo "$page: cannot be made" >> "$tmp/out"
		mandoc -Tlint -W warning "$made" | sed "s|^mandoc: $made|$page|" >> "$tmp/out"
		grep -n '@[A-Z_]*@' "$made" | sed "s|^|$page: |" >> "$tmp/out"
	done
fi
rule "mandoc has nothing to say about the manual pages"

# ---- scripts, tests, words ----
files | while read -r f; do
	case $(head -n 1 "$f" | tr -d '\0') in '#!/bin/sh'* | '#!/usr/bin/env sh'* | '#!/bin/bash'*) echo "$f" ;; esac
done > "$tmp/scripts"
if have shellcheck; then
	xargs shellcheck -S warning -x -f gcc < "$tmp/scripts" > "$tmp/out" 2>&1
fi
rule "shellcheck has nothing to say"

if have ruff; then
	{ ruff check -q --no-cache --output-format concise . ; ruff format -q --no-cache --diff . ; } > "$tmp/out" 2>&1
fi
rule "ruff has nothing to say (make format)"

find tests -name '*.py' | sort | xargs grep -nE 'pytest\.(skip|xfail|importorskip)|mark\.(skip|skipif|xfail)' > "$tmp/out"
rule "no test that is skipped or may fail"

# A test says what it saw: one that asserts nothing and expects nothing cannot fail.
python3 - > "$tmp/out" 2>&1 << 'END'
import ast, pathlib
WORDS = {"expect", "expect_rights", "passed", "problem", "fail", "raises"}
JUDGES = {"watch"}  # fixtures that judge all they run
for path in sorted([*pathlib.Path("tests/scenario").glob("test_*.py"), *pathlib.Path("tests/real").glob("test_*.py"),
                    *pathlib.Path("tests/containers").glob("test_*.py")]):
    tree = ast.parse(path.read_text("utf-8"))
    functions = {f.name: f for f in ast.walk(tree) if isinstance(f, ast.FunctionDef)}
    def judges(f, seen=()):
        for n in ast.walk(f):
            if isinstance(n, ast.Assert):
                return True
            if isinstance(n, ast.Attribute) and (n.attr in WORDS or isinstance(n.value, ast.Name) and n.value.id in JUDGES):
                return True
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name):
                if n.func.id in WORDS or n.func.id in functions and n.func.id not in seen and judges(functions[n.func.id], (*seen, n.func.id)):
                    return True
            if isinstance(n, ast.Attribute) and n.attr == "produces":
                return True
        return False
    for f in functions.values():
        if f.name.startswith("test_") and not judges(f):
            print(f"{path}:{f.lineno}: {f.name} judges nothing")
END
rule "every test judges something"

# Written so that this file does not hold the words itself.
files | xargs grep -nIE '/tmp/s[g]\b|(^|[^A-Za-z0-9_.-])/wor[k]/|/hom[e]/[a-z]' > "$tmp/out"
rule "no path of somebody's machine"

echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
