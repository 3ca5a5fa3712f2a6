/*
 * seeds - first files of the fuzz corpora, for fuzz_seeds alone: seeds.c and
 * seeds_remote.c what is a message, seeds_packets.c what is none.
 *
 * Contract
 *   Threads  one.
 *   Errors   end the program.
 */
#ifndef TESTS_FUZZ_SEEDS_H
#define TESTS_FUZZ_SEEDS_H

#include <stddef.h>

/* A file of a target's corpus: written, or compared with what is there. */
void seeds_put(const char *target, const char *name, const void *bytes, size_t count);
/* Between VIOS of two hosts. */
void seeds_put_remote(void);
/* Packets of sockets and rings, calls, frames, device plans. */
void seeds_put_packets(void);

#endif
