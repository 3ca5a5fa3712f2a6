/* Faults put into the I/O of a lane, by a clock and seeds that the test sets. */
#include "tests/support/fake_io.h"
#include "tests/support/inject.h"
#include "tests/support/oom.h"
#include "vios/inject_io.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/base/log.h"
#include "hvcore/base/thread.h"

#define MS UINT64_C(1000000)
#define FULL (4 * HV_PAGE_BYTES) /* of most requests here */
#define KEY 77
#define RANDOM 4711
#define FAR_MS 50 /* a lane's wait */

struct world {
	uint64_t now_ns;
	struct vios_inject_env env;
	struct vios_inject inject;
	struct hv_window_head counts;
	struct fake_io fake;
	struct hv_aio *io;
	uint32_t cookie;
	uint8_t bytes[FULL];
};

static uint64_t now_ns(void *arg)
{
	return ((struct world *)arg)->now_ns;
}

static uint64_t a_seed(void *arg)
{
	(void)arg;
	return RANDOM;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->now_ns = 1000 * MS;
	world->env = (struct vios_inject_env){ now_ns, a_seed, world };
	vios_inject_init(&world->inject, &world->env);
	vios_inject_show(&world->inject, &world->counts);
	fake_io_init(&world->fake);
	assert_int_equal(
		vios_inject_io_open(&world->inject, 0, &world->fake.io, &world->io, NULL),
		HV_OK);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	world->io->ops->close(world->io);
	assert_true(world->fake.is_closed);
	free(world);
	return 0;
}

static struct hv_injection of(enum hv_injection_kind kind, enum hv_injection_op op,
			      uint32_t ppm)
{
	struct hv_injection injection = test_injection(kind, op);

	injection.rate_ppm = ppm;
	injection.time_ms = 10000;
	if (kind == HV_INJECTION_DELAY)
		injection.delay_ms = 5;
	return injection;
}

static void turn(struct world *world)
{
	assert_int_equal(world->io->ops->wait(world->io, FAR_MS, NULL), HV_OK);
}

static void add_keyed(struct world *world, const struct hv_injection *injection,
		      uint64_t key)
{
	struct vios_injection started;

	assert_int_equal(vios_inject_add(&world->inject, injection, key, &started, NULL),
			 HV_OK);
	turn(world); /* the lane has seen it */
}

static void add(struct world *world, const struct hv_injection *injection)
{
	add_keyed(world, injection, 0);
}

static uint32_t queue_of(struct world *world, enum hv_aio_kind kind, uint64_t owner)
{
	struct hv_aio_op op = {
		.kind = kind,
		.at = world->bytes,
		.bytes = sizeof(world->bytes),
		.cookie = world->cookie++ % HV_RING_SIZE,
		.owner = owner,
	};

	world->io->ops->queue(world->io, &op);
	return op.cookie;
}

static uint32_t queue(struct world *world, enum hv_aio_kind kind)
{
	return queue_of(world, kind, KEY);
}

static void expect(struct world *world, uint32_t cookie, int result)
{
	struct hv_aio_done done;

	assert_true(world->io->ops->next(world->io, &done));
	assert_int_equal(done.cookie, cookie);
	assert_int_equal(done.result, result);
}

static void expect_nothing(struct world *world)
{
	struct hv_aio_done done;

	assert_false(world->io->ops->next(world->io, &done));
}

static void pass(struct world *world, enum hv_aio_kind kind)
{
	uint32_t cookie = queue(world, kind);

	turn(world);
	assert_int_equal(world->fake.queued_count, 1);
	assert_int_equal(world->fake.queued[0].bytes, FULL);
	fake_io_finish(&world->fake, 0, FULL);
	turn(world);
	expect(world, cookie, FULL);
	expect_nothing(world);
}

static void without_one_nothing_is_changed(void **state)
{
	struct world *world = *state;

	pass(world, HV_AIO_READ);
	pass(world, HV_AIO_WRITE);
	pass(world, HV_AIO_SYNC);
	assert_int_equal(world->fake.last_timeout_ms, FAR_MS);
	for (size_t i = 0; i < sizeof(world->bytes); i++)
		assert_int_equal(world->bytes[i], 0);
}

