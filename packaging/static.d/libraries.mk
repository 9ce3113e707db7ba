# libraries.mk: compiles the libraries of the static program. packaging/static runs it inside the Debian root that it
# makes, offline, with the sources in /sources/NAME, a folder for each crate of packaging/static.d/pins. The result is
# /static: lib/*.a, include/, lib/pkgconfig/. A log of each library is in /sources.
#
#   make -f libraries.mk SIZE_FLAGS=... [CROSS=aarch64-linux-gnu-]
#
# Folders and flags are the same in every build, because libcrypto holds both as text.

CC := $(CROSS)gcc
AR := $(CROSS)ar
prefix := /static
lib := $(prefix)/lib
include := $(prefix)/include
compile = $(CC) $(SIZE_FLAGS) -isystem $(include)

all: $(lib)/libssl.a $(lib)/libcurl.a $(lib)/librdkafka.a $(lib)/libzstd.a $(lib)/libpq.a
.PHONY: all
.DELETE_ON_ERROR:

# $(call build,LIBRARY,COMMANDS) hides what the commands print, unless they fail.
# The subshell is no part of a condition, in which a shell ignores -e.
build = @echo "  $(1)"; ( set -e; $(2) ) >/sources/$(1).log 2>&1; code=$$?; \
	[ $$code -eq 0 ] || tail -n 40 /sources/$(1).log >&2; exit $$code
# $(call describe,NAME,VERSION,LIBRARIES,NEEDS) writes the file by which pkg-config finds the library.
describe = mkdir -p $(lib)/pkgconfig && printf '%s\n' 'Name: $(1)' 'Description: $(1)' 'Version: $(2)' \
	'Cflags: -isystem $(include)' 'Libs: -L$(lib) $(3)' 'Requires.private: $(4)' > $(lib)/pkgconfig/$(1).pc
# The version after the + of a crate's version.
version_of = $(lastword $(subst -, ,$(subst +, ,$(shell sed -n 's/^version = "\(.*\)"/\1/p' /sources/$(1)/Cargo.toml | head -n 1))))

# ---- OpenSSL ----------------------------------------------------------------------------------------------------------
# Left out is what no check can reach: modules and engines (a static program loads none), QUIC and DTLS, and the ciphers and
# digests that neither TLS 1.2 and 1.3 nor SCRAM nor keys in PEM files use.
openssl := /sources/openssl-src/openssl
openssl_target := $(if $(CROSS),linux-aarch64,linux-x86_64)
openssl_without := shared tests docs apps dso module legacy comp async afalgeng capieng padlockeng engine quic ml-dsa \
	slh-dsa sm2 sm3 sm4 aria camellia seed idea bf cast rc2 rc4 rc5 md4 mdc2 rmd160 whirlpool blake2 siphash siv cmp \
	cms ct ts srp dtls sctp srtp ssl-trace gost ec2m dsa argon2 scrypt rfc3779 ktls ui-console filenames ocb uplink

# The others need the headers only, and so compile beside it.
$(include)/openssl/ssl.h:
	$(call build,openssl-headers,cd $(openssl); \
		./Configure $(openssl_target) --prefix=/usr --openssldir=/etc/ssl --libdir=lib \
			$(if $(CROSS),--cross-compile-prefix=$(CROSS)) $(openssl_without:%=no-%) CFLAGS='$(SIZE_FLAGS)'; \
		$(MAKE) build_generated; mkdir -p $(include) $(lib); \
		$(call describe,openssl,$(call version_of,openssl-src),-lssl -lcrypto,); \
		cp -R include/openssl $(include)/; touch $@)

$(lib)/libssl.a: $(include)/openssl/ssl.h
	$(call build,openssl,$(MAKE) -C $(openssl) libcrypto.a libssl.a; cp $(openssl)/libcrypto.a $(openssl)/libssl.a $(lib)/)

