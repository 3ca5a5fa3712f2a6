/* content - see content.h. */
#include "agent/partition/content.h"

enum { KEY_WORD, PAGE_WORD, VERSION_WORD, BODY_WORD };

#define GOLDEN 0x9e3779b97f4a7c15u

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Each input is mixed before the next goes in: (1, 2) and (2, 1) differ. */
static uint64_t body_base(const struct partition_content *content)
{
	uint64_t base = mix(content->key + GOLDEN);

	base = mix(base ^ (content->page + GOLDEN));
	return mix(base ^ (content->version + GOLDEN));
}

static uint64_t body_word(uint64_t base, unsigned i)
{
	uint64_t z = base + i * GOLDEN;

	return (z ^ (z >> 29)) * 0xbf58476d1ce4e5b9u;
}

/* The two words that peek() reads while their owner may be writing them. */
static void store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

void partition_content_write(void *page, const struct partition_content *content)
{
	uint64_t *word = page;
	uint64_t base = body_base(content);

	store(&word[KEY_WORD], content->key);
	store(&word[PAGE_WORD], content->page);
	word[VERSION_WORD] = content->version;
	for (unsigned i = BODY_WORD; i < PARTITION_PAGE_WORDS; i++)
		word[i] = body_word(base, i);
}

static uint64_t expected_word(const struct partition_content *expected, uint64_t base,
			      unsigned i)
{
	if (expected->version == 0)
		return 0;
	switch (i) {
	case KEY_WORD:
		return expected->key;
	case PAGE_WORD:
		return expected->page;
	case VERSION_WORD:
		return expected->version;
	default:
		return body_word(base, i);
	}
}

/* Zero where every word is right. One pass without a branch: the usual case. */
static uint64_t difference(const uint64_t *word, const struct partition_content *expected,
			   uint64_t base)
{
	uint64_t differs = 0;

	if (expected->version == 0) {
		for (unsigned i = 0; i < PARTITION_PAGE_WORDS; i++)
			differs |= word[i];
		return differs;
	}
	differs |= word[KEY_WORD] ^ expected->key;
	differs |= word[PAGE_WORD] ^ expected->page;
	differs |= word[VERSION_WORD] ^ expected->version;
	for (unsigned i = BODY_WORD; i < PARTITION_PAGE_WORDS; i++)
		differs |= word[i] ^ body_word(base, i);
	return differs;
}

bool partition_content_check(const void *page, const struct partition_content *expected,
			     struct partition_finding *ret_finding)
{
	const uint64_t *word = page;
	uint64_t base = body_base(expected);
	unsigned i = 0;

	if (difference(word, expected, base) == 0)
		return true;
	/* A page that has become right meanwhile was still wrong: byte 4096. */
	while (i < PARTITION_PAGE_WORDS && word[i] == expected_word(expected, base, i))
		i++;
	*ret_finding = (struct partition_finding){
		.key = word[KEY_WORD],
		.page = word[PAGE_WORD],
		.version = word[VERSION_WORD],
		.first_bad_byte = i * (unsigned)sizeof(uint64_t),
	};
	return false;
}

bool partition_content_peek(const void *page, uint64_t key, uint64_t number)
{
	const uint64_t *word = page;
	uint64_t found_key = load(&word[KEY_WORD]);
	uint64_t found_page = load(&word[PAGE_WORD]);

	return (found_key == 0 || found_key == key) &&
	       (found_page == 0 || found_page == number);
}
