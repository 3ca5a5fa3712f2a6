/*
 * inject_io - device I/O of a lane with faults in it: a table of functions (aio.h)
 * around another one. Used only where drills are allowed.
 *
 *   queue ──nothing in force──────────────────────────────────► inner queue
 *     │ hit                                                        ▲   │ result
 *     ├─ DELAY, HANG: kept ──its time has come, or cleared──┐      │   ▼
 *     │                                                     ├─ CORRUPT, TORN: changed
 *     └─────────────────────────────────────────────────────┤      on the way, changed
 *                                                           │      back after it
 *                                                           └─ ERROR: answered here
 *
 * A request that is hit by several is late first, then in error, else torn and
 * corrupted. Syncs are left alone. Bytes of a write are changed where they lie and
 * changed back before its answer: whoever owns them sees what it wrote.
 *
 * Contract
 *   Threads  one, the lane's. Opening it: any.
 *   Memory   owns `inner` from a successful open on, closes it with itself. Of fixed
 *            size: nothing is allocated after open.
 *   Errors   open: NOMEM, and `inner` is still the caller's.
 */
#ifndef VIOS_INJECT_IO_H
#define VIOS_INJECT_IO_H

#include "hvcore/aio/aio.h"
#include "vios/inject.h"

HV_MUST_USE
enum hv_code vios_inject_io_open(struct vios_inject *inject, unsigned lane,
				 struct hv_aio *inner, struct hv_aio **ret_io,
				 struct hv_err *err);

#endif