static void an_error_never_reaches_the_device(void **state)
{
	struct world *world = *state;
	struct hv_injection error = of(HV_INJECTION_ERROR, HV_INJECTION_READ,
				       HV_INJECTION_ALL);
	uint32_t cookie;

	add(world, &error);
	cookie = queue(world, HV_AIO_READ);
	turn(world);
	assert_int_equal(world->fake.queued_count, 0);
	assert_int_equal(world->fake.last_timeout_ms, 0); /* its answer is there */
	expect(world, cookie, -EIO);
	expect_nothing(world);
	pass(world, HV_AIO_WRITE); /* of the other operation */
	pass(world, HV_AIO_SYNC);
	assert_int_equal(world->counts.injected[HV_INJECTION_ERROR], 1);
	assert_int_equal(world->counts.injecting[HV_INJECTION_ERROR], 1);
	error.op = HV_INJECTION_WRITE;
	error.error = HV_INJECTION_ENOSPC;
	add(world, &error);
	cookie = queue(world, HV_AIO_WRITE);
	expect(world, cookie, -ENOSPC);
}

/* It is of the link (link.h): what passes there or not is counted, and shown. */
static void a_cut_hits_no_request_of_a_lane(void **state)
{
	struct world *world = *state;
	struct hv_injection cut = of(HV_INJECTION_CUT, HV_INJECTION_BOTH,
				     HV_INJECTION_ALL);

	cut.direction = HV_INJECTION_THERE;
	add(world, &cut);
	pass(world, HV_AIO_READ);
	pass(world, HV_AIO_WRITE);
	assert_int_equal(world->counts.injecting[HV_INJECTION_CUT], 1);
	assert_int_equal(world->counts.injected[HV_INJECTION_CUT], 0);
	vios_inject_count(&world->inject, HV_INJECTION_CUT, 3);
	assert_int_equal(world->counts.injected[HV_INJECTION_CUT], 3);
	assert_int_equal(vios_inject_clear(&world->inject, "told to"), 1);
	vios_inject_count(&world->inject, HV_INJECTION_CUT, 1); /* of one that is over */
	assert_int_equal(world->counts.injected[HV_INJECTION_CUT], 4);
}

static void a_delay_is_waited_for_and_no_longer(void **state)
{
	struct world *world = *state;
	struct hv_injection delay = of(HV_INJECTION_DELAY, HV_INJECTION_BOTH,
				       HV_INJECTION_ALL);
	uint32_t cookie;

	add(world, &delay);
	cookie = queue(world, HV_AIO_READ);
	turn(world);
	assert_int_equal(world->fake.queued_count, 0);
	assert_in_range(world->fake.last_timeout_ms, 5, 6);
	world->now_ns += 4 * MS;
	turn(world);
	assert_int_equal(world->fake.queued_count, 0);
	world->now_ns += 1 * MS;
	turn(world);
	assert_int_equal(world->fake.queued_count, 1);
	assert_int_equal(world->fake.last_timeout_ms, FAR_MS);
	fake_io_finish(&world->fake, 0, FULL);
	expect(world, cookie, FULL);
}

static void what_hangs_is_done_late_when_it_is_over(void **state)
{
	struct world *world = *state;
	struct hv_injection hang = of(HV_INJECTION_HANG, HV_INJECTION_WRITE,
				      HV_INJECTION_ALL);
	uint32_t first, second;

	add(world, &hang);
	first = queue(world, HV_AIO_WRITE);
	second = queue(world, HV_AIO_WRITE);
	world->now_ns += 9999 * MS;
	turn(world);
	assert_int_equal(world->fake.queued_count, 0);
	world->now_ns += 1 * MS;
	turn(world);
	assert_int_equal(world->fake.queued_count, 2); /* a late write, as it was asked */
	fake_io_finish(&world->fake, 1, FULL);
	fake_io_finish(&world->fake, 0, FULL);
	expect(world, second, FULL);
	expect(world, first, FULL);
	vios_inject_look(&world->inject);
	assert_int_equal(world->counts.injecting[HV_INJECTION_HANG], 0);
	pass(world, HV_AIO_WRITE);
}

static void clearing_lets_go_what_is_kept(void **state)
{
	struct world *world = *state;
	struct hv_injection hang = of(HV_INJECTION_HANG, HV_INJECTION_BOTH,
				      HV_INJECTION_ALL);

	add(world, &hang);
	(void)queue(world, HV_AIO_READ);
	turn(world);
	assert_int_equal(world->fake.queued_count, 0);
	assert_int_equal(vios_inject_clear(&world->inject, "test"), 1);
	assert_int_equal(vios_inject_clear(&world->inject, "test"), 0);
	turn(world);
	assert_int_equal(world->fake.queued_count, 1);
	fake_io_finish(&world->fake, 0, FULL);
	expect(world, 0, FULL);
	pass(world, HV_AIO_READ);
}

