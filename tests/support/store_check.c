/* store_check - see store_check.h. */
#include "tests/support/store_check.h"

#include "tests/support/memory_journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void apply(struct store *store, uint64_t revision, struct cluster *cluster,
		  void (*on_log)(const Tarn__LogRecord *log, void *arg), void *arg)
{
	struct hv_err err = { 0 };
	Tarn__LogRecord *log;
	uint8_t *bytes;
	size_t count;

	if (store_read_log(store, revision, &bytes, &count, &err) != HV_OK)
		fail_msg("revision %llu: %s", (unsigned long long)revision, err.text);
	log = tarn__log_record__unpack(NULL, count, bytes);
	free(bytes);
	assert_non_null(log);
	if (on_log != NULL)
		on_log(log, arg);
	if (cluster_apply(cluster, log, &err) != HV_OK)
		fail_msg("revision %llu: %s", (unsigned long long)revision, err.text);
	cluster_commit(cluster);
	tarn__log_record__free_unpacked(log, NULL);
}

void test_store_check(struct store *store, struct cluster *ret_cluster,
		      void (*on_log)(const Tarn__LogRecord *log, void *arg), void *arg)
{
	struct journal *journal = store_journal(store);
	struct store_counts counts;
	struct cluster replayed;
	struct hv_err err = { 0 };

	cluster_init(ret_cluster);
	cluster_init(&replayed);
	if (journal->load(journal, ret_cluster, &err) != HV_OK ||
	    cluster_audit(ret_cluster, &err) != HV_OK ||
	    store_count(store, &counts, &err) != HV_OK)
		fail_msg("%s", err.text);
	assert_int_equal(counts.log_last, ret_cluster->now.revision);
	for (uint64_t revision = 1; revision <= counts.log_last; revision++)
		apply(store, revision, &replayed, on_log, arg);
	assert_true(cluster_is_same(ret_cluster, &replayed));
	cluster_fini(&replayed);
}
