#include "in_time.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "util.h"

/* Shared with the thread, which may outlive in_time. */
struct call {
	void (*work)(void *arg);
	void *arg;
	bool done;
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

static void *run_call(void *arg)
{
	struct call *c = arg;

	c->work(c->arg);
	pthread_mutex_lock(&c->lock);
	c->done = true;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

bool in_time(void (*work)(void *arg), void *arg, struct instant deadline)
{
	struct timespec until = {.tv_sec = deadline.ns / 1000000000,
				 .tv_nsec = deadline.ns % 1000000000};
	struct call *c = xcalloc(1, sizeof *c);
	pthread_condattr_t attr;
	pthread_t thread;
	bool done;

	c->work = work;
	c->arg = arg;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, &attr);
	if (pthread_create(&thread, NULL, run_call, c)) {
		work(arg);
		return true;
	}
	pthread_detach(thread);
	pthread_mutex_lock(&c->lock);
	while (!c->done && pthread_cond_timedwait(&c->changed, &c->lock, &until) != ETIMEDOUT)
		;
	done = c->done;
	pthread_mutex_unlock(&c->lock);
	return done;
}