static unsigned changed_pages(const struct world *world)
{
	unsigned count = 0;

	for (size_t page = 0; page < sizeof(world->bytes); page += HV_PAGE_BYTES) {
		unsigned bytes = 0;

		for (size_t i = 0; i < HV_PAGE_BYTES; i++)
			bytes += world->bytes[page + i] != 0;
		assert_true(bytes <= 1); /* one byte of a page */
		count += bytes;
	}
	return count;
}

static void what_is_read_is_corrupted_after_the_device(void **state)
{
	struct world *world = *state;
	struct hv_injection corrupt = of(HV_INJECTION_CORRUPT, HV_INJECTION_READ,
					 HV_INJECTION_ALL);
	uint32_t cookie;

	add(world, &corrupt);
	cookie = queue(world, HV_AIO_READ);
	turn(world);
	assert_int_equal(changed_pages(world), 0);
	fake_io_finish(&world->fake, 0, 2 * HV_PAGE_BYTES + 1); /* short */
	expect(world, cookie, 2 * HV_PAGE_BYTES + 1);
	assert_int_equal(changed_pages(world), 2); /* only what was read */
	assert_int_equal(world->counts.injected[HV_INJECTION_CORRUPT], 2);
	cookie = queue(world, HV_AIO_READ);
	turn(world);
	fake_io_finish(&world->fake, 0, -EIO);
	expect(world, cookie, -EIO);
	assert_int_equal(world->counts.injected[HV_INJECTION_CORRUPT], 2);
}

static void what_is_written_is_corrupted_on_its_way_alone(void **state)
{
	struct world *world = *state;
	struct hv_injection corrupt = of(HV_INJECTION_CORRUPT, HV_INJECTION_WRITE,
					 HV_INJECTION_ALL);
	uint32_t cookie;

	add(world, &corrupt);
	cookie = queue(world, HV_AIO_WRITE);
	turn(world);
	assert_int_equal(changed_pages(world), 4);
	fake_io_finish(&world->fake, 0, HV_PAGE_BYTES); /* short: undone as a whole */
	expect(world, cookie, HV_PAGE_BYTES);
	assert_int_equal(changed_pages(world), 0);
	assert_int_equal(world->counts.injected[HV_INJECTION_CORRUPT], 4);
}

static void a_torn_write_succeeds_and_is_there_in_part(void **state)
{
	struct world *world = *state;
	struct hv_injection torn = of(HV_INJECTION_TORN, HV_INJECTION_WRITE,
				      HV_INJECTION_ALL);
	unsigned parts = 0;

	add(world, &torn);
	for (unsigned i = 0; i < 100; i++) {
		uint32_t cookie = queue(world, HV_AIO_WRITE);

		turn(world);
		if (world->fake.queued_count > 0) {
			uint32_t part = world->fake.queued[0].bytes;

			assert_true(part < FULL && part % 512 == 0 && part > 0);
			/* every other device has larger blocks, and takes none of it */
			fake_io_finish(&world->fake, 0, i % 2 == 0 ? (int)part : -EINVAL);
			parts++;
		}
		expect(world, cookie, FULL);
	}
	assert_true(parts > 80);
	pass(world, HV_AIO_READ);
	assert_int_equal(world->counts.injected[HV_INJECTION_TORN], 100);
	(void)queue(world, HV_AIO_WRITE);
	fake_io_finish(&world->fake, 0, -ENOSPC); /* the device's own error is told */
	expect(world, 100 + 1, -ENOSPC);
}

/* How many of 10,000 reads are hit; a bit string of the first 64. */
static unsigned hits_of(struct world *world, const struct hv_injection *injection,
			uint64_t *ret_first)
{
	unsigned count = 0;

	*ret_first = 0;
	add(world, injection);
	for (unsigned i = 0; i < 10000; i++) {
		uint32_t cookie = queue(world, HV_AIO_READ);
		bool is_hit = world->fake.queued_count == 0;

		if (is_hit && i < 64)
			*ret_first |= UINT64_C(1) << i;
		count += is_hit;
		if (!is_hit)
			fake_io_finish(&world->fake, 0, FULL);
		expect(world, cookie, is_hit ? -EIO : (int)FULL);
	}
	assert_int_equal(vios_inject_clear(&world->inject, "test"), 1);
	return count;
}

