# startguard: verify what a service needs, then start it.
#
#   make            build the program: build/startguard
#   make static     build/static/startguard: one file that needs nothing of the system; makes what it needs (packaging/static)
#   make check-static  what the static program promises, and a subset of the scenarios with it
#   make check-static-all  all scenarios and the tests against real servers with the static program: before a release
#   make check-static-aarch64  the static program for aarch64, cross-compiled: scenarios under qemu-aarch64
#   make images     container images of the static program, by docker or podman: startguard:VERSION, -debian, -dev
#   make check-containers  the images and the documents' snippets in real engines: Docker, podman, compose
#   make bench      what the static program costs beside other programs found on PATH; BENCH_FLAGS=--write writes docs/benchmarks.md
#   make check-instructions  how many instructions the static program executes, against the committed numbers
#   make packages   build/packages: .deb, .rpm, .apk and a tarball of the static program
#   make check-packages  they are installed, looked at and removed in roots of their own
#   make release    build/release: packages, tarballs, bill of materials, checksums, signed with the key in RELEASE_KEY=FILE
#   make check-kubernetes  the manifests, charts and policies of packaging/kubernetes in a cluster of one node
#   make outdated   which sources of the static program have newer versions
#   make demo       install what is missing, build, show a service started, degraded and blocked
#   make check      install what is missing, run unit tests, lint and scenarios
#   make check-oom  a memory limit that kills whole control groups, on Debian's kernel in an emulator
#   make soak       the engine's faults at length: all of them, a hundred times
#   make check-real the static program against real servers: Apache Kafka and a schema registry
#   make referees   ask Prometheus, Java's Avro and OpenSSL again for the tables in tests/referees (REFEREES_FLAGS=--write)
#   make check-somabrain the profiles of somabrain in a system of its shape, on real servers
#   make fuzz       every fuzz target for FUZZ_SECONDS=600 with clang and libFuzzer; fuzz-NAME: one of them
#   make lint       style rules, profiles, generated files, headers that stand alone
#   make format     clang-format on every C file, ruff on every Python file
#   make dev        build/dev/startguard with AddressSanitizer and UBSan, -Werror
#   make check-sanitized  unit tests, the fuzz corpora and a subset of the scenarios with it
#   make analyse    gcc -fanalyzer, clang-tidy and cppcheck
#   make check-libseccomp  the sandbox with the filter that libseccomp makes, as on other architectures than x86_64 and aarch64
#   make check-valgrind  unit tests, and every kind of check, under valgrind
#   make coverage   lines and branches that unit tests and a subset of the scenarios run through
#   make mutation   small mistakes in the engine: do the tests notice?
#   make generated  write profiles/reference.cfg, docs/diagnoses.md, docs/answers.md and the examples of docs/output.md anew
#   make install    DESTDIR= PREFIX=/usr/local: program, profiles, documents, manual pages, completion for shells. Takes the
#                   program that is built, without its symbols: STRIP= leaves them in, BUILD=build/static takes the static one
#   make uninstall  with the same DESTDIR and PREFIX: removes what was installed, and nothing else
#   make opts       what was found and how it is built
#   make clean
#
# Settings: CC, CFLAGS, LDFLAGS, LDLIBS, PKG_CONFIG, BUILD=build, WITH_KAFKA WITH_AVRO WITH_REDIS WITH_CURL
# WITH_PQ WITH_SECCOMP = auto, 1 or 0.

VERSION := 1.0.0
BUILD ?= build
PREFIX ?= /usr/local
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
WITH_KAFKA ?= auto
WITH_AVRO ?= auto
WITH_REDIS ?= auto
WITH_CURL ?= auto
WITH_PQ ?= auto
WITH_SECCOMP ?= auto

all: program
.PHONY: all static check-static check-static-all check-static-aarch64 bench check-instructions images check-containers check-docker check-podman check-kubernetes packages release check-packages check-oom outdated levels pages helpers help opts check-sanitized lint-build program deps-build deps-test check unit scenario check-real referees check-somabrain soak demo lint format dev generated install uninstall clean
.DELETE_ON_ERROR:

