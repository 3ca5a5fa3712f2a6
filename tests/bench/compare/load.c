/* load - see load.h. */
#include "tests/bench/compare/load.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "agent/partition/content.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"

#define SAMPLES 131072 /* of a thread and an order; those after it are not looked at */
#define KEY UINT64_C(0x6265)

struct load_shared {
	uint32_t samples[LOAD_THREADS * SAMPLES];
	uint32_t versions[];
};

struct toucher {
	struct load_memory *memory;
	const struct load_order *order;
	struct pattern *pattern;
	uint32_t *samples;
	uint64_t start_ns, touches, waited, waiting_ns, longest_ns, bad;
	pthread_t thread;
};

static size_t shared_bytes(uint64_t pages)
{
	return sizeof(struct load_shared) + pages * sizeof(uint32_t);
}

struct load_shared *load_share(uint64_t pages)
{
	void *at = mmap(NULL, shared_bytes(pages), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

void load_unshare(struct load_shared *shared, uint64_t pages)
{
	if (shared != NULL)
		(void)munmap(shared, shared_bytes(pages));
}

/* What the page holds where half of it is to compress: one word again and again. */
static void write_half(uint64_t *page, const struct partition_content *content)
{
	partition_content_write(page, content);
	for (unsigned i = PARTITION_PAGE_WORDS / 2; i < PARTITION_PAGE_WORDS; i++)
		page[i] = content->page;
}

static bool is_half_right(const void *page, const struct partition_content *content)
{
	uint64_t expected[PARTITION_PAGE_WORDS] = { 0 };

	if (content->version != 0)
		write_half(expected, content);
	return memcmp(page, expected, sizeof(expected)) == 0;
}

static bool is_right(const struct load_order *order, const void *page,
		     const struct partition_content *content)
{
	struct partition_finding finding;

	return order->is_half ? is_half_right(page, content)
			      : partition_content_check(page, content, &finding);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Gives when it was over: no second look at the clock. */
static uint64_t touch(struct toucher *toucher, uint64_t page)
{
	volatile uint64_t *at = (volatile uint64_t *)(void *)(toucher->memory->base +
							      page * HV_PAGE_BYTES);
	uint32_t *version = &toucher->memory->shared->versions[page];
	struct partition_content content = { KEY, page, *version };
	uint64_t start_ns = hv_clock_ns();
	uint64_t end_ns;

	/* the word that it has: what it holds does not change, but it is a store */
	if (toucher->order->is_write)
		at[0] = *version == 0 ? 0 : KEY;
	else
		(void)at[0];
	end_ns = hv_clock_ns();
	if (end_ns - start_ns >= toucher->order->waited_ns) {
		if (toucher->waited < SAMPLES)
			toucher->samples[toucher->waited] =
				(uint32_t)smaller(end_ns - start_ns, UINT32_MAX);
		toucher->waited++;
		toucher->waiting_ns += end_ns - start_ns;
		if (toucher->longest_ns < end_ns - start_ns)
			toucher->longest_ns = end_ns - start_ns;
	}
	if (!is_right(toucher->order, (const void *)(uintptr_t)at, &content))
		toucher->bad++;
	if (toucher->order->is_write) {
		content.version = ++*version;
		if (toucher->order->is_half)
			write_half((void *)(uintptr_t)at, &content);
		else
			partition_content_write((void *)(uintptr_t)at, &content);
	}
	return end_ns;
}

static void *toucher_main(void *arg)
{
	struct toucher *toucher = arg;
	const struct load_order *order = toucher->order;
	uint64_t now_ns = 0;

	while ((order->touches == 0 || toucher->touches < order->touches) &&
	       (order->ns == 0 || now_ns < toucher->start_ns + order->ns)) {
		now_ns = touch(toucher, pattern_next(toucher->pattern));
		toucher->touches++;
	}
	return NULL;
}

static void place(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (cpu < 0 || i == cpu)
			CPU_SET((unsigned)i, &cpus);
	(void)sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* Patterns go on, so that what is resident after an order is what the next one expects. */
static void ready_patterns(struct load_memory *memory, const struct load_order *order)
{
	uint64_t each = memory->pages / order->threads;

	if (memory->threads == order->threads &&
	    memory->patterns[0].kind == order->pattern)
		return;
	for (unsigned i = 0; i < order->threads; i++)
		pattern_init(&memory->patterns[i], order->pattern, i * each, each, i + 1);
	memory->threads = order->threads;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void add_up(struct load_shared *shared, const struct toucher *touchers,
		   unsigned threads, struct load_result *result)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < threads; i++) {
		uint64_t samples = smaller(touchers[i].waited, SAMPLES);

		result->touches += touchers[i].touches;
		result->waited += touchers[i].waited;
		result->waiting_ns += touchers[i].waiting_ns;
		result->bad += touchers[i].bad;
		if (result->longest_ns < touchers[i].longest_ns)
			result->longest_ns = touchers[i].longest_ns;
		memmove(&shared->samples[count], touchers[i].samples,
			samples * sizeof(shared->samples[0]));
		count += samples;
	}
	if (count == 0)
		return;
	qsort(shared->samples, count, sizeof(shared->samples[0]), by_size);
	result->p50_ns = shared->samples[count / 2];
	result->p99_ns = shared->samples[count * 99 / 100];
}

static uint64_t cpu_ns(void)
{
	struct timespec used = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static uint64_t major_faults(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_majflt;
}

void load_run(struct load_memory *memory, const struct load_order *order,
	      struct load_result *ret_result)
{
	struct toucher touchers[LOAD_THREADS] = { 0 };
	uint64_t start_ns, faults, used_ns;

	HV_INVARIANT(order->threads > 0 && order->threads <= LOAD_THREADS);
	HV_INVARIANT(order->ns != 0 || order->touches != 0);
	*ret_result = (struct load_result){ 0 };
	ready_patterns(memory, order);
	place(order->cpu);
	faults = major_faults();
	used_ns = cpu_ns();
	start_ns = hv_clock_ns();
	for (unsigned i = 0; i < order->threads; i++) {
		touchers[i] = (struct toucher){
			.memory = memory,
			.order = order,
			.pattern = &memory->patterns[i],
			.samples = &memory->shared->samples[i * SAMPLES],
			.start_ns = start_ns,
		};
		HV_INVARIANT(pthread_create(&touchers[i].thread, NULL, toucher_main,
					    &touchers[i]) == 0);
	}
	for (unsigned i = 0; i < order->threads; i++)
		(void)pthread_join(touchers[i].thread, NULL);
	ret_result->ns = hv_clock_ns() - start_ns;
	ret_result->cpu_ns = cpu_ns() - used_ns;
	ret_result->major_faults = major_faults() - faults;
	add_up(memory->shared, touchers, order->threads, ret_result);
}