static void a_rate_is_kept_and_a_seed_repeats_it(void **state)
{
	struct world *world = *state;
	struct hv_injection some = of(HV_INJECTION_ERROR, HV_INJECTION_READ, 100000);
	uint64_t first, again, other;

	assert_in_range(hits_of(world, &some, &first), 900, 1100);
	assert_in_range(hits_of(world, &some, &again), 900, 1100);
	assert_int_equal(first, again);
	some.seed = 10;
	(void)hits_of(world, &some, &other);
	assert_true(other != first);
	some.rate_ppm = 100; /* 1 in 10,000 */
	assert_in_range(hits_of(world, &some, &first), 0, 6);
}

static void it_ends_by_itself_whoever_looks(void **state)
{
	struct world *world = *state;
	struct hv_injection error = of(HV_INJECTION_ERROR, HV_INJECTION_BOTH,
				       HV_INJECTION_ALL);

	error.time_ms = 1;
	add(world, &error);
	world->now_ns += MS - 1;
	expect(world, queue(world, HV_AIO_READ), -EIO);
	world->now_ns += 1;
	pass(world, HV_AIO_READ); /* the main thread has not looked yet */
	vios_inject_look(&world->inject);
	assert_int_equal(world->counts.injecting[HV_INJECTION_ERROR], 0);
	pass(world, HV_AIO_READ);
}

static void only_its_device_is_hit(void **state)
{
	struct world *world = *state;
	struct hv_injection error = of(HV_INJECTION_ERROR, HV_INJECTION_BOTH,
				       HV_INJECTION_ALL);

	add_keyed(world, &error, KEY + 1);
	pass(world, HV_AIO_READ);
	expect(world, queue_of(world, HV_AIO_READ, KEY + 1), -EIO);
}

static void several_meet_in_one_request(void **state)
{
	struct world *world = *state;
	struct hv_injection delay = of(HV_INJECTION_DELAY, HV_INJECTION_BOTH,
				       HV_INJECTION_ALL);
	struct hv_injection error = of(HV_INJECTION_ERROR, HV_INJECTION_READ,
				       HV_INJECTION_ALL);
	struct hv_injection torn = of(HV_INJECTION_TORN, HV_INJECTION_WRITE,
				      HV_INJECTION_ALL);
	uint32_t read, write;

	add(world, &delay);
	add(world, &error);
	add(world, &torn);
	read = queue(world, HV_AIO_READ);
	write = queue(world, HV_AIO_WRITE);
	turn(world);
	expect_nothing(world);
	world->now_ns += 5 * MS;
	turn(world);
	expect(world, read, -EIO); /* late, and an error */
	assert_int_equal(world->fake.queued_count, 1);
	assert_true(world->fake.queued[0].bytes < FULL);
	fake_io_finish(&world->fake, 0, (int)world->fake.queued[0].bytes);
	expect(world, write, FULL);
}

static void a_fixed_number_is_in_force_at_once(void **state)
{
	struct world *world = *state;
	struct hv_injection delay = of(HV_INJECTION_DELAY, HV_INJECTION_BOTH, 1);
	struct vios_injection started;
	struct hv_err err;

	for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++) {
		delay.time_ms = 1000 + i;
		add(world, &delay);
	}
	assert_int_equal(vios_inject_add(&world->inject, &delay, 0, &started, &err),
			 HV_E_LIMIT);
	assert_non_null(strstr(err.text, "8 faults"));
	assert_non_null(strstr(err.text, "1001 ms"));
	world->now_ns += 1000 * MS; /* the first one ends, and makes room */
	delay.seed = 0;
	assert_int_equal(vios_inject_add(&world->inject, &delay, 0, &started, &err),
			 HV_OK);
	assert_int_equal(started.seed, RANDOM);
	assert_int_equal(started.number, HV_INJECTIONS_MAX + 1);
	assert_int_equal(world->counts.injecting[HV_INJECTION_DELAY], HV_INJECTIONS_MAX);
}

