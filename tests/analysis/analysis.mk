# analysis.mk: static analysis, mutation testing, coverage, valgrind. Included by the Makefile; docs/testing.md says
# what each is for.
# Not the unit tests: they have no paths that are not taken, and run under the sanitizers and valgrind.
analysed := $(src_c) src/main.c $(checks_c)
analyse:
	@tests/analysis/run.py --jobs $(JOBS) $(analysed) -- -std=gnu17 -D_GNU_SOURCE -DSTARTGUARD_VERSION='"$(VERSION)"' \
		$(addprefix -I,$(sees_all)) $(lib_cflags)

# The unit tests against the sources with one small mistake at a time; those that nobody notices go through scenarios.
MUTATION_JOBS ?= 2
mutation: program $(unit_bin)
	@tests/mutation/run.py --build $(BUILD) --promises
	@venv=$$(packaging/venv-path) && "$$venv/bin/python" tests/mutation/run.py --build $(BUILD) --jobs $(MUTATION_JOBS) \
		--killers $(MUTATION_FLAGS)

# Every process counts what it ran through: the guard at its exit or exec, a check's child before its end. The symbol is
# asked for by name because the sources refer to it weakly, which takes nothing out of an archive. Scenarios that watch
# which files are opened and written fail in such a build, those under a full disk or without rights leave no counts:
# whether scenarios hold is for `make scenario` to say, here only what they ran through matters. Left out is another user on
# a terminal that nobody reads: the runtime, which cannot leave its counts as that user, says so there and waits for ever.
coverage_flags := -O0 -g --coverage -fprofile-update=atomic -Wl,-u,__gcov_dump
coverage_build := $(BUILD)/coverage
coverage_make := $(MAKE) --no-print-directory BUILD=$(coverage_build) CFLAGS='$(coverage_flags)'
coverage:
	@rm -rf $(coverage_build)
	@$(coverage_make) program helpers unit
	@PYTEST_ADDOPTS='-k "not other-user"' STARTGUARD_TIME_SCALE=2 $(coverage_make) SCENARIO_FLAGS='$(SUBSET)' scenario > $(coverage_build)/scenario.log 2>&1 || \
		echo "not all scenarios hold in this build: $(coverage_build)/scenario.log"
	@$(MAKE) --no-print-directory coverage-report

coverage-report:
	@venv=$$(packaging/venv-path) && "$$venv/bin/python" tests/analysis/coverage "$$venv/bin/gcovr" $(coverage_build)

# Memory errors where the sanitizers do not look: uninitialised values, and the client libraries' own memory.
# A check's memory goes with its child, so that leaks are looked for in the unit tests only. test_launch_exec is left out:
# valgrind cannot go on after an exec that fails; test_reactor and test_idle too, whose children may not use the memory it needs.
memcheck := valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --num-callers=30 \
	--suppressions=tests/memory/valgrind.supp
check-valgrind: program $(helper_bin) $(unit_bin)
	@UNIT_WRAP='$(memcheck)' tests/run-unit $(filter-out %/test_launch_exec %/test_reactor %/test_idle,$(unit_bin))
	@venv=$$(packaging/venv-path) && STARTGUARD=$(abspath $(BUILD)/startguard) $(pytest) -n $(JOBS) tests/memory

.PHONY: analyse mutation coverage coverage-report check-valgrind
