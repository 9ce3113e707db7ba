# fuzz.mk: the fuzz targets, tests/fuzz/fuzz_NAME.c. Included by the Makefile.
#
# The same sources are built twice: with clang and libFuzzer under $(BUILD)/fuzz, and with the usual compiler and
# replay.c, which runs the committed corpora as a part of `make check`.
fuzz_targets := $(sort $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
fuzz_targets := $(filter-out $(if $(filter 1,$(with_kafka)),,kafka) $(if $(filter 1,$(with_pq)),,migration postgres) $(if $(filter 1,$(with_redis)),,redis) \
	$(if $(filter 1,$(with_avro)),,avro_schema avro_data avro_rules avro_types) $(if $(filter 11,$(with_avro)$(with_kafka)),,records) \
	$(if $(filter 11,$(with_avro)$(with_curl)),,registry web) \
	$(if $(filter 111,$(with_avro)$(with_kafka)$(with_curl)),,flow),$(fuzz_targets))

# Code that leaves freeing to the child's end; checks that are run against a peer made of the input.
fuzz_pooled := $(patsubst tests/fuzz/fuzz_%.c,%,$(shell grep -l 'fuzz_pool_reset' tests/fuzz/fuzz_*.c))
fuzz_peered := $(patsubst tests/fuzz/fuzz_%.c,%,$(shell grep -l 'fuzz_peer_says' tests/fuzz/fuzz_*.c))
fuzz_pool_flags := $(addprefix -Wl$(comma)--wrap=,xmalloc xcalloc xrealloc xstrdup free)
fuzz_peer_flags := $(addprefix -Wl$(comma)--wrap=,net_connect net_connect_unix)
fuzz_flags = $(if $(filter $*,$(fuzz_pooled)),$(fuzz_pool_flags)) $(if $(filter $*,$(fuzz_peered)),$(fuzz_peer_flags)) \
	$(if $(filter $*,postgres),$(addprefix -Wl$(comma)--wrap=,PQconnectStartParams PQgetResult)) \
	$(if $(filter $*,profile kafka avro_types registry),-Wl$(comma)--wrap=file_read) \
	$(if $(filter $*,avro_types registry),-Wl$(comma)--wrap=glob64) $(if $(filter $*,avro_types),-Wl$(comma)--wrap=check_step) \
	$(if $(filter $*,registry),-Wl$(comma)--wrap=web_request_below) $(if $(filter $*,profile),-Wl$(comma)--wrap=stat)
fuzz_parts = fuzz $(if $(filter $*,$(fuzz_pooled)),pool) $(if $(filter $*,$(fuzz_peered)),peer) \
	$(if $(FUZZ_ENGINE),,replay)
fuzz_o := $(patsubst %,$(BUILD)/tests/fuzz/%.o,fuzz pool peer $(if $(FUZZ_ENGINE),,replay))

fuzz_bin := $(addprefix $(BUILD)/tests/fuzz/,$(fuzz_targets))
$(fuzz_bin): $(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/fuzz_%.o $(fuzz_o) $(core_o)
	$(call say_it,LD,$@)
	$(Q)$(link) $(FUZZ_ENGINE) $(fuzz_flags) -o $@ $< $(patsubst %,$(BUILD)/tests/fuzz/%.o,$(fuzz_parts)) \
		$(core_o) $(libs) -ldl
.SECONDARY: $(patsubst %,$(BUILD)/tests/fuzz/fuzz_%.o,$(fuzz_targets)) $(fuzz_o)
-include $(patsubst %,$(BUILD)/tests/fuzz/fuzz_%.d,$(fuzz_targets)) $(fuzz_o:.o=.d)

fuzz-programs: $(fuzz_bin)
fuzz-replay: $(fuzz_bin)
	@tests/fuzz/run-replay $(fuzz_bin)

# Fuzzing itself: clang, the sanitizers, FUZZ_SECONDS for each target. What it finds goes to $(BUILD)/fuzz/found.
FUZZ_SECONDS ?= 600
FUZZ_JOBS ?= 2
fuzz_make = $(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=clang FUZZ_ENGINE=-fsanitize=fuzzer \
	CFLAGS='-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer'
fuzz:
	@$(fuzz_make) fuzz-programs
	@tests/fuzz/run-fuzz $(BUILD)/fuzz $(FUZZ_SECONDS) $(FUZZ_JOBS) $(fuzz_targets)
fuzz-%:
	@$(fuzz_make) $(BUILD)/fuzz/tests/fuzz/$*
	@tests/fuzz/run-fuzz $(BUILD)/fuzz $(FUZZ_SECONDS) 1 $*
.PHONY: fuzz fuzz-programs fuzz-replay
