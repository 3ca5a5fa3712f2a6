/* Threads for what may block: jobs, and an end that waits for none for ever. */
#include "hvcore/aio/workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>

#include "hvcore/base/units.h"

#define LONG_MS 10000

struct job {
	struct hv_work work;
	sem_t *go; /* NULL: at once */
	sem_t ended;
};

static struct hv_workers workers;
static struct job jobs[HV_WORKERS + 1];
static sem_t go, begun;

static void on_run(struct hv_work *work)
{
	struct job *job = (struct job *)(void *)work;

	(void)sem_post(&begun);
	if (job->go != NULL)
		(void)sem_wait(job->go);
	(void)sem_post(&job->ended);
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(sem_init(&go, 0, 0), 0);
	assert_int_equal(sem_init(&begun, 0, 0), 0);
	for (unsigned i = 0; i < HV_COUNT(jobs); i++) {
		jobs[i] = (struct job){ .work.run = on_run, .go = &go };
		assert_int_equal(sem_init(&jobs[i].ended, 0, 0), 0);
	}
	assert_int_equal(hv_workers_start(&workers, NULL), HV_OK);
	return 0;
}

static bool has_run(struct job *job)
{
	return sem_trywait(&job->ended) == 0;
}

static void jobs_run_and_may_be_posted_again(void **state)
{
	(void)state;
	jobs[0].go = NULL;
	for (unsigned i = 0; i < 3; i++) {
		hv_workers_post(&workers, &jobs[0].work);
		assert_int_equal(sem_wait(&jobs[0].ended), 0);
	}
	assert_true(hv_workers_stop(&workers, LONG_MS));
}

static void as_many_may_hang_as_there_are_workers(void **state)
{
	(void)state;
	for (unsigned i = 0; i + 1 < HV_WORKERS; i++)
		hv_workers_post(&workers, &jobs[i].work);
	jobs[HV_WORKERS].go = NULL;
	hv_workers_post(&workers, &jobs[HV_WORKERS].work);
	assert_int_equal(sem_wait(&jobs[HV_WORKERS].ended), 0);
	for (unsigned i = 0; i + 1 < HV_WORKERS; i++)
		(void)sem_post(&go);
	assert_true(hv_workers_stop(&workers, LONG_MS));
}

static void the_end_waits_for_no_job_for_ever(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= HV_WORKERS; i++)
		hv_workers_post(&workers, &jobs[i].work);
	for (unsigned i = 0; i < HV_WORKERS; i++)
		assert_int_equal(sem_wait(&begun), 0);
	assert_false(hv_workers_stop(&workers, 0));
	assert_false(hv_workers_stop(&workers, 20));
	for (unsigned i = 0; i < HV_WORKERS; i++)
		(void)sem_post(&go);
	assert_true(hv_workers_stop(&workers, LONG_MS));
	for (unsigned i = 0; i < HV_WORKERS; i++)
		assert_true(has_run(&jobs[i]));
	assert_false(has_run(&jobs[HV_WORKERS])); /* it had not begun */
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(jobs_run_and_may_be_posted_again),
		TEST(as_many_may_hang_as_there_are_workers),
		TEST(the_end_waits_for_no_job_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