# ---- libraries: needed ones, and one switch each for the others ------------------------------------------------------
PKGS := libconfig jansson openssl
LIB_kafka := rdkafka
LIB_avro := avro-c
LIB_redis := hiredis
LIB_curl := libcurl zlib
LIB_pq := libpq
LIB_seccomp := libseccomp
# A path given as make's variable does not reach $(shell) by itself.
pkg_config = $(if $(PKG_CONFIG_PATH),PKG_CONFIG_PATH='$(PKG_CONFIG_PATH)' )$(PKG_CONFIG)
have = $(shell $(pkg_config) --exists $(1) 2>/dev/null && echo 1 || echo 0)
resolve = $(if $(filter auto,$(1)),$(call have,$(2)),$(1))
with_kafka := $(call resolve,$(WITH_KAFKA),$(LIB_kafka))
with_avro := $(call resolve,$(WITH_AVRO),$(LIB_avro))
with_redis := $(call resolve,$(WITH_REDIS),$(LIB_redis))
with_curl := $(call resolve,$(WITH_CURL),$(LIB_curl))
with_pq := $(call resolve,$(WITH_PQ),$(LIB_pq))
# On these startguard makes the system call filter itself, and libseccomp is linked only on request.
has_filter := $(filter-out %x32,$(filter x86_64-% aarch64-%,$(shell $(CC) -dumpmachine 2>/dev/null)))
with_seccomp := $(if $(has_filter),$(filter-out auto,$(WITH_SECCOMP)),$(call resolve,$(WITH_SECCOMP),$(LIB_seccomp)))
PKGS += $(foreach l,kafka avro redis curl pq seccomp,$(if $(filter 1,$(with_$(l))),$(LIB_$(l))))

