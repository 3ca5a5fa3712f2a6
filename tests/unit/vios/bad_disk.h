/*
 * bad_disk - the real calls to a device, except that the nth one of a kind fails, once,
 * or that reads and writes are short.
 */
#ifndef TESTS_UNIT_VIOS_BAD_DISK_H
#define TESTS_UNIT_VIOS_BAD_DISK_H

#include "vios/target.h"

enum bad_disk_call { BAD_DISK_READ, BAD_DISK_WRITE, BAD_DISK_SYNC, BAD_DISK_CALL_COUNT };

extern const struct vios_disk bad_disk;

/* The nth call (from 1; 0 = none) of this kind fails with `error`. */
void bad_disk_arm(enum bad_disk_call call, unsigned nth, int error);
/* Reads and writes do at most this much at a time; 0: all. */
void bad_disk_shorten(size_t most);
/* Whether the failure was reached; back to normal. */
bool bad_disk_disarm(void);

#endif
