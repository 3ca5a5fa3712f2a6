/* Which threads are kept to the processor that serves their faults, and when they are let go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/rng.h"
#include "hvcore/base/thread.h"
#include "hvcore/base/units.h"
#include "hvcore/hypervisor/steer.h"

#define LOOK_NS 50000000u
#define OFTEN 100 /* faults in a look: 2000 a second */
#define HOME 3
#define MANY 100

/* ---- a process of threads that do as they are told ---- */

static struct fake {
	struct {
		uint32_t thread; /* 0: none */
		uint64_t run_ns;
		enum steer_place place;
	} threads[MANY];
	unsigned puts, let_go, asked;
	bool cannot_put;
} fake;
static struct steer steer;
static uint64_t now_ns;

static unsigned index_of(uint32_t thread)
{
	for (unsigned i = 0; i < MANY; i++)
		if (fake.threads[i].thread == thread)
			return i;
	return MANY;
}

static bool fake_run_ns(void *ctx, int pid, uint32_t thread, uint64_t *ret_ns)
{
	unsigned i = index_of(thread);

	assert_ptr_equal(ctx, &fake);
	fake.asked++;
	assert_int_equal(pid, 77);
	if (i == MANY)
		return false;
	*ret_ns = fake.threads[i].run_ns;
	return true;
}

static enum steer_place fake_place(void *ctx, uint32_t thread, int home)
{
	unsigned i = index_of(thread);

	(void)ctx;
	assert_int_equal(home, HOME);
	return i == MANY ? STEER_GONE : fake.threads[i].place;
}

static bool fake_put(void *ctx, uint32_t thread, int home)
{
	unsigned i = index_of(thread);

	(void)ctx;
	if (i == MANY || fake.cannot_put)
		return false;
	/* nobody is touched whom somebody else has placed */
	assert_int_not_equal(fake.threads[i].place, STEER_PLACED);
	fake.threads[i].place = home == HOME ? STEER_HOME : STEER_ANYWHERE;
	fake.puts += home == HOME;
	fake.let_go += home < 0;
	return true;
}

static unsigned fake_threads(void *ctx, int pid, uint32_t *threads, unsigned most)
{
	unsigned count = 0;

	(void)ctx;
	assert_int_equal(pid, 77);
	fake.asked++;
	for (unsigned i = 0; i < MANY && count < most; i++)
		if (fake.threads[i].thread != 0)
			threads[count++] = fake.threads[i].thread;
	return count;
}

static const struct steer_os fake_os = { fake_run_ns, fake_place, fake_put,
					 fake_threads };

static int begin(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&steer, 0, sizeof(steer));
	now_ns = 1000000000;
	return 0;
}

static void start(uint32_t thread, enum steer_place place)
{
	unsigned i = index_of(0);

	assert_true(i < MANY);
	fake.threads[i].thread = thread;
	fake.threads[i].place = place;
}

static void end(uint32_t thread)
{
	memset(&fake.threads[index_of(thread)], 0, sizeof(fake.threads[0]));
}

/* So many faults until the next look, and so long on a processor. */
static void act(uint32_t thread, unsigned faults, uint64_t run_ns)
{
	for (unsigned i = 0; i < faults; i++)
		steer_count(&steer, thread);
	fake.threads[index_of(thread)].run_ns += run_ns;
}

static void look(void)
{
	static const struct steer_target target = { 77, HOME };

	now_ns += LOOK_NS;
	steer_look(&steer, &target, &fake_os, &fake, now_ns);
}

static enum steer_place place_of(uint32_t thread)
{
	return fake.threads[index_of(thread)].place;
}

static void act_and_look(uint32_t thread, unsigned faults, uint64_t run_ns,
			 unsigned looks)
{
	while (looks-- > 0) {
		act(thread, faults, run_ns);
		look();
	}
}

/* ---- who is kept ---- */

