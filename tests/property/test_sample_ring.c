/*
 * Property: whatever is put into rings of whatever size, by a clock that may be set
 * back, with restarts in between, the store finds what a plain list does from which
 * the oldest were taken out; and no ring is larger than it may be. HV_SEED repeats a
 * run.
 */
#include "coordinator/store/store.h"
#include "hvcore/base/rng.h"
#include "tests/support/seed.h"
#include "tests/support/tmpdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 12u
#define STEPS 60u
#define BATCH_MAX 4u
#define HOSTS 3u
#define VALUE_MAX 600u
#define OVERHEAD 64u /* of an entry, as the store counts it */
#define MODEL_MAX (STEPS * BATCH_MAX)

struct entry {
	struct journal_place place;
	uint64_t serial; /* its content */
	size_t count;
};

struct ring {
	struct entry entries[MODEL_MAX]; /* by place */
	size_t count;
	uint64_t bytes;
};

static struct run {
	struct hv_rng rng;
	struct test_tmpdir dir;
	struct store_config config;
	struct store *store;
	struct cluster cluster;
	struct ring rings[HOSTS];
	uint64_t wall_ms, serial;
} run;

static uint64_t below(uint64_t n)
{
	return hv_rng_below(&run.rng, n);
}

static void open_store(void)
{
	struct hv_err err = { 0 };

	if (store_open(&run.config, &run.store, &err) != HV_OK)
		fail_msg("%s", err.text);
}

