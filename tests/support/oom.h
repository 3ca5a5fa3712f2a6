/*
 * oom - makes the nth allocation of the calling thread fail (hv_test(... OOM)).
 *
 *   for (unsigned nth = 1;; nth++) {
 *           oom_arm(nth);
 *           code = thing_open(...);
 *           if (!oom_disarm())
 *                   break;    nothing left to fail
 *           assert_int_equal(code, HV_E_NOMEM);
 *   }
 */
#ifndef TESTS_SUPPORT_OOM_H
#define TESTS_SUPPORT_OOM_H

#include <stdbool.h>

void oom_arm(unsigned nth);
bool oom_disarm(void);          /* whether the failure was reached */
void oom_pause(bool is_paused); /* allocations that do not count, such as the test's */

#endif
