/* thread - see thread.h. */
#include "hvcore/base/thread.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

#ifdef __SANITIZE_THREAD__
#define STACK_BYTES (1u << 20) /* its own data lies there too */
#else
#define STACK_BYTES (256u << 10) /* deepest frame is under 16 KiB */
#endif

enum hv_code hv_thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg,
			     struct hv_err *err)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int rv;

	HV_INVARIANT(pthread_attr_init(&attr) == 0);
	HV_INVARIANT(pthread_attr_setstacksize(&attr, STACK_BYTES) == 0);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rv = pthread_create(ret_thread, &attr, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	if (rv != 0)
		return hv_fail_os(err, HV_E_NOMEM, rv, "start a thread");
	return HV_OK;
}

int hv_thread_id(void)
{
	static _Thread_local int id; /* asked of the kernel once */

	if (id == 0)
		id = gettid();
	return id;
}

bool hv_thread_is_runnable(int id)
{
	char path[64], text[128]; /* "id (name of up to 15) state ..." */
	const char *name_end;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", id);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	name_end = strrchr(text, ')');
	return name_end != NULL && strncmp(name_end, ") R", 3) == 0;
}

void hv_thread_small_stacks(void)
{
	pthread_attr_t attr;

	if (pthread_attr_init(&attr) != 0)
		return;
	if (pthread_attr_setstacksize(&attr, STACK_BYTES) == 0)
		(void)pthread_setattr_default_np(&attr);
	(void)pthread_attr_destroy(&attr);
}
