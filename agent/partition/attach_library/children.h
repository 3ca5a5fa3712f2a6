/*
 * children - what a program that forks has of the partition's memory in the child: all of
 * it, as it was, as ordinary memory of the child's own.
 *
 *   parent, in fork()                              child, in fork()
 *     prepare  a socket pair
 *     ──────────────────────── fork ────────────────────────
 *                                                    an empty mapping where the memory
 *              ◄──── its userfaultfd ────            was, registered
 *     copies what the child touches                  goes on: executes a program, exits
 *     has the child gone?  over                      (its mapping is gone)
 *     CHILDREN_LAZY_MS:    copies all that is used,
 *                          unregisters; over
 *
 * So a child that executes another program costs what it touches until then, and one that
 * does not costs a copy of all. The parent's thread is in fork() until it is over: what
 * the child sees is what was there, as far as no other thread changed it. Memory that is
 * dedicated has no userfaultfd: the child copies all of it at once.
 *
 * A child that cannot have it ends by SIGKILL: it would find zeros. Where the parent dies
 * meanwhile, a child waits for good in the page that it touches.
 *
 * Contract
 *   Threads  the three of pthread_atfork, before what any other library registered: an
 *            allocator looks at its memory in its own.
 *   Memory   two descriptors of the child stay open until it executes or ends.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_CHILDREN_H
#define AGENT_PARTITION_ATTACH_LIBRARY_CHILDREN_H

#include "agent/partition/attach_library/large.h"

#define CHILDREN_LAZY_MS 20 /* arbitrary: who executes does it within 1 ms */

struct attach_children {
	const struct attach_large *large; /* NULL: nothing is to be done */
	int device;                       /* /dev/userfaultfd; -1: dedicated memory */
	int file;                         /* of the memory */
	uint64_t offset;
};

void attach_children_prepare(const struct attach_children *children);
void attach_children_parent(const struct attach_children *children);
void attach_children_child(const struct attach_children *children);

#endif
