/* tls: the OpenSSL side of net.h. Included by net.c only; everybody else uses net.h. Child only. */
#ifndef SG_TLS_H
#define SG_TLS_H

#include "net.h"

/* `idle` NULL: nothing until `until` is answer-timeout; else it is 0 with *idle set. */
ssize_t tls_read(struct conn *conn, void *buf, size_t size, struct instant until, bool *idle,
		 struct diag *out);
/* Does the peer at the other end of a fresh connection answer a ClientHello with TLS? */
bool tls_is_spoken(int fd, struct instant until);
int tls_write(struct conn *conn, const void *buf, size_t len, struct instant until,
	      struct diag *out);

/* "OpenSSL 3.0.17", for `startguard version`. */
const char *tls_library(void);

#endif
