/* Stands before the libraries of the static program and defines functions of theirs, so that the linker leaves out the parts
 * that implement them: 1.4 MB of code that a check cannot reach. A function that must not be called traps.
 *
 * packaging/static compiles it. If a library renames one of these functions, its part comes back and the size test of
 * tests/scenario/test_static.py fails; if a signature changes, nothing notices, hence docs/updating.md. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- librdkafka: the mock cluster and the unit tests ---------------------------------------------------------------- */
/* The properties test.mock.* would make a cluster; checks/kafka refuses them. */
void *rd_kafka_mock_cluster_new(void *rk, int brokers)
{
	(void)rk, (void)brokers;
	return NULL;
}

void rd_kafka_mock_cluster_destroy(void *cluster)
{
	(void)cluster;
}

const char *rd_kafka_mock_cluster_bootstraps(const void *cluster)
{
	(void)cluster;
	return "";
}

int rd_kafka_mock_broker_set_rtt(void *cluster, int32_t broker, int ms)
{
	(void)cluster, (void)broker, (void)ms;
	return -1;
}

bool rd_unittest_assert_on_failure;
bool rd_unittest_on_ci;
bool rd_unittest_slow;
bool rd_unittest_with_valgrind;

int rd_unittest(void)
{
	return 1;
}

/* ---- lz4 in librdkafka: the slow levels of compression. A block that cannot be compressed is stored as it is -------------- */
int LZ4_sizeofStateHC(void)
{
	return 1;
}

void *LZ4_initStreamHC(void *stream, size_t size)
{
	(void)stream, (void)size;
	return NULL;
}

int LZ4_compress_HC_continue(void *stream, const char *in, char *out, int n, int max)
{
	(void)stream, (void)in, (void)out, (void)n, (void)max;
	return 0;
}

int LZ4_compress_HC_extStateHC_fastReset(void *state, const char *in, char *out, int n, int max,
					 int level)
{
	(void)state, (void)in, (void)out, (void)n, (void)max, (void)level;
	return 0;
}

int LZ4_loadDictHC(void *stream, const char *dictionary, int n)
{
	(void)stream, (void)dictionary, (void)n;
	return 0;
}

int LZ4_saveDictHC(void *stream, char *buffer, int n)
{
	(void)stream, (void)buffer, (void)n;
	return 0;
}

void LZ4_resetStreamHC_fast(void *stream, int level)
{
	(void)stream, (void)level;
}

void LZ4_setCompressionLevel(void *stream, int level)
{
	(void)stream, (void)level;
}

void LZ4_favorDecompressionSpeed(void *stream, int favor)
{
	(void)stream, (void)favor;
}

void LZ4_attach_HC_dictionary(void *stream, const void *dictionary)
{
	(void)stream, (void)dictionary;
}

/* ---- avro-c: snappy by librdkafka's copy, which is C; only decoding of LZMA -------------------------------------------- */
int rd_kafka_snappy_uncompress(const char *in, size_t n, char *out);
bool rd_kafka_snappy_uncompressed_length(const char *in, size_t n, size_t *len);

enum { SNAPPY_OK, SNAPPY_INVALID_INPUT, SNAPPY_BUFFER_TOO_SMALL };

int snappy_uncompressed_length(const char *in, size_t n, size_t *len)
{
	return rd_kafka_snappy_uncompressed_length(in, n, len) ? SNAPPY_OK : SNAPPY_INVALID_INPUT;
}

int snappy_uncompress(const char *in, size_t n, char *out, size_t *len)
{
	size_t need;

	if (snappy_uncompressed_length(in, n, &need))
		return SNAPPY_INVALID_INPUT;
	if (need > *len)
		return SNAPPY_BUFFER_TOO_SMALL;
	*len = need;
	return rd_kafka_snappy_uncompress(in, n, out) ? SNAPPY_INVALID_INPUT : SNAPPY_OK;
}

size_t snappy_max_compressed_length(size_t n)
{
	return n;
}

int snappy_compress(const char *in, size_t n, char *out, size_t *len)
{
	(void)in, (void)n, (void)out, (void)len;
	return SNAPPY_INVALID_INPUT;
}

/* avro-c fills its filter with the preset for decoding too, and cannot read with an empty one. */
enum { LZMA_PROG_ERROR = 11 };

uint64_t lzma_raw_encoder_memusage(const void *filters)
{
	(void)filters;
	return UINT64_MAX;
}

int lzma_raw_buffer_encode(const void *filters, const void *allocator, const uint8_t *in, size_t in_size,
			   uint8_t *out, size_t *out_pos, size_t out_size)
{
	(void)filters, (void)allocator, (void)in, (void)in_size, (void)out, (void)out_pos, (void)out_size;
	return LZMA_PROG_ERROR;
}

/* ---- OpenSSL: AES-GCM and AES-XTS for AVX-512, three quarters of a megabyte -------------------------------------------- */
#ifdef __x86_64__
int ossl_vaes_vpclmulqdq_capable(void)
{
	return 0;
}

int aesni_xts_avx512_eligible(void)
{
	return 0;
}

#define NEVER(name)              \
	void name(void)          \
	{                        \
		__builtin_trap(); \
	}
NEVER(ossl_aes_gcm_init_avx512)
NEVER(ossl_aes_gcm_setiv_avx512)
NEVER(ossl_aes_gcm_update_aad_avx512)
NEVER(ossl_aes_gcm_encrypt_avx512)
NEVER(ossl_aes_gcm_decrypt_avx512)
NEVER(ossl_aes_gcm_finalize_avx512)
NEVER(ossl_gcm_gmult_avx512)
NEVER(aesni_xts_128_encrypt_avx512)
NEVER(aesni_xts_128_decrypt_avx512)
NEVER(aesni_xts_256_encrypt_avx512)
NEVER(aesni_xts_256_decrypt_avx512)
#endif

/* ---- libgcc: gcc 14's start code would walk every unwind entry; the unwinder finds the table without that --------------- */
void __wrap___register_frame_info(const void *begin, void *object)
{
	(void)begin, (void)object;
}

void *__wrap___deregister_frame_info(const void *begin)
{
	(void)begin;
	return NULL;
}