# Which source files belong to which library.
of_flow := checks/flow.c $(wildcard checks/flow/*.c)
of_kafka := $(of_flow) checks/kafka.c checks/wire_format.c $(wildcard checks/kafka/*.c checks/record_format/*.c)
of_avro := $(of_flow) checks/avro.c checks/schema_registry.c checks/wire_format.c $(wildcard checks/registry/*.c checks/avro/*.c checks/record_format/*.c)
of_redis := checks/redis.c $(wildcard checks/redis/*.c)
of_curl := $(of_flow) checks/http.c checks/opa.c checks/schema_registry.c checks/metrics.c $(wildcard checks/http/*.c checks/registry/*.c)
of_pq := checks/postgres.c $(wildcard checks/postgres/*.c)
left_out := $(foreach l,kafka avro redis curl pq,$(if $(filter 1,$(with_$(l))),,$(of_$(l))))

src_c := $(wildcard src/*/*.c)
checks_c := $(filter-out $(left_out),$(wildcard checks/*.c checks/*/*.c))
# Tests of what is left out are left out.
unit_c := $(filter-out $(if $(filter 0,$(with_kafka)),tests/unit/test_kafka.c) \
	$(if $(filter 0,$(WITH_SECCOMP)),tests/unit/test_sandbox_filter.c) \
	$(if $(filter 0,$(with_redis)),tests/unit/test_redis.c) \
	$(if $(filter 0,$(with_curl)),tests/unit/test_web_status.c) \
	$(if $(filter 11,$(with_avro)$(with_curl)),,tests/unit/test_registry_error.c) \
	$(if $(filter 00 01 10,$(with_kafka)$(with_avro)),tests/unit/test_record_class.c) \
	$(if $(filter-out 111,$(with_kafka)$(with_avro)$(with_curl)),tests/unit/test_flow.c),$(wildcard tests/unit/*.c))

ifneq ($(filter-out help clean format deps-build deps-test static check-static check-static-all check-static-aarch64 bench check-instructions images packages release check-packages outdated uninstall,$(or $(MAKECMDGOALS),all)),)
lib_cflags := $(shell $(pkg_config) --cflags $(PKGS) 2>/dev/null)
lib_libs := $(shell $(pkg_config) --libs $(PKGS) 2>/dev/null)
lib_cflags += $(if $(filter 1,$(with_seccomp)),-DWITH_SECCOMP)
lib_cflags += $(if $(filter 1,$(with_avro)),-DAVRO_C_VERSION='"$(shell $(pkg_config) --modversion avro-c)"')
endif

gcc_only := $(if $(findstring clang,$(shell $(CC) --version 2>/dev/null)),,-Wno-format-truncation)
# Ours come first, the packager's have the last word. Format mistakes are errors: a secret must not reach %s. Cutting a
# text at its bound is what snprintf is for here, and no mistake.
own_cflags := -std=gnu17 -D_GNU_SOURCE -DSTARTGUARD_VERSION='"$(VERSION)"' -MMD -MP \
	-Wall -Wextra -Wshadow -Wmissing-prototypes -Wswitch-enum -Wformat=2 -Werror=format -Wstrict-prototypes $(gcc_only) \
	-Wpointer-arith -Wwrite-strings -fno-strict-aliasing -fstack-protector-strong -fPIE $(EXTRA_CFLAGS)
own_ldflags := -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed $(EXTRA_LDFLAGS)
compile = $(CC) $(own_cflags) $(lib_cflags) $(CPPFLAGS) $(CFLAGS)
link = $(CC) $(own_ldflags) $(CFLAGS) $(LDFLAGS)
libs = $(lib_libs) $(LDLIBS) -lresolv -lm -pthread

# ---- levels: the folders whose headers a folder's files may include --------------------------------------------------
# Each level sees itself and those below it: an include upward is "No such file or directory" (docs/architecture.md).
sees_src/base := src/base
sees_src/diag := $(sees_src/base) src/diag
sees_src/schema := $(sees_src/diag) src/schema
sees_check := $(sees_src/schema) src
sees_src/profile := $(sees_check) src/profile
sees_src/engine := $(sees_src/profile) src/engine
sees_src/report := $(sees_src/engine) src/report
sees_src/cli := $(sees_src/report) src/cli
sees_src := $(sees_src/cli)
# checks/ stands beside the upper levels: check.h is all it sees of them.
sees_checks/json := $(sees_check) checks/json
sees_checks/net := $(sees_check) checks/net
sees_checks/program := $(sees_check) checks/program
sees_checks/metrics := $(sees_check) checks/metrics
sees_checks/python := $(sees_checks/program) checks/python
sees_checks/http := $(sees_checks/net) checks/json checks/http
sees_checks/registry := $(sees_checks/http) checks/avro checks/registry
sees_checks/redis := $(sees_checks/net) checks/redis
sees_checks/postgres := $(sees_checks/net) checks/findings checks/postgres
sees_checks/avro := $(sees_checks/json) checks/avro
sees_checks/findings := $(sees_check) checks/findings
sees_checks/kafka := $(sees_checks/net) checks/findings checks/kafka
sees_checks/record_format := $(sees_checks/kafka) checks/json checks/avro checks/record_format
sees_checks/flow := $(sees_checks/record_format) checks/http checks/flow
sees_checks := $(sees_check) $(patsubst %/,%,$(wildcard checks/*/))
sees_all := $(sees_src) $(filter checks/%,$(sees_checks))
folder_of = $(patsubst %/,%,$(dir $(1)))
includes = $(addprefix -I,$(or $(sees_$(call folder_of,$(1))),$(sees_all)))
# FOLDER: FLAGS, a line each, for lint.
levels:
	@$(foreach f,$(sort $(patsubst sees_%,%,$(filter sees_src% sees_checks%,$(.VARIABLES)))),echo '$(f): $(addprefix -I,$(sees_$(f)))';)

# V=1 shows whole commands.
Q := $(if $(filter 1,$(V)),,@)
say_it = $(if $(filter 1,$(V)),@:,@printf '  %-4s %s\n' $(1) $(2))

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
probe_py := $(BUILD)/checks/python/probe.py
core_o := $(call obj,$(src_c) $(checks_c)) $(probe_py).o
main_o := $(call obj,src/main.c)

# ---- the program -----------------------------------------------------------------------------------------------------
program: $(BUILD)/startguard