static void who_waits_for_pages_is_kept_to_its_home(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	act_and_look(5, OFTEN, OFTEN * 20000, 1);
	assert_int_equal(place_of(5), STEER_ANYWHERE); /* what it computes is not known */
	act_and_look(5, OFTEN, OFTEN * 20000, 1);
	assert_int_equal(place_of(5), STEER_HOME);
	act_and_look(5, OFTEN, OFTEN * 20000, 100);
	assert_int_equal(fake.puts, 1);
	assert_int_equal(fake.let_go, 0);
	assert_int_equal(steer.puts, 1);
}

static void sixteen_that_wait_are_all_kept(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 16; i++)
		start(1000 + i, STEER_ANYWHERE);
	for (unsigned n = 0; n < 3; n++) {
		for (uint32_t i = 1; i <= 16; i++)
			act(1000 + i, OFTEN, OFTEN * 20000);
		look();
	}
	assert_int_equal(fake.puts, 16);
}

static void who_hardly_faults_is_not_moved(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	act_and_look(5, 30, LOOK_NS, 10); /* 600 a second */
	assert_int_equal(fake.puts, 0);
}

static void who_computes_beside_others_is_not_moved(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	start(6, STEER_ANYWHERE);
	for (unsigned n = 0; n < 5; n++) {
		act(5, OFTEN, LOOK_NS); /* 500 us of computing a fault */
		act(6, OFTEN, OFTEN * 20000);
		look();
	}
	assert_int_equal(place_of(5), STEER_ANYWHERE);
	assert_int_equal(place_of(6), STEER_HOME);
}

/* There is nobody whose processor it would take. */
static void who_computes_and_is_alone_is_kept(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	act_and_look(5, OFTEN, LOOK_NS, 5);
	assert_int_equal(place_of(5), STEER_HOME);
}

static void who_is_placed_by_others_stays_there(void **state)
{
	(void)state;
	start(5, STEER_PLACED);
	act_and_look(5, OFTEN, 0, 50);
	assert_int_equal(place_of(5), STEER_PLACED);
	assert_int_equal(fake.puts, 0);
}

static void what_cannot_be_placed_is_tried_again(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	fake.cannot_put = true;
	act_and_look(5, OFTEN, 0, 5);
	assert_int_equal(steer.puts, 0);
	assert_int_equal(steer.put_count, 0);
	fake.cannot_put = false;
	act_and_look(5, OFTEN, 0, 1);
	assert_int_equal(place_of(5), STEER_HOME);
}

/* ---- who is let go ---- */

static void who_does_not_fault_any_more_is_let_go(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	act_and_look(5, OFTEN, 0, 2);
	act_and_look(5, 0, LOOK_NS, 3);
	assert_int_equal(place_of(5), STEER_HOME); /* a short rest is none */
	act_and_look(5, 0, LOOK_NS, 1);
	assert_int_equal(place_of(5), STEER_ANYWHERE);
	look();
	assert_int_equal(steer.count, 0);
}

static void who_begins_to_compute_beside_others_is_let_go(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	start(6, STEER_ANYWHERE);
	for (unsigned n = 0; n < 8; n++) {
		act(5, OFTEN, n < 4 ? 0 : LOOK_NS);
		act(6, OFTEN, 0);
		look();
		assert_int_equal(place_of(5) == STEER_HOME, n >= 1 && n < 4);
	}
	/* and left alone for a second, whatever it does */
	for (unsigned n = 0; n < 15; n++) {
		act(5, OFTEN, 0);
		act(6, OFTEN, 0);
		look();
		assert_int_equal(place_of(5), STEER_ANYWHERE);
	}
	assert_int_equal(place_of(6), STEER_HOME);
}

static void who_was_placed_elsewhere_meanwhile_is_not_let_go(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	act_and_look(5, OFTEN, 0, 2);
	fake.threads[index_of(5)].place = STEER_PLACED;
	act_and_look(5, 0, 0, 10);
	assert_int_equal(place_of(5), STEER_PLACED);
	assert_int_equal(fake.let_go, 0);
}

