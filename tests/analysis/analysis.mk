# analysis.mk: static analysis, mutation testing, coverage, valgrind. Included by the Makefile; docs/testing.md says
# what each is for.
analysed := $(src_c) src/main.c $(checks_c) $(unit_c)
analyse:
	@tests/analysis/run.py --jobs $(JOBS) $(analysed) -- -std=gnu17 -D_GNU_SOURCE -DSTARTGUARD_VERSION='"$(VERSION)"' \
		-Isrc -Ichecks/lib $(lib_cflags)

# The unit tests against the sources with one small mistake at a time; those that nobody notices go through scenarios.
MUTATION_JOBS ?= 2
mutation: program $(unit_bin)
	@tests/mutation/run.py --build $(BUILD) --promises
	@venv=$$(packaging/venv-path) && "$$venv/bin/python" tests/mutation/run.py --build $(BUILD) --jobs $(MUTATION_JOBS) \
		--killers $(MUTATION_FLAGS)

# Every process counts what it ran through: the guard at its exit or exec, a check's child before its end. The symbol is
# asked for by name because the sources refer to it weakly, which takes nothing out of an archive.
coverage_flags := -O0 -g --coverage -fprofile-update=atomic -Wl,-u,__gcov_dump
coverage_build := $(BUILD)/coverage
coverage:
	@rm -rf $(coverage_build)
	@$(MAKE) --no-print-directory BUILD=$(coverage_build) CFLAGS='$(coverage_flags)' program helpers unit
	@STARTGUARD_TIME_SCALE=4 $(MAKE) --no-print-directory BUILD=$(coverage_build) CFLAGS='$(coverage_flags)' scenario
	@$(MAKE) --no-print-directory coverage-report

coverage-report:
	@venv=$$(packaging/venv-path) && tests/analysis/coverage "$$venv/bin/gcovr" $(coverage_build)

.PHONY: analyse mutation coverage coverage-report check-valgrind