# ---- libcurl ----------------------------------------------------------------------------------------------------------
# Only HTTP. Startguard resolves names and names the CA files itself, so that curl has neither threads nor a place of its own.
curl := /sources/curl-sys/curl
curl_off := BUILD_CURL_EXE BUILD_SHARED_LIBS BUILD_LIBCURL_DOCS BUILD_MISC_DOCS ENABLE_CURL_MANUAL BUILD_TESTING \
	BUILD_EXAMPLES ENABLE_THREADED_RESOLVER CURL_USE_LIBPSL CURL_BROTLI CURL_ZSTD CURL_ZLIB USE_NGHTTP2 USE_LIBIDN2 \
	CURL_USE_LIBSSH2 CURL_USE_PKGCONFIG PICKY_COMPILER CURL_ENABLE_NTLM
curl_on := BUILD_STATIC_LIBS HTTP_ONLY CURL_USE_OPENSSL CURL_DISABLE_NEGOTIATE_AUTH CURL_DISABLE_KERBEROS_AUTH CURL_DISABLE_AWS \
	CURL_DISABLE_DIGEST_AUTH CURL_DISABLE_ALTSVC CURL_DISABLE_HSTS CURL_DISABLE_COOKIES CURL_DISABLE_NETRC CURL_DISABLE_DOH \
	CURL_DISABLE_PROGRESS_METER CURL_DISABLE_SHUFFLE_DNS CURL_DISABLE_FORM_API CURL_DISABLE_SRP CURL_DISABLE_WEBSOCKETS

# curl would initialise OpenSSL (0.7 ms) when it is initialised itself, for http:// too. OpenSSL does that by itself when it is first
# used. The grep fails when a new curl has other text there.
curl_openssl := lib/vtls/openssl.c
# The crate has the sources without the documents and tests that its CMake files name. Its version says "-DEV", since it is
# the released tag before the release script ran.
$(lib)/libcurl.a: $(lib)/libssl.a
	$(call build,curl,cd $(curl); mkdir -p docs tests; : > docs/CMakeLists.txt; : > tests/CMakeLists.txt; \
		sed -i '/LIBCURL_VERSION /s/-DEV//' include/curl/curlver.h; \
		sed -i 's/^  OPENSSL_init_ssl(flags, NULL);/  (void)flags;/' $(curl_openssl); grep -qx '  (void)flags;' $(curl_openssl); \
		cmake -S . -B /sources/curl-build -DCMAKE_C_COMPILER=$(CC) $(if $(CROSS),-DCMAKE_SYSTEM_NAME=Linux) \
			-DCMAKE_BUILD_TYPE=None -DCMAKE_C_FLAGS='$(SIZE_FLAGS)' $(curl_off:%=-D%=OFF) $(curl_on:%=-D%=ON) \
			-DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none -DOPENSSL_INCLUDE_DIR=$(include) \
			-DOPENSSL_SSL_LIBRARY=$(lib)/libssl.a -DOPENSSL_CRYPTO_LIBRARY=$(lib)/libcrypto.a; \
		$(MAKE) -C /sources/curl-build libcurl_static; cp -R include/curl $(include)/; \
		$(call describe,libcurl,$(call version_of,curl-sys),-lcurl,openssl); cp /sources/curl-build/lib/libcurl.a $(lib)/)

