/*
 * vasi_load - requests through a tarn-vios, one lane, as deep as said; for the benches.
 *
 * Contract
 *   Threads  one.
 *   Errors   end the program.
 */
#ifndef TESTS_BENCH_VASI_LOAD_H
#define TESTS_BENCH_VASI_LOAD_H

#include "hvcore/base/hist.h"
#include "tests/support/vasi_host.h"

#define VASI_LOAD_BYTES (256ull << 20) /* of the device */
#define VASI_LOAD_SLOTS (VASI_LOAD_BYTES / HV_PAGE_BYTES - 2)
#define VASI_LOAD_HANDLE 0
#define VASI_LOAD_ID 1
#define VASI_LOAD_NS 1500000000ull /* of each measurement */

struct vasi_load {
	const char *name;
	enum hv_request_op op;
	unsigned pages;
	unsigned depth;
	bool is_random;
};

/* Runs it and prints a member of a JSON object, without the comma. */
void vasi_load_run(struct vasi_vios *vios, const struct vasi_load *load);
void vasi_load_print_hist(const struct hv_hist *hist);

#endif