# `make install` takes a program that is there as it is: other flags than those it was built with would build it anew, root's
# or the host's instead of the static program's.
ifneq ($(MAKECMDGOALS)$(wildcard $(BUILD)/startguard),install$(BUILD)/startguard)
$(BUILD)/startguard: $(core_o) $(main_o) $(BUILD)/flags
	$(call say_it,LD,$@)
	$(Q)$(link) -o $@ $(core_o) $(main_o) $(libs)
endif

# Rebuild everything when compiler, flags, levels or the set of libraries change.
stamp = $(compile) $(link) $(libs) $(core_o) $(foreach f,$(sees_all),$(addprefix -I,$(sees_$(f))))
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(stamp))' | cmp -s - $@ || echo '$(subst ','\'',$(stamp))' > $@
FORCE:

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say_it,CC,$<)
	$(Q)$(compile) $(call includes,$<) -pthread -c -o $@ $<

# The program that the python kind runs is Python, and a text constant here.
$(probe_py).c: checks/python/probe.py packaging/embed
	@mkdir -p $(@D)
	$(call say_it,GEN,$@)
	$(Q)packaging/embed python_probe probe.h $< > $@
$(probe_py).o: $(probe_py).c $(BUILD)/flags
	$(call say_it,CC,$<)
	$(Q)$(compile) $(call includes,checks/python/probe.c) -c -o $@ $<

-include $(patsubst %.o,%.d,$(core_o) $(main_o)) $(patsubst %.c,$(BUILD)/%.d,$(unit_c))

# ---- tests -----------------------------------------------------------------------------------------------------------
unit_bin := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(unit_c))
$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(core_o)
	$(call say_it,LD,$@)
	$(Q)$(link) -o $@ $< $(core_o) $(libs) -lcmocka $(unit_libs)
# Compares with libseccomp.
$(BUILD)/tests/unit/test_sandbox_filter: unit_libs := $(shell $(pkg_config) --libs libseccomp 2>/dev/null)
.SECONDARY: $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%.o,$(unit_c))

# Programs that tests run: what the guarded service sees, what a check's child can do, a container that refuses system
# calls, and Kafka's mock cluster.
helper_bin := $(BUILD)/tests/probe $(BUILD)/tests/kafka_mock $(BUILD)/tests/sandbox_probe $(BUILD)/tests/refuse
$(BUILD)/tests/probe: tests/fakes/probe.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say_it,CC,$<)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -O1 -o $@ $<
$(BUILD)/tests/refuse: tests/fakes/refuse.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say_it,CC,$<)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -O1 -o $@ $<
$(BUILD)/tests/sandbox_probe: $(BUILD)/tests/fakes/sandbox_probe.o $(core_o)
	$(call say_it,LD,$@)
	$(Q)$(link) -o $@ $< $(core_o) $(libs)
$(BUILD)/tests/kafka_mock: tests/fakes/kafka_mock.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say_it,CC,$<)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -O1 $$($(pkg_config) --cflags rdkafka) -o $@ $< $$($(pkg_config) --libs rdkafka)

helpers: $(helper_bin)

unit: $(unit_bin)
	@tests/run-unit $(unit_bin)

# ---- fuzz: tests/fuzz/fuzz.mk ----
comma := ,
include tests/fuzz/fuzz.mk

# ---- analysis: tests/analysis/analysis.mk ----
include tests/analysis/analysis.mk

JOBS ?= 4
pytest = "$$venv/bin/python" -m pytest -q -p no:cacheprovider
scenario: program $(helper_bin)
	@venv=$$(packaging/venv-path) && STARTGUARD=$(abspath $(BUILD)/startguard) $(pytest) -n $(JOBS) $(SCENARIO_FLAGS) tests/scenario

# What must be installed comes before make looks for libraries: hence the second make.
deps-build:
	@packaging/deps build
deps-test:
	@packaging/needs build test lint
	@packaging/deps build test lint

check: deps-test
	@$(MAKE) --no-print-directory lint unit fuzz-replay scenario

