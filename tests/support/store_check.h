/*
 * store_check - what a coordinator left in its store: does it hold together?
 *
 * Contract
 *   Threads  one; nobody else has the store open.
 *   Errors   the test fails (cmocka) where the records do not hold together, or are
 *            not what the log alone gives: then something was half done.
 */
#ifndef TESTS_SUPPORT_STORE_CHECK_H
#define TESTS_SUPPORT_STORE_CHECK_H

#include "coordinator/store/store.h"

/*
 * Loads the store into *ret_cluster (the caller's, cluster_fini()), and replays its
 * log, which must be whole. `on_log` (or NULL) sees each record of it.
 */
void test_store_check(struct store *store, struct cluster *ret_cluster,
		      void (*on_log)(const Tarn__LogRecord *log, void *arg), void *arg);

#endif