static int compare(const struct journal_place *a, const struct journal_place *b)
{
	if (a->wall_ms != b->wall_ms)
		return a->wall_ms < b->wall_ms ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static void model_remove(struct ring *ring, size_t at)
{
	ring->bytes -= ring->entries[at].count + OVERHEAD;
	ring->count--;
	memmove(&ring->entries[at], &ring->entries[at + 1],
		(ring->count - at) * sizeof(ring->entries[0]));
}

static void model_put(struct ring *ring, const struct journal_sample *sample,
		      uint64_t serial)
{
	struct entry entry = {
		.place = { sample->wall_ms, (uint64_t)sample->event << 32 },
		.serial = serial,
		.count = sample->count,
	};
	size_t at = 0;

	for (size_t i = 0; i < ring->count; i++)
		if (ring->entries[i].place.wall_ms == sample->wall_ms &&
		    ring->entries[i].place.number >> 32 == sample->event)
			entry.place.number = ring->entries[i].place.number + 1;
	while (at < ring->count && compare(&ring->entries[at].place, &entry.place) < 0)
		at++;
	assert_true(ring->count < MODEL_MAX);
	memmove(&ring->entries[at + 1], &ring->entries[at],
		(ring->count - at) * sizeof(entry));
	ring->entries[at] = entry;
	ring->count++;
	ring->bytes += entry.count + OVERHEAD;
	while (ring->count > run.config.samples_max ||
	       ring->bytes > run.config.sample_bytes)
		model_remove(ring, 0);
}

static void host_name(size_t which, char name[HV_NAME_BYTES])
{
	(void)snprintf(name, HV_NAME_BYTES, "h%zu", which);
}

/* Time stands still, goes on, jumps, or is set back. */
static void move_clock(void)
{
	switch (below(6)) {
	case 0:
		break;
	case 1:
		run.wall_ms -= below(20000);
		break;
	case 2:
		run.wall_ms += 100000;
		break;
	default:
		run.wall_ms += below(3000);
		break;
	}
}

static void step_put(void)
{
	struct journal_sample samples[BATCH_MAX] = { 0 };
	uint8_t bytes[BATCH_MAX][VALUE_MAX];
	size_t count = 1 + below(BATCH_MAX), which[BATCH_MAX];
	struct journal *journal = store_journal(run.store);
	struct journal_batch batch = { .cluster = &run.cluster, .samples = samples };

	move_clock();
	for (size_t i = 0; i < count; i++) {
		which[i] = below(HOSTS);
		host_name(which[i], samples[i].host);
		samples[i].wall_ms = run.wall_ms + below(2);
		samples[i].event = (Tarn__UtilizationEvent)(1 + below(3));
		samples[i].bytes = bytes[i];
		samples[i].count = sizeof(run.serial) + below(VALUE_MAX - 8);
		memset(bytes[i], 'x', sizeof(bytes[i]));
		run.serial++;
		memcpy(bytes[i], &run.serial, sizeof(run.serial));
	}
	batch.sample_count = count;
	assert_int_equal(journal->commit(journal, &batch, NULL), HV_OK);
	for (size_t i = 0; i < count; i++)
		model_put(&run.rings[which[i]], &samples[i], run.serial - count + 1 + i);
}

static const struct entry *model_find(const struct ring *ring,
				      const struct journal_search *search)
{
	const struct entry *best = NULL;

	for (size_t i = 0; i < ring->count; i++) {
		const struct entry *entry = &ring->entries[i];
		int to = compare(&entry->place, &search->place);

		if ((search->events & 1u << (entry->place.number >> 32)) == 0)
			continue;
		if (!search->is_forward && to < 0)
			best = entry;
		if (search->is_forward && to >= 0)
			return entry;
	}
	return best;
}

static void check_search(const struct ring *ring, const struct journal_search *search)
{
	struct journal *journal = store_journal(run.store);
	const struct entry *expected = model_find(ring, search);
	struct journal_place place;
	uint64_t serial;
	uint8_t *bytes;
	size_t count;
	enum hv_code code = journal->find_sample(journal, search, &place, &bytes, &count,
						 NULL);

	if (expected == NULL) {
		assert_int_equal(code, HV_E_NOTFOUND);
		return;
	}
	assert_int_equal(code, HV_OK);
	memcpy(&serial, bytes, sizeof(serial));
	assert_int_equal(serial, expected->serial);
	assert_int_equal(count, expected->count);
	assert_int_equal(compare(&place, &expected->place), 0);
	free(bytes);
}

static void step_find(void)
{
	size_t which = below(HOSTS);
	char name[HV_NAME_BYTES];
	struct journal_search search = {
		.host = name,
		.place = { run.wall_ms - below(50000), below(4) << 32 | below(3) },
		.is_forward = below(2) == 0,
		.events = (uint32_t)below(16),
	};

	host_name(which, name);
	if (below(4) == 0)
		search.place.wall_ms = below(2) == 0 ? 0 : UINT64_MAX;
	check_search(&run.rings[which], &search);
}

/* The whole ring, newest first. */
static void check_ring(size_t which)
{
	const struct ring *ring = &run.rings[which];
	char name[HV_NAME_BYTES];
	struct journal_search search = {
		.host = name,
		.place = { UINT64_MAX, UINT64_MAX },
		.events = UINT32_MAX,
	};

	host_name(which, name);
	assert_true(ring->count <= run.config.samples_max);
	assert_true(ring->bytes <= run.config.sample_bytes);
	for (size_t i = ring->count; i > 0; i--) {
		check_search(ring, &search);
		search.place = ring->entries[i - 1].place;
	}
	check_search(ring, &search);
}

static void do_round(void)
{
	memset(run.rings, 0, sizeof(run.rings));
	test_tmpdir_make(&run.dir);
	run.config = (struct store_config){
		.directory = run.dir.path,
		.samples_max = 1 + below(30),
		.sample_bytes = 1000 + below(8000),
	};
	open_store();
	for (unsigned i = 0; i < STEPS; i++) {
		step_put();
		step_find();
		step_find();
		if (below(10) != 0)
			continue;
		store_close(run.store);
		open_store();
	}
	for (size_t i = 0; i < HOSTS; i++)
		check_ring(i);
	store_close(run.store);
	test_tmpdir_remove(&run.dir);
}

static void a_ring_has_what_was_put_in_last(void **state)
{
	(void)state;
	run.rng = (struct hv_rng){ test_seed() };
	run.wall_ms = 1700000000000;
	cluster_init(&run.cluster);
	for (unsigned i = 0; i < ROUNDS; i++)
		do_round();
	cluster_fini(&run.cluster);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_has_what_was_put_in_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