one_kafka := 4.1.1
# The released file meets all real servers. The dynamic build, with the distribution's librdkafka, meets the faults of one Kafka: the
# words are the library's.
check-real: deps-test
	@packaging/deps real static
	@packaging/static --helpers $(STATIC_FLAGS)
	@venv=$$(packaging/venv-path) && STARTGUARD=$(abspath build/static/startguard) $(pytest) -n 2 --dist loadfile tests/real
	@$(MAKE) --no-print-directory program $(helper_bin)
	@venv=$$(packaging/venv-path) && STARTGUARD_KAFKA=$(one_kafka) STARTGUARD=$(abspath $(BUILD)/startguard) \
		$(pytest) tests/real/test_kafka_faults.py

# Each verdict of the tables that test_referees.py compares the program with, made again by those who gave it.
referees: deps-test
	@packaging/deps real referees
	@venv=$$(packaging/venv-path) && cd tests && "$$venv/bin/python" -m referees.all $(REFEREES_FLAGS)

# Its profiles demand rights, which the distribution's librdkafka may be too old to ask for. SOMABRAIN_FLAGS=--write writes the
# table of findings into profiles/somabrain/README.md.
check-somabrain: deps-test
	@packaging/deps real static
	@packaging/static --helpers $(STATIC_FLAGS)
	@venv=$$(packaging/venv-path) && STARTGUARD=$(abspath build/static/startguard) $(pytest) -n 0 $(SOMABRAIN_FLAGS) tests/somabrain

# What takes long: 200 checks of which a third hang, a third crash and a third pass, 100 times; every call made to fail.
soak: program $(helper_bin)
	@venv=$$(packaging/venv-path) && STARTGUARD_SOAK=100 STARTGUARD_ALL_CALLS=1 STARTGUARD=$(abspath $(BUILD)/startguard) $(pytest) -n $(JOBS) \
		tests/scenario/test_many.py tests/scenario/test_calls.py

# ---- the static program: packaging/static, docs/updating.md ----
static:
	@packaging/deps static
	@packaging/static $(STATIC_FLAGS)
# All of Kafka's scenarios: its librdkafka is another than the distribution's, with other words and other abilities.
kafka_tests := $(wildcard tests/scenario/test_kafka*.py tests/scenario/test_wire_format*.py) tests/scenario/test_hostile.py
check-static: deps-test
	@packaging/deps static
	@packaging/static --helpers $(STATIC_FLAGS)
	@venv=$$(packaging/venv-path) && STARTGUARD=$(abspath build/static/startguard) $(pytest) tests/static
	@venv=$$(packaging/venv-path) && STARTGUARD=$(abspath build/static/startguard) $(pytest) -n $(JOBS) --static $(kafka_tests)
	@venv=$$(packaging/venv-path) && STARTGUARD=$(abspath build/static/startguard) $(pytest) -n $(JOBS) --static $(SUBSET) \
		$(kafka_tests:%=--ignore=%) tests/scenario
check-oom: deps-test static
	@packaging/deps kernel
	@venv=$$(packaging/venv-path) && STARTGUARD=$(abspath build/static/startguard) $(pytest) tests/kernel
# ---- packages of the static program, the files of a release: packaging/packages, packaging/release ----
packages: static
	@packaging/deps packages
	@packaging/packages
release: STATIC_FLAGS = --locked
release: static
	@packaging/deps packages
	@RELEASE_KEY='$(RELEASE_KEY)' packaging/release
check-packages: deps-test static
	@packaging/deps packages
	@venv=$$(packaging/venv-path) && $(pytest) tests/packages

# Everything that can run with it: all scenarios, the real servers, the system of the profiles.
check-static-all: deps-test
	@packaging/deps real static
	@$(MAKE) --no-print-directory check-static SUBSET=
	@venv=$$(packaging/venv-path) && STARTGUARD=$(abspath build/static/startguard) $(pytest) -n 2 --dist loadfile tests/real
	@$(MAKE) --no-print-directory check-somabrain
