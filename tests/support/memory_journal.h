/*
 * memory_journal - a journal (coordinator/cluster/journal.h) in memory, that can be
 * told to fail, and that outlives the engine: closing and opening an engine on it
 * is a crash of the coordinator.
 *
 * Records are kept packed, so what comes back went through the wire format.
 */
#ifndef TESTS_SUPPORT_MEMORY_JOURNAL_H
#define TESTS_SUPPORT_MEMORY_JOURNAL_H

#include "coordinator/cluster/journal.h"

struct kept_record {
	struct record_key key;
	uint8_t *bytes;
	size_t count;
};

struct kept_table {
	struct kept_record *records;
	size_t count;
};

struct kept_sample {
	struct journal_sample sample;
	struct journal_place place;
};

struct memory_journal {
	struct journal journal;      /* first */
	struct kept_sample *samples; /* in the order that they came in; all of them */
	size_t sample_count, sample_room;
	struct kept_table tables[RECORD_KIND_COUNT];
	struct cluster_numbers numbers;
	struct journal_log *logs; /* all of them, from revision 1 */
	size_t log_count;
	struct journal_reply *replies;
	size_t reply_count;
	unsigned commits;
	/* Knobs. */
	unsigned fail_in;       /* the commit that many from now fails; 0 = none */
	enum hv_code fail_code; /* with this */
};

void memory_journal_open(struct memory_journal *journal);
void memory_journal_close(struct memory_journal *journal);

/* The state that follows from the log alone; the caller's, cluster_fini(). */
void memory_journal_replay(const struct memory_journal *journal, struct cluster *cluster);
/* Whether two clusters have the same durable content. */
bool cluster_is_same(const struct cluster *a, const struct cluster *b);

#endif