static void who_has_inherited_its_place_is_let_go(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	act_and_look(5, OFTEN, 0, 2);
	start(6, STEER_HOME); /* started by 5 */
	for (unsigned n = 0; n < 20; n++) {
		act(6, 0, LOOK_NS);
		act_and_look(5, OFTEN, 0, 1);
	}
	assert_int_equal(place_of(5), STEER_HOME);
	assert_int_equal(place_of(6), STEER_ANYWHERE);
}

/* One that its starter has left behind before anybody looked. */
static void who_has_inherited_it_from_one_that_is_gone_is_let_go(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	start(7, STEER_ANYWHERE);
	for (unsigned n = 0; n < 2; n++) {
		act(7, OFTEN, 0);
		act_and_look(5, OFTEN, 0, 1);
	}
	start(6, STEER_HOME);
	end(5);
	for (unsigned n = 0; n < 20; n++)
		act_and_look(7, OFTEN, 0, 1);
	assert_int_equal(place_of(6), STEER_ANYWHERE);
}

static void who_keeps_itself_there_is_left_alone(void **state)
{
	(void)state;
	start(4, STEER_HOME); /* as the first worker of tarn-partition */
	start(5, STEER_ANYWHERE);
	for (unsigned n = 0; n < 10; n++) {
		act(4, OFTEN, 0);
		act_and_look(5, OFTEN, 0, 1);
	}
	for (unsigned n = 0; n < 10; n++)
		act_and_look(5, 0, 0, 1);
	assert_int_equal(place_of(4), STEER_HOME);
	assert_int_equal(place_of(5), STEER_ANYWHERE);
}

static void who_is_gone_is_forgotten(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	act_and_look(5, OFTEN, 0, 2);
	end(5);
	look();
	assert_int_equal(steer.count, 0);
	assert_int_equal(steer.put_count, 0);
	for (unsigned i = 0; i < OFTEN; i++)
		steer_count(&steer,
			    99); /* a thread of somebody else: never one of the process */
	look();
	look();
	assert_int_equal(steer.count, 0);
}

static void nobody_is_looked_at_while_nobody_faults(void **state)
{
	(void)state;
	start(5, STEER_ANYWHERE);
	act_and_look(5, OFTEN, 0, 1);
	look();
	assert_int_equal(steer.count, 0);
	fake.asked = 0;
	look();
	assert_int_equal(fake.asked, 0);
}

/* ---- any ---- */

static void counts_hold(void)
{
	unsigned put = 0;

	assert_true(steer.count <= STEER_THREADS);
	for (unsigned i = 0; i < steer.count; i++) {
		put += steer.threads[i].is_put;
		assert_false(steer.threads[i].is_put && steer.threads[i].is_own);
	}
	assert_int_equal(steer.put_count, put);
}

static void any_threads_are_let_go_in_the_end(void **state)
{
	struct hv_rng rng = { .state = 11 };

	(void)state;
	for (unsigned step = 0; step < 4000; step++) {
		uint32_t thread = 1 + (uint32_t)hv_rng_below(&rng, 90);
		bool is_there = index_of(thread) < MANY;

		if (!is_there)
			start(thread,
			      hv_rng_below(&rng, 8) == 0 ? STEER_PLACED : STEER_ANYWHERE);
		else if (hv_rng_below(&rng, 20) == 0)
			end(thread);
		else
			act(thread, (unsigned)hv_rng_below(&rng, 3 * OFTEN),
			    hv_rng_below(&rng, LOOK_NS));
		if (hv_rng_below(&rng, 5) == 0)
			look();
		counts_hold();
	}
	for (unsigned n = 0; n < 30; n++)
		look();
	counts_hold();
	for (unsigned i = 0; i < MANY; i++)
		if (fake.threads[i].thread != 0)
			assert_int_not_equal(fake.threads[i].place, STEER_HOME);
}