# Another architecture, under an emulator: what differs is the sizes of types, not the kernel. kafka_mock is of this machine.
arch_tests := $(patsubst %,tests/scenario/test_%.py,tcp http redis avro kafka registry memcached system_ca)
check-static-aarch64: deps-test
	@packaging/deps static emulator
	@packaging/static --arch aarch64 $(STATIC_FLAGS)
	@venv=$$(packaging/venv-path) && STARTGUARD_TIME_SCALE=3 STARTGUARD_WRAP=qemu-aarch64 \
		STARTGUARD=$(abspath build/static-aarch64/startguard) $(pytest) -n $(JOBS) --static $(SUBSET) \
		-k 'not mock and not broker_that_comes_up' $(arch_tests)
# ---- container images: packaging/docker, docs/containers.md ----
images: static
	@packaging/images
# The engines side by side, each in a network and a mount namespace of its own.
check-containers: deps-test
	@packaging/deps static containers
	@packaging/static $(STATIC_FLAGS)
	@$(MAKE) --no-print-directory $(BUILD)/tests/kafka_mock
	@$(MAKE) --no-print-directory -j2 -O check-docker check-podman
check-docker check-podman: check-%:
	@venv=$$(packaging/venv-path) && $(pytest) -n 0 --engine $* tests/containers

# ---- benchmarks: tests/bench/bench.mk, docs/benchmarks.md ----
include tests/bench/bench.mk

# ---- Kubernetes: packaging/kubernetes, docs/kubernetes.md ----
# A cluster of one node, in namespaces of its own: kubelet and containerd mount, forward and name interfaces. The programs are
# built before, since there is no network inside; the shell, as process 1, reaps what containerd leaves.
check-kubernetes: deps-test
	@packaging/deps static kubernetes
	@packaging/static $(STATIC_FLAGS)
	@venv=$$(packaging/venv-path) && "$$venv/bin/python" tests/kubernetes/programs.py && \
		STARTGUARD=$(abspath build/static/startguard) unshare --net --mount --pid --fork --kill-child --mount-proc \
		sh -c '"$$@"; exit $$?' sh $(pytest) $(KUBERNETES_FLAGS) tests/kubernetes

outdated:
	@packaging/deps static
	@packaging/static --outdated

demo:
	@packaging/deps build demo
	@$(MAKE) --no-print-directory program $(BUILD)/tests/kafka_mock
	@tests/demo/run $(abspath $(BUILD))

lint: program
	@venv=$$(packaging/venv-path) && PATH="$$venv/bin:$$PATH" tests/lint.sh $(BUILD)

