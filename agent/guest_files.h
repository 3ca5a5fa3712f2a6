/*
 * guest_files - what a partition with Linux would read of itself in /proc and /sys: the
 * names of lparcfg, cmm and the vio bus, with the values that are known here.
 *
 * A file is there if what it says is measured, and a line of lparcfg likewise: nothing
 * is made up for the sake of being there. Pure: text from messages.
 *
 * The bus has one account for all its devices, so it is told as if what every partition
 * is entitled to were the reserve, and all above that the excess; what is mapped counts
 * against the reserve first, and `spare` is what is left of that. So
 * curr = reserve_size - spare + excess_size - excess_free.
 *
 * Contract
 *   Threads  any; nothing is kept.
 *   Units    lparcfg and cmo_*: bytes, DesMem and MaxMem MiB; cmm and meminfo: KiB.
 */
#ifndef AGENT_GUEST_FILES_H
#define AGENT_GUEST_FILES_H

#include "agent/core/core.h"

#define AGENT_GUEST_FILES 13
#define AGENT_GUEST_TEXT_BYTES 1024

/* Below the directory that stands for "/". */
extern const char *const agent_guest_paths[AGENT_GUEST_FILES];
/* Directories that those lie in, parents first, and some that may be empty; NULL ends. */
extern const char *const agent_guest_directories[];

/* The text of the nth file, with its end of line; "": it is not there. */
void agent_guest_text(const struct agent_shown *shown, unsigned nth,
		      char text[AGENT_GUEST_TEXT_BYTES]);

#endif