/* ---- the operating system ---- */

static sem_t go_on, end_it;

static void *wait_to_end(void *arg)
{
	*(uint32_t *)arg = (uint32_t)hv_thread_id();
	(void)sem_post(&go_on);
	(void)sem_wait(&end_it);
	return NULL;
}

static void linux_threads_are_found_and_placed(void **state)
{
	uint32_t ids[STEER_THREADS], thread = 0;
	unsigned count, found = 0;
	cpu_set_t anywhere;
	uint64_t run_ns = 0;
	pthread_t handle;
	int home = 0;

	(void)state;
	CPU_ZERO(&anywhere);
	assert_int_equal(sched_getaffinity(0, sizeof(anywhere), &anywhere), 0);
	while (!CPU_ISSET((unsigned)home, &anywhere))
		home++;
	assert_int_equal(sem_init(&go_on, 0, 0), 0);
	assert_int_equal(sem_init(&end_it, 0, 0), 0);
	assert_int_equal(pthread_create(&handle, NULL, wait_to_end, &thread), 0);
	assert_int_equal(sem_wait(&go_on), 0);
	count = steer_linux.threads(&anywhere, getpid(), ids, HV_COUNT(ids));
	for (unsigned i = 0; i < count; i++)
		found += ids[i] == thread || ids[i] == (uint32_t)getpid();
	assert_int_equal(found, 2);
	assert_int_equal(steer_linux.threads(&anywhere, getpid(), ids, 1), 1);
	assert_true(steer_linux.run_ns(&anywhere, getpid(), thread, &run_ns));
	assert_true(run_ns > 0);
	assert_false(
		steer_linux.run_ns(&anywhere, 1, thread, &run_ns)); /* not of that one */
	if (CPU_COUNT(&anywhere) > 1)
		assert_int_equal(steer_linux.place(&anywhere, thread, home),
				 STEER_ANYWHERE);
	assert_true(steer_linux.put(&anywhere, thread, home));
	if (CPU_COUNT(&anywhere) > 1) {
		assert_int_equal(steer_linux.place(&anywhere, thread, home), STEER_HOME);
		assert_int_equal(steer_linux.place(&anywhere, thread, home + 1),
				 STEER_PLACED);
	}
	assert_true(steer_linux.put(&anywhere, thread, -1));
	(void)sem_post(&end_it);
	assert_int_equal(pthread_join(handle, NULL), 0);
	assert_int_equal(steer_linux.threads(&anywhere, -1, ids, HV_COUNT(ids)), 0);
	assert_int_equal(steer_linux.place(&anywhere, 0x7ffffff0, home), STEER_GONE);
	assert_false(steer_linux.put(&anywhere, 0x7ffffff0, home));
	(void)sem_destroy(&go_on);
	(void)sem_destroy(&end_it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, begin)
		TEST(who_waits_for_pages_is_kept_to_its_home),
		TEST(sixteen_that_wait_are_all_kept),
		TEST(who_hardly_faults_is_not_moved),
		TEST(who_computes_beside_others_is_not_moved),
		TEST(who_computes_and_is_alone_is_kept),
		TEST(who_is_placed_by_others_stays_there),
		TEST(what_cannot_be_placed_is_tried_again),
		TEST(who_does_not_fault_any_more_is_let_go),
		TEST(who_begins_to_compute_beside_others_is_let_go),
		TEST(who_was_placed_elsewhere_meanwhile_is_not_let_go),
		TEST(who_has_inherited_its_place_is_let_go),
		TEST(who_has_inherited_it_from_one_that_is_gone_is_let_go),
		TEST(who_keeps_itself_there_is_left_alone),
		TEST(who_is_gone_is_forgotten),
		TEST(nobody_is_looked_at_while_nobody_faults),
		TEST(any_threads_are_let_go_in_the_end),
		TEST(linux_threads_are_found_and_placed),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
