/* sampler - see sampler.h. */
#include "hvcore/hypervisor/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"

struct sampler {
	struct hv_loop *loop;
	pthread_t thread;
	sem_t wanted;
	struct sampler_look *asked; /* written before `wanted` is posted; NULL: stop */
	/* L */
	bool is_stopped, is_busy;
};

/* ---- on its thread ---- */

static uint64_t cpu_now_ns(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static enum hv_code code_of_errno(void)
{
	return errno == ESRCH || errno == ENOENT ? HV_E_GONE : HV_E_OS;
}

/* Sums "Referenced:" of the mappings inside the region. */
static uint64_t sum_referenced(FILE *smaps, const struct sampler_look *look)
{
	uint64_t start, end, kib, sum_kib = 0;
	bool is_inside = false;
	char line[512];

	while (fgets(line, sizeof(line), smaps) != NULL) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2)
			is_inside = start >= look->base &&
				    end <= look->base + look->bytes;
		else if (is_inside && sscanf(line, "Referenced: %" SCNu64, &kib) == 1)
			sum_kib += kib;
	}
	return sum_kib * 1024 / HV_PAGE_BYTES;
}

static enum hv_code read_referenced(struct sampler_look *look)
{
	int fd = openat(look->process, "smaps", O_RDONLY | O_CLOEXEC);
	FILE *smaps = fd < 0 ? NULL : fdopen(fd, "r");
	enum hv_code code = HV_OK;

	if (smaps == NULL) {
		code = code_of_errno();
		if (fd >= 0)
			(void)close(fd);
		return code;
	}
	look->referenced_pages = sum_referenced(smaps, look);
	if (ferror(smaps))
		code = code_of_errno();
	(void)fclose(smaps);
	return code;
}

/* "3": mapped files only, which partition memory is. */
static enum hv_code clear_referenced(const struct sampler_look *look)
{
	int fd = openat(look->process, "clear_refs", O_WRONLY | O_CLOEXEC);
	enum hv_code code = HV_OK;

	if (fd < 0)
		return code_of_errno();
	if (write(fd, "3", 1) != 1)
		code = code_of_errno();
	(void)close(fd);
	return code;
}

static void take_look(struct sampler_look *look)
{
	uint64_t start = cpu_now_ns();

	look->referenced_pages = 0;
	look->code = read_referenced(look);
	if (look->code == HV_OK)
		look->code = clear_referenced(look);
	look->cpu_ns = cpu_now_ns() - start;
}

static void *run(void *arg)
{
	struct sampler *sampler = arg;

	for (;;) {
		struct sampler_look *look;

		while (sem_wait(&sampler->wanted) != 0)
			continue; /* EINTR */
		look = sampler->asked;
		if (look == NULL)
			return NULL;
		sampler->asked = NULL; /* what was asked is done, also before a stop */
		take_look(look);
		hv_loop_post(sampler->loop, &look->job);
	}
}

/* ---- on the loop ---- */

static void on_looked(struct hv_job *job)
{
	struct sampler_look *look = HV_CONTAINER(job, struct sampler_look, job);

	look->sampler->is_busy = false;
	look->done(look);
}

enum hv_code sampler_open(struct hv_loop *loop, struct sampler **ret_sampler,
			  struct hv_err *err)
{
	struct sampler *sampler = calloc(1, sizeof(*sampler));
	int rc;

	if (sampler == NULL)
		return hv_fail(err, HV_E_NOMEM, "the sampler");
	sampler->loop = loop;
	(void)sem_init(&sampler->wanted, 0, 0); /* fails for values over the maximum */
	rc = pthread_create(&sampler->thread, NULL, run, sampler);
	if (rc != 0) {
		(void)sem_destroy(&sampler->wanted);
		free(sampler);
		return hv_fail_os(err, HV_E_OS, rc, "start the sampler's thread");
	}
	*ret_sampler = sampler;
	return HV_OK;
}

void sampler_stop(struct sampler *sampler)
{
	if (sampler == NULL || sampler->is_stopped)
		return;
	sampler->is_stopped = true;
	(void)sem_post(&sampler->wanted);
	(void)pthread_join(sampler->thread, NULL);
}

void sampler_close(struct sampler *sampler)
{
	if (sampler == NULL)
		return;
	sampler_stop(sampler);
	(void)sem_destroy(&sampler->wanted);
	free(sampler);
}

bool sampler_is_busy(const struct sampler *sampler)
{
	return sampler->is_busy;
}

void sampler_start(struct sampler *sampler, struct sampler_look *look)
{
	HV_INVARIANT(!sampler->is_busy && !sampler->is_stopped);
	sampler->is_busy = true;
	sampler->asked = look;
	look->sampler = sampler;
	look->job.run = on_looked;
	(void)sem_post(&sampler->wanted);
}
