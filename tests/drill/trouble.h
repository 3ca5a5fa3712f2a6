/*
 * trouble - what the drills of one host have in common that last for a while: time that
 * goes by while VIOS that ended are started again, a VIOS that is stopped, a summary.
 *
 * Contract
 *   Threads  one.
 *   Errors   fail the test. The host keeps its VIOS (test_host_config).
 */
#ifndef TESTS_DRILL_TROUBLE_H
#define TESTS_DRILL_TROUBLE_H

#include "tests/support/host.h"

void trouble_pass_time(struct test_host *host, uint64_t ms);

/* SIGSTOP for so long; continued where it has not been found hanging and is dead. */
void trouble_stop_vios(struct test_host *host, unsigned vios, uint64_t ms);

/* What each partition did, a line each, on stdout. */
void trouble_print_partitions(struct test_host *host);

#endif
