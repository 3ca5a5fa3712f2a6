/* poison - see poison.h. */
#include "tests/support/poison.h"

#include <stdio.h>
#include <stdlib.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/hint.h"

#define WORDS (HV_PAGE_BYTES / sizeof(uint64_t))
#define MARK UINT64_C(5) /* top three bits: no word is 0 */
#define TOLD_MAX 3
#define RANGE_MAX 8 /* pages given back at once */

enum expects { EXPECTS_ZERO, EXPECTS_EXACT, EXPECTS_LOOSE };

/* mark:3 key:16 page:20 version:16 word:9 */
static uint64_t word_of(uint64_t key, uint64_t page, uint16_t version, unsigned word)
{
	return MARK << 61 | key << 45 | page << 25 | (uint64_t)version << 9 | word;
}

static uint64_t but_version(uint64_t word)
{
	return word & ~(UINT64_C(0xffff) << 9);
}

static uint64_t below(struct poison *poison, uint64_t n)
{
	return hv_rng_below(&poison->rng, n);
}

static uint64_t *words_of(const struct poison *poison, uint64_t page)
{
	return (uint64_t *)(void *)(poison->at + page * HV_PAGE_BYTES);
}

void poison_init(struct poison *poison, uint64_t seed)
{
	HV_INVARIANT(poison->key < 65536 && poison->pages < 1u << 20);
	poison->rng = (struct hv_rng){ seed };
	poison->findings = 0;
	poison->notes = calloc(poison->pages, sizeof(*poison->notes));
	HV_INVARIANT(poison->notes != NULL);
}

void poison_fini(struct poison *poison)
{
	free(poison->notes);
	poison->notes = NULL;
}

/* ---- looking ---- */

static bool is_right(const struct poison *poison, uint64_t page, unsigned word,
		     uint64_t seen)
{
	const struct poison_page *note = &poison->notes[page];

	switch (note->expects) {
	case EXPECTS_ZERO:
		return seen == 0;
	case EXPECTS_EXACT:
		return seen == word_of(poison->key, page, note->version, word);
	default:
		return seen == 0 ||
		       but_version(seen) == word_of(poison->key, page, 0, word);
	}
}

static void tell(struct poison *poison, uint64_t page, unsigned word, uint64_t seen)
{
	static const char *const expected[] = { "zeros", "its own", "its own or zeros" };

	if (poison->findings++ >= TOLD_MAX)
		return;
	(void)fprintf(stderr,
		      "run %llu, page %llu, word %u: %s expected, is %llx (run %llu, "
		      "page %llu, version %llu)\n",
		      (unsigned long long)poison->key, (unsigned long long)page, word,
		      expected[poison->notes[page].expects], (unsigned long long)seen,
		      (unsigned long long)(seen >> 45 & 0xffff),
		      (unsigned long long)(seen >> 25 & 0xfffff),
		      (unsigned long long)(seen >> 9 & 0xffff));
}

static void look(struct poison *poison, uint64_t page)
{
	const volatile uint64_t *words = words_of(poison, page);

	for (unsigned i = 0; i < WORDS; i++) {
		uint64_t seen = words[i];

		if (!is_right(poison, page, i, seen)) {
			tell(poison, page, i, seen);
			return;
		}
	}
}

/* ---- doing ---- */

/* Before it is used: says so, and learns what has become of it. */
static void use(struct poison *poison, uint64_t page)
{
	struct poison_page *note = &poison->notes[page];
	uint8_t was;

	if (note->was_lied_about) {
		poison->ops->activate(poison->ctx, page);
		note->was_lied_about = false;
		note->hint = HV_HINT_ACTIVE;
		return;
	}
	if (note->hint == HV_HINT_ACTIVE)
		return;
	note->hint = HV_HINT_ACTIVE;
	was = hv_hint_set(&poison->hints[page], HV_HINT_ACTIVE);
	if ((was & HV_HINT_TAKING) != 0) {
		poison->ops->activate(poison->ctx, page);
		note->expects = EXPECTS_LOOSE; /* taken, or not after all */
	} else if ((was & HV_HINT_TAKEN) != 0) {
		note->expects = EXPECTS_ZERO;
	}
}

static void fill(struct poison *poison, uint64_t page)
{
	struct poison_page *note = &poison->notes[page];
	volatile uint64_t *words = words_of(poison, page);

	use(poison, page);
	note->version++;
	note->expects = EXPECTS_EXACT;
	for (unsigned i = 0; i < WORDS; i++)
		words[i] = word_of(poison->key, page, note->version, i);
}

static void read_it(struct poison *poison, uint64_t page)
{
	use(poison, page);
	look(poison, page);
}

static void give_back(struct poison *poison, uint64_t page)
{
	uint64_t count = 1 + below(poison, RANGE_MAX);
	bool by_message = below(poison, 2) == 0;

	if (count > poison->pages - page)
		count = poison->pages - page;
	for (uint64_t p = page; p < page + count; p++)
		use(poison, p);
	if (!by_message)
		poison->ops->remove(poison->ctx, page, count);
	else if (!poison->ops->discard(poison->ctx, page, count))
		return;
	for (uint64_t p = page; p < page + count; p++)
		poison->notes[p].expects = by_message ? EXPECTS_ZERO : EXPECTS_LOOSE;
}

static void hint(struct poison *poison, uint64_t page)
{
	use(poison, page);
	poison->notes[page].hint = (uint8_t)(1 + below(poison, HV_HINT_COUNT - 1));
	(void)hv_hint_set(&poison->hints[page], poison->notes[page].hint);
}

/* Says anything, and uses it all the same. */
static void lie(struct poison *poison, uint64_t page)
{
	struct poison_page *note = &poison->notes[page];
	volatile uint64_t *words = words_of(poison, page);

	note->was_lied_about = true;
	note->expects = EXPECTS_LOOSE;
	note->version++;
	atomic_store(&poison->hints[page], (uint8_t)hv_rng_next(&poison->rng));
	for (unsigned i = 0; i < WORDS; i += 1 + (unsigned)below(poison, 16))
		words[i] = word_of(poison->key, page, note->version, i);
	if (below(poison, 2) == 0)
		atomic_store(&poison->hints[page],
			     (uint8_t)(HV_HINT_LOANED + below(poison, 4)));
	look(poison, page);
}

static void step(struct poison *poison)
{
	uint64_t page = below(poison, poison->pages);
	uint64_t dice = below(poison, 100);

	if (below(poison, 3) == 0) /* some are used more than others */
		page /= 8;
	if (poison->hints == NULL)
		dice %= 75;
	if (dice < 40)
		fill(poison, page);
	else if (dice < 75)
		read_it(poison, page);
	else if (dice < 79)
		give_back(poison, page);
	else if (dice < 95)
		hint(poison, page);
	else
		lie(poison, page);
}

uint64_t poison_work(struct poison *poison, uint64_t steps)
{
	while (steps-- > 0)
		step(poison);
	return poison->findings;
}

uint64_t poison_search(struct poison *poison)
{
	for (uint64_t page = 0; page < poison->pages; page++)
		read_it(poison, page);
	return poison->findings;
}