# ---- zstd, the part that reads, in its smallest form ----------------------------------------------------------------------
zstd := /sources/zstd-sys/zstd/lib
zstd_o := $(patsubst /sources/%.c,/sources/objects/%.o,$(wildcard $(zstd)/common/*.c $(zstd)/decompress/*.c))
/sources/objects/zstd-sys/%.o: /sources/zstd-sys/%.c
	@mkdir -p $(@D)
	@$(compile) -DZSTD_DISABLE_ASM -DDYNAMIC_BMI2=0 -DHUF_FORCE_DECOMPRESS_X1 \
		-DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT -DZSTD_NO_INLINE -c -o $@ $<
$(include)/zstd.h:
	@mkdir -p $(include) && cp $(zstd)/zstd.h $(zstd)/zstd_errors.h $(include)/ && \
		$(call describe,libzstd,$(call version_of,zstd-sys),-lzstd,) && touch $@
zstd_stub := /sources/objects/no_zstd_compression.o
$(zstd_stub): /sources/no_zstd_compression.c
	@mkdir -p $(@D)
	@$(compile) -c -o $@ $<
$(lib)/libzstd.a: $(zstd_o) $(zstd_stub) $(include)/zstd.h
	@echo '  zstd'; rm -f $@; $(AR) rcs $@ $(zstd_o) $(zstd_stub)

# ---- librdkafka --------------------------------------------------------------------------------------------------------
# Its configure wants a C++ compiler, and compiles nothing with it here.
rdkafka := /sources/rdkafka-sys/librdkafka
$(lib)/librdkafka.a: $(lib)/libcurl.a $(lib)/libzstd.a $(lib)/libssl.a
	$(call build,librdkafka,cd $(rdkafka); \
		PKG_CONFIG_PATH=$(lib)/pkgconfig ./configure $(if $(CROSS),--host=$(CROSS:-=)) --cc=$(CC) --cxx=$(CC) \
			--enable-static --disable-gssapi --enable-curl --enable-zstd --disable-lz4-ext --disable-syslog \
			--disable-debug-symbols \
			--CFLAGS='$(SIZE_FLAGS) -isystem $(include)' --LDFLAGS=-L$(lib); \
		$(MAKE) -C src librdkafka.a; mkdir -p $(include)/librdkafka; \
		cp src/rdkafka.h src/rdkafka_mock.h $(include)/librdkafka/; \
		$(call describe,rdkafka,$(call version_of,rdkafka-sys),-lrdkafka -lm -lpthread,libcurl libzstd openssl zlib); \
		cp src/librdkafka.a $(lib)/)

# ---- libpq -------------------------------------------------------------------------------------------------------------
# The crate has no build system but the lists and macros of its build.rs: they are read from there.
pq := /sources/pq-src
pq_list = $(shell perl -0ne '/const $(1): .*? = &\[(.*?)\];/s && print join " ", $$1 =~ /"(.*?)"/g' $(pq)/build.rs)
pq_c := $(addprefix port/,$(call pq_list,LIBPORTS_BASE) $(call pq_list,LIBPORTS_LINUX)) \
	$(addprefix common/,$(call pq_list,LIBCOMMON_BASE) $(call pq_list,LIBCOMMON_OPENSSL)) \
	$(addprefix interfaces/libpq/,$(call pq_list,LIBPQ_BASE) $(call pq_list,LIBPQ_OPENSSL))
pq_o := $(pq_c:%.c=/sources/objects/pq-src/%.o)
pq_version := $(call version_of,pq-src)
pq_major := $(firstword $(subst ., ,$(pq_version)))
pq_minor := $(lastword $(subst ., ,$(pq_version)))
pq_flags := -I$(pq)/source/src/port -I$(pq)/source/src/include -I$(pq)/additional_include -I/sources/objects/pq-src \
	-D_GNU_SOURCE -DFRONTEND -DUSE_OPENSSL=1 -DHAVE_STRCHRNUL -DHAVE_STRSIGNAL -DPG_VERSION='"$(pq_version)"' \
	-DPG_VERSION_NUM=$$(printf %d%04d $(pq_major) $(pq_minor)) -DPG_VERSION_STR='"PostgreSQL $(pq_version)"' \
	-DPG_MAJORVERSION='"$(pq_major)"' -DPG_MAJORVERSION_NUM=$(pq_major) -DPG_MINORVERSION_NUM=$(pq_minor)
/sources/objects/pq-src/pg_config_os.h:
	@mkdir -p $(@D) && cp $(pq)/source/src/include/port/linux.h $@
/sources/objects/pq-src/%.o: $(pq)/source/src/%.c /sources/objects/pq-src/pg_config_os.h $(include)/openssl/ssl.h
	@mkdir -p $(@D)
	@$(compile) -w $(pq_flags) -c -o $@ $<
$(lib)/libpq.a: $(pq_o)
	@echo '  libpq'; rm -f $@; $(AR) rcs $@ $(pq_o)
	@cp $(pq)/source/src/interfaces/libpq/libpq-fe.h $(pq)/source/src/interfaces/libpq/libpq-events.h \
		$(pq)/source/src/include/postgres_ext.h $(pq)/additional_include/pg_config_ext.h $(include)/
	@$(call describe,libpq,$(pq_version),-lpq,openssl)
