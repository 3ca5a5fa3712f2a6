/*
 * invariant - conditions that cannot be false.
 *
 * HV_INVARIANT is checked in every build, HV_AUDIT (O(n), or hot) in debug and
 * test builds. Bad bytes from a peer, a file or a user are errors, never these.
 */
#ifndef HVCORE_BASE_INVARIANT_H
#define HVCORE_BASE_INVARIANT_H

#include <assert.h>

_Noreturn void hv_invariant_failed(const char *what, const char *file, int line);

#define HV_INVARIANT(e) ((e) ? (void)0 : hv_invariant_failed(#e, __FILE__, __LINE__))
#ifdef HV_AUDITS
#define HV_AUDIT(e) HV_INVARIANT(e)
#else
#define HV_AUDIT(e) ((void)sizeof(e))
#endif
#define HV_UNREACHABLE(why) hv_invariant_failed("unreachable: " why, __FILE__, __LINE__)

#endif
