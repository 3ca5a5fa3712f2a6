/*
 * processor - which processor a block device interrupts when it has done a request:
 * where its pages are best waited for. And how long one had nothing to do.
 *
 *   device number --/sys/dev/block--> disk --..--> what has its interrupts
 *     --/proc/interrupts--> the one that comes most --/proc/irq/N--> processor
 *
 * A device on another one (LVM, encryption) is asked where that lies. Nothing is said of
 * a device with several queues, which interrupts whoever asked it, or on several disks.
 *
 * Contract
 *   Threads  any; reads files that the kernel answers at once.
 *   Memory   none is kept; without memory nothing is known.
 *   Errors   none: what cannot be found out is not known.
 */
#ifndef VIOS_PROCESSOR_H
#define VIOS_PROCESSOR_H

#include <stdbool.h>
#include <stdint.h>

/* 1 + processor; 0: not known, or any. root "": this machine's; else a test's. */
unsigned vios_processor_of(const char *root, uint64_t dev);

/* How long that processor had nothing to do, since the machine began, in steps of 10 ms.
 * False: not known. No allocation. */
bool vios_processor_idle(const char *root, unsigned processor, uint64_t *ret_idle_ns);

#endif
