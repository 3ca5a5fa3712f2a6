/*
 * serve - the workload's one thread: works on the memory, obeys the console, and says
 * how it goes.
 *
 *   fill what is wanted -> verify what was asked for -> operations at the pace given
 *
 * in small slices, the console between them. What is typed is echoed here and not by the
 * kernel, so that no echo stands within a line that a machine reads. What is said, each
 * a line:
 *
 *   tarn-guest: ready mem=MIB                      once, before the memory is filled
 *   tarn-guest: filled pages=N                     all that is wanted is there
 *   tarn-guest: status ops=N ops_per_s=N pages=N bad=N passes=N     every 5 s
 *   tarn-guest: BAD page=N version=N found_page=N found_version=N byte=N    at once
 *   tarn-guest: bye ops=N bad=N                    it ends, and the guest with it
 *
 * Contract
 *   Threads  one. SIGTERM ends it as `poweroff` does.
 *   Memory   the caller's; the descriptors too.
 *   Time     an order waits for one slice: SLICE pages, as long as these may take.
 */
#ifndef DEPLOY_GUEST_SERVE_H
#define DEPLOY_GUEST_SERVE_H

#include "deploy/guest/memory.h"
#include "deploy/guest/order.h"

struct guest_console {
	int in, out;
};

/* Until it is told to power off. */
void guest_serve(struct guest_memory *memory, const struct guest_settings *settings,
		 const struct guest_console *console);

/* A line on the console, "tarn-guest: " before it. */
void guest_say(int out, const char *format, ...) HV_PRINTF(2, 3);

#endif