/* Its slot is another one's when its read comes back: that one has no hit of it. */
static void a_late_hit_is_counted_by_kind(void **state)
{
	struct world *world = *state;
	struct hv_injection corrupt = of(HV_INJECTION_CORRUPT, HV_INJECTION_READ,
					 HV_INJECTION_ALL);
	struct hv_injection hang = of(HV_INJECTION_HANG, HV_INJECTION_WRITE,
				      HV_INJECTION_ALL);

	add(world, &corrupt);
	(void)queue(world, HV_AIO_READ);
	assert_int_equal(vios_inject_clear(&world->inject, "test"), 1);
	add(world, &hang);
	fake_io_finish(&world->fake, 0, FULL);
	expect(world, 0, FULL);
	assert_int_equal(world->counts.injected[HV_INJECTION_CORRUPT], 4);
	assert_int_equal(world->counts.injected[HV_INJECTION_HANG], 0);
	assert_int_equal(atomic_load(&world->inject.hits[0]), 0);
}

#define CHANGES 2000
#define VIEWS 1000

struct race {
	struct vios_inject *inject;
	_Atomic bool is_over;
	_Atomic unsigned views;
	unsigned torn; /* the reader's */
};

static void *read_on(void *arg)
{
	struct race *race = arg;
	struct vios_inject_view view = { 0 };

	while (!atomic_load(&race->is_over)) {
		if (!vios_inject_read(race->inject, &view))
			continue;
		atomic_fetch_add(&race->views, 1);
		for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++)
			race->torn += view.slots[i].end_ns != 0 &&
				      view.slots[i].delay_ms != view.slots[i].seed;
	}
	return NULL;
}

/* A lane reads while the main thread writes: all of it, or nothing. */
static void a_view_is_whole_while_the_list_changes(void **state)
{
	struct world *world = *state;
	struct race race = { .inject = &world->inject };
	struct hv_injection delay = of(HV_INJECTION_DELAY, HV_INJECTION_BOTH, 1);
	struct vios_injection started;
	pthread_t reader;

	hv_log_open("test", HV_LOG_ERROR); /* each change is a line */
	assert_int_equal(hv_thread_start(&reader, read_on, &race, NULL), HV_OK);
	for (uint32_t n = 1; n <= CHANGES || atomic_load(&race.views) < VIEWS; n++) {
		delay.delay_ms = n % HV_INJECTION_DELAY_MAX_MS + 1;
		delay.seed = delay.delay_ms;
		assert_int_equal(
			vios_inject_add(&world->inject, &delay, 0, &started, NULL),
			HV_OK);
		if (n % HV_INJECTIONS_MAX == 0)
			(void)vios_inject_clear(&world->inject, "test");
	}
	atomic_store(&race.is_over, true);
	(void)pthread_join(reader, NULL);
	assert_int_equal(race.torn, 0);
	turn(world); /* and the lane's own copy is the last one */
}

static void without_memory_the_io_stays_its_owners(void **state)
{
	struct world *world = *state;
	struct hv_aio *io = NULL;

	oom_arm(1);
	assert_int_equal(
		vios_inject_io_open(&world->inject, 0, &world->fake.io, &io, NULL),
		HV_E_NOMEM);
	assert_true(oom_disarm());
	assert_null(io);
	assert_false(world->fake.is_closed);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(without_one_nothing_is_changed),
		WITH_WORLD(an_error_never_reaches_the_device),
		WITH_WORLD(a_cut_hits_no_request_of_a_lane),
		WITH_WORLD(a_delay_is_waited_for_and_no_longer),
		WITH_WORLD(what_hangs_is_done_late_when_it_is_over),
		WITH_WORLD(clearing_lets_go_what_is_kept),
		WITH_WORLD(what_is_read_is_corrupted_after_the_device),
		WITH_WORLD(what_is_written_is_corrupted_on_its_way_alone),
		WITH_WORLD(a_torn_write_succeeds_and_is_there_in_part),
		WITH_WORLD(a_rate_is_kept_and_a_seed_repeats_it),
		WITH_WORLD(it_ends_by_itself_whoever_looks),
		WITH_WORLD(only_its_device_is_hit),
		WITH_WORLD(several_meet_in_one_request),
		WITH_WORLD(a_fixed_number_is_in_force_at_once),
		WITH_WORLD(a_late_hit_is_counted_by_kind),
		WITH_WORLD(a_view_is_whole_while_the_list_changes),
		WITH_WORLD(without_memory_the_io_stays_its_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
