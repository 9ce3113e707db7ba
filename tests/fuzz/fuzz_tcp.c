/* The kind tcp with a banner, and plain bytes where TLS is expected; a certificate of a peer in words. */
#include "fuzz.h"
#include "profile.h"
#include "tls.h"

static const struct profile_check *checks[2];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const banner[] = {"address=peer:25", "expect_banner=220 ", NULL};
	static const char *const tls[] = {"address=peer:443", "tls=true", NULL};

	(void)argc;
	(void)argv;
	/* reading the system's store takes longer than all the rest */
	setenv("SSL_CERT_FILE", "/dev/null", 1);
	setenv("SSL_CERT_DIR", "/dev/null", 1);
	checks[0] = fuzz_check("tcp", banner);
	checks[1] = fuzz_check("tcp", tls);
	return 0;
}

static void words(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	char *text = fuzz_rest(&in, NULL);
	struct diag d = {.code = D_NONE};

	tls_fail_text(&d, text, text);
	fuzz_check_diag(&d);
	for (int e = 0; e < 100; e += 7) {
		struct tls_refusal r = {.error = e, .depth = e & 1, .sent = e % 3};

		snprintf(r.text, sizeof r.text, "%s", text);
		snprintf(r.issuer, sizeof r.issuer, "%s", text);
		tls_fail_verify(&d, &r, text, text);
		fuzz_check_diag(&d);
	}
	free(text);
}

/* Its names are what the peer wrote into them. */
static void certificate(const uint8_t *data, size_t size)
{
	const unsigned char *p = data;
	X509 *cert = d2i_X509(NULL, &p, (long)size);
	struct tls_refusal r;
	char text[256];
	struct diag d;

	if (!cert) {
		words(data, size);
		return;
	}
	for (size_t room = 8; room <= sizeof text; room *= 2) {
		tls_certificate_text(cert, text, room);
		FUZZ_CHECK(memchr(text, '\0', room));
	}
	for (int depth = 0; depth < 2; depth++) {
		tls_refusal_set(&r, X509_V_ERR_CERT_HAS_EXPIRED, depth, cert);
		tls_fail_verify(&d, &r, "peer", "peer");
		fuzz_check_diag(&d);
		r.error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
		tls_fail_verify(&d, &r, "peer", "peer");
		fuzz_check_diag(&d);
	}
	X509_free(cert);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = fuzz_open(data, size);
	unsigned which = fuzz_byte(&in);
	enum result v;
	struct diag d;

	if (which == 'c') {
		certificate(in.p, fuzz_left(&in));
		return 0;
	}
	which &= 1;
	fuzz_pool_reset();
	fuzz_peer_says(in.p, fuzz_left(&in), -1);
	v = fuzz_attempt(checks[which], false, &d);
	if (which)
		FUZZ_CHECK(
		    v ==
		    RESULT_FAIL); /* no input is a handshake with a certificate of a trusted authority */
	else if (v == RESULT_PASS)
		FUZZ_CHECK(memmem(in.p, fuzz_left(&in), "220 ", 4));
	return 0;
}
