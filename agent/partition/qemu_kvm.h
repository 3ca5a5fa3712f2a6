/*
 * qemu_kvm - whether KVM really runs a guest here: a /dev/kvm that opens may still be
 * unable to (nested, or half switched off), and QEMU would only end with an error.
 *
 * A machine of eight pages is made, twice: it begins as a kernel runs, in 64-bit mode
 * with page tables of its own, and as firmware runs, in 32-bit mode without. It counts,
 * reads back what it wrote, and says the result on a port. Where KVM is itself in a
 * guest, it may run kernels and emulate firmware, or both, one instruction after the
 * other: that is seen by the processor time it takes, not by the clock, so a busy machine
 * makes no difference. All this in a child, which is killed after KVM_PROBE_MS.
 *
 * Contract
 *   Threads  one thread: it forks.
 *   Errors   NOTFOUND no such device; DENIED it does not open; REFUSED it opens and runs
 *            no guest, and why; NOFIT guests of another processor.
 *   Time     up to KVM_PROBE_MS; 10 ms where it works.
 */
#ifndef AGENT_PARTITION_QEMU_KVM_H
#define AGENT_PARTITION_QEMU_KVM_H

#include "hvcore/base/err.h"

#include <stdbool.h>

#define KVM_PROBE_MS 1000 /* arbitrary: it computes 1 ms, on a busy machine */

/* On success *ret_fd is an open /dev/kvm, close-on-exec. */
HV_MUST_USE
enum hv_code qemu_kvm_probe(bool is_x86_guest, int *ret_fd, struct hv_err *err);

#endif