format:
	@venv=$$(packaging/venv-path) && "$$venv/bin/clang-format" -i $(wildcard src/*.[ch] src/*/*.[ch] checks/*.[ch] checks/*/*.[ch] tests/*/*.[ch]) && \
		"$$venv/bin/ruff" check -q --no-cache --fix . && "$$venv/bin/ruff" format -q --no-cache .

sanitize := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
dev:
	$(MAKE) --no-print-directory BUILD=$(BUILD)/dev CFLAGS='-O1 -g -Werror $(sanitize)' program

# The scenarios again in another build: a subset reaches the same code (tests/scenario/conftest.py). SUBSET= takes all.
SUBSET ?= --each-once
# Everything takes longer under the sanitizers.
check-sanitized:
	$(MAKE) --no-print-directory BUILD=$(BUILD)/dev CFLAGS='-O1 -g -Werror $(sanitize)' unit fuzz-replay
	STARTGUARD_TIME_SCALE=2 ASAN_OPTIONS=detect_leaks=0 \
		$(MAKE) --no-print-directory BUILD=$(BUILD)/dev CFLAGS='-O1 -g -Werror $(sanitize)' SCENARIO_FLAGS='$(SUBSET) -m "not uninstrumented"' scenario

# What other architectures than x86_64 and aarch64 have.
.PHONY: check-libseccomp
check-libseccomp: deps-test
	$(MAKE) --no-print-directory BUILD=$(BUILD)/libseccomp CFLAGS='-O1 -g -Werror' WITH_SECCOMP=1 program helpers
	@venv=$$(packaging/venv-path) && STARTGUARD=$(abspath $(BUILD)/libseccomp/startguard) $(pytest) -n $(JOBS) tests/scenario/test_sandbox.py

# For a second compiler: builds the program, and says so.
lint-build: program
	@echo "1 passed, 0 failed"

generated: program
	$(BUILD)/startguard explain --profile > profiles/reference.cfg
	$(BUILD)/startguard codes --markdown > docs/diagnoses.md
	python3 tests/examples.py $(BUILD)/startguard --write
	python3 tests/modules.py --write
	python3 tests/answers.py --write

# ---- manual pages and completion: made by the program from its tables --------------------------------------------------
pages := startguard.1 startguard-profile.5
shells := bash zsh fish
# Another architecture's program does not run here: PAGES is the build of one that does and says the same.
PAGES ?= $(BUILD)
made := $(pages:%=$(PAGES)/man/%) $(shells:%=$(PAGES)/completion/%)
$(PAGES)/man/%: packaging/man/%.in packaging/man/make-page $(PAGES)/startguard
	@mkdir -p $(@D)
	$(call say_it,MAN,$@)
	$(Q)packaging/man/make-page $(PAGES)/startguard $(VERSION) $< > $@
$(PAGES)/completion/%: $(PAGES)/startguard
	@mkdir -p $(@D)
	$(call say_it,GEN,$@)
	$(Q)$(PAGES)/startguard completion $* > $@
pages: $(made)

# ---- install ---------------------------------------------------------------------------------------------------------
# `make install` alone takes the program that is there, whoever built it (see the rule that links it).
STRIP ?= strip
bindir = $(PREFIX)/bin
docdir = $(PREFIX)/share/doc/startguard
sharedir = $(PREFIX)/share/startguard
mandir = $(PREFIX)/share/man
bashdir = $(PREFIX)/share/bash-completion/completions
zshdir = $(PREFIX)/share/zsh/site-functions
fishdir = $(PREFIX)/share/fish/vendor_completions.d
unitdir = $(PREFIX)/lib/systemd/system
record = $(sharedir)/installed
# MODE FILE TARGET
define to_install
755 $(BUILD)/startguard $(bindir)/startguard
644 $(PAGES)/man/startguard.1 $(mandir)/man1/startguard.1
644 $(PAGES)/man/startguard-profile.5 $(mandir)/man5/startguard-profile.5
644 $(PAGES)/completion/bash $(bashdir)/startguard
644 $(PAGES)/completion/zsh $(zshdir)/_startguard
644 $(PAGES)/completion/fish $(fishdir)/startguard.fish
644 $(PAGES)/systemd/startguard@.service $(unitdir)/startguard@.service
644 packaging/systemd/wrap.conf $(sharedir)/systemd/wrap.conf
644 packaging/systemd/start-pre.conf $(sharedir)/systemd/start-pre.conf
$(foreach f,README.md CHANGELOG.md LICENSE $(wildcard docs/*.md docs/*.json docs/kinds/*.md),644 $(f) $(docdir)/$(f:docs/%=%)
)$(foreach f,$(shell find profiles -type f),644 $(f) $(sharedir)/$(f)
)
endef
install: export lines = $(to_install)
# The unit names the program where it is installed.
$(PAGES)/systemd/%: packaging/systemd/% FORCE
	@mkdir -p $(@D)
	@sed 's,/usr/bin/,$(bindir)/,' $< > $@
install: $(BUILD)/startguard $(made) $(PAGES)/systemd/startguard@.service
	@echo "$$lines" | STRIP='$(STRIP)' packaging/installed add '$(DESTDIR)' '$(record)'
uninstall:
	@packaging/installed remove '$(DESTDIR)' '$(record)'

opts:
	@echo "version     $(VERSION)"
	@echo "compiler    $$($(CC) --version | head -n 1)"
	@echo "CFLAGS      $(CFLAGS)"
	@for p in $(PKGS); do printf '%-11s %s\n' $$p "$$($(pkg_config) --modversion $$p 2>/dev/null || echo 'missing: run packaging/deps build')"; done
	@$(foreach l,kafka avro redis curl pq seccomp,echo "WITH_$(shell echo $(l) | tr a-z A-Z)  $(or $(with_$(l)),0)";)

help:
	@sed -n '/^#/!q;s/^# \{0,1\}//p' Makefile

clean:
	rm -rf $(BUILD)
