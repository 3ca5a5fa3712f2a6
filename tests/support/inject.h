/*
 * inject - tells a tarn-vios that runs to inject faults, as an agent does.
 *
 * Contract
 *   Threads  one.
 *   Errors   its own code; TIMEOUT where it does not listen, GONE where it ends before
 *            it answers. An answer that is none fails the test.
 *   Time     gives up after TEST_WAIT_MS.
 */
#ifndef TESTS_SUPPORT_INJECT_H
#define TESTS_SUPPORT_INJECT_H

#include "hvcore/wire/injection.h"

/* `id`: of injection->device, or NULL. `ret` may be NULL. */
enum hv_code test_inject(const char *state, const char *vios,
			 const struct hv_injection *injection, const uint8_t id[16],
			 struct hv_inject_answer *ret);
enum hv_code test_inject_clear(const char *state, const char *vios);

/* All requests of that operation, for a minute; delays of 20 ms, EIO, seed 1. */
struct hv_injection test_injection(enum hv_injection_kind kind, enum hv_injection_op op);

#endif
