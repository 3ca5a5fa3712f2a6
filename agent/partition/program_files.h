/*
 * program_files - what `--program` needs of files: the program itself, whether a library
 * can be preloaded into it, and the allocator that is.
 *
 * Contract
 *   Threads  any.
 *   Errors   NOTFOUND, DENIED of a file; INVAL a program that takes no library.
 */
#ifndef AGENT_PARTITION_PROGRAM_FILES_H
#define AGENT_PARTITION_PROGRAM_FILES_H

#include "hvcore/base/err.h"

#include <stddef.h>

/* Its options: what was freed comes back after two seconds, also where nothing else is
 * allocated. Arbitrary. */
#define PROGRAM_ALLOCATOR_OPTIONS "background_thread:true,dirty_decay_ms:2000"

/* Searched for where it has no slash. *ret_fd: O_PATH, close-on-exec. */
HV_MUST_USE
enum hv_code program_file_open(const char *name, char *path, size_t room, int *ret_fd,
			       struct hv_err *err);

/* INVAL: linked statically, of another kind of machine, or no program. Scripts are
 * what their interpreter is. */
HV_MUST_USE
enum hv_code program_file_check(const char *path, struct hv_err *err);

/* `wanted`: "auto", "none" or a file. path "": none, and *ret_why says why. */
HV_MUST_USE
enum hv_code program_allocator_find(const char *wanted, char *path, size_t room,
				    const char **ret_why, struct hv_err *err);

#endif
