# bench.mk: what the static program costs. Included by the Makefile; docs/benchmarks.md says how it is measured.

# The helpers are static: they start faster than what they measure.
bench_out := build/tests/bench
bench_bin := $(addprefix $(bench_out)/,spawn serve nothing)
bench_flags_nothing := -nostdlib
$(bench_bin): $(bench_out)/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(call say_it,CC,$<)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -O2 -static $(bench_flags_$*) -o $@ $<

run_bench = venv=$$(packaging/venv-path) && STARTGUARD=$(abspath build/static/startguard) "$$venv/bin/python" tests/bench
bench: deps-test
	@packaging/deps real static
	@packaging/static --helpers $(STATIC_FLAGS)
	@$(MAKE) --no-print-directory $(bench_bin)
	@$(run_bench)/bench.py $(BENCH_FLAGS)

# INSTRUCTIONS_FLAGS=--write writes tests/bench/instructions.json.
check-instructions: deps-test
	@packaging/deps static
	@packaging/static $(STATIC_FLAGS)
	@$(MAKE) --no-print-directory $(bench_bin)
	@$(run_bench)/instructions.py $(INSTRUCTIONS_FLAGS)
