/*
 * file - small files that are read and replaced whole, and directories of state.
 *
 * Contract
 *   Threads  any; one writer a path.
 *   Memory   hv_file_read gives memory from malloc, with a NUL behind the bytes.
 *   Errors   the errno's sentence and the path. NOTFOUND no such file, LIMIT longer
 *            than the caller allows, NOSPC the file system is full, IO.
 *   Time     hv_file_replace waits for the device.
 */
#ifndef HVCORE_BASE_FILE_H
#define HVCORE_BASE_FILE_H

#include "hvcore/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define HV_FILE_PATH_BYTES 512 /* longest path of ours, with the NUL */

/* "directory/name" into `buffer`; LIMIT where it does not fit. */
HV_MUST_USE
enum hv_code hv_path_join(char *buffer, size_t size, const char *directory,
			  const char *name, struct hv_err *err);

HV_MUST_USE
enum hv_code hv_file_read(const char *path, size_t limit, uint8_t **ret_bytes,
			  size_t *ret_count, struct hv_err *err);

/*
 * After success the file has these bytes, also after a power cut; after failure, or
 * a crash at any moment, it has all of the old or all of the new ones. Mode 0600.
 */
HV_MUST_USE
enum hv_code hv_file_replace(const char *path, const void *bytes, size_t count,
			     struct hv_err *err);

/* Removes it durably; that there is none is fine. */
HV_MUST_USE
enum hv_code hv_file_remove(const char *path, struct hv_err *err);

/* Makes a directory 0700; one that is there is fine, its parent must be. */
HV_MUST_USE
enum hv_code hv_directory_make(const char *path, struct hv_err *err);

/*
 * Makes the directory where there is none and sees to it that its file `version`
 * says "tarn `what` `version`". VERSION for another one: nothing is changed then.
 */
HV_MUST_USE
enum hv_code hv_state_open(const char *directory, const char *what, unsigned version,
			   struct hv_err *err);

#endif
