/*
 * device_file - what the paths of a partition reach: one paging device, the same on
 * both; one behind one VIOS alone; or two, one behind each, which mirror its pages.
 *
 * One behind a VIOS may lie on another host: nothing here can be asked about it. That
 * its VIOS has a session is the proof then that nothing of an earlier incarnation is
 * under way: tarn-vios greets the other host first, which answers when it is over (P9).
 *
 * Contract
 *   Threads  L.
 *   Memory   an open pair owns a descriptor for each path that reaches one; it is for
 *            asking for locks (P9), and never read or written.
 *   Errors   INVAL, NOTFOUND (no such VIOS), IO, OS; AGAIN a VIOS that served it before
 *            has not let go of it; of a name, a path or a size that cannot be, no word
 *            is kept.
 */
#ifndef HVCORE_HYPERVISOR_DEVICE_FILE_H
#define HVCORE_HYPERVISOR_DEVICE_FILE_H

#include "hvcore/pager/pager.h"
#include "hvcore/wire/messages.h"
#include "hvcore/wire/session.h"

struct director;

struct device_file {
	bool is_used; /* false: that path reaches none */
	char name[HV_NAME_BYTES];
	char path[HV_PATH_BYTES];
	uint8_t id[16];
	uint64_t owner_epoch;
	bool is_remote;
	int lock_fd; /* -1: remote */
};

struct device_files {
	struct device_file at[HV_PATHS];
	unsigned first; /* of two the one that was named first */
};

/* `own`, or NULL: what the partition has: that is not opened by its path, which may be
 * gone while the device is in use. */
HV_MUST_USE
enum hv_code device_files_open(const struct director *director, const Tarn__HvDevice *ask,
			       const struct device_files *own,
			       struct device_files *ret_files, struct hv_err *err);
void device_file_close(struct device_file *file);
/* Its descriptor is *to's from now on; `from` can only be compared. */
void device_file_move(struct device_file *from, struct device_file *to);
void device_files_close(struct device_files *files);

/* Both paths reach the same, or nothing. */
bool device_file_is(const struct device_file *a, const struct device_file *b);
bool device_files_are(const struct device_files *a, const struct device_files *b);
/* Two devices, which are to have the same pages. */
bool device_files_mirror(const struct device_files *files);
/* Whether any path reaches that one: by its identity, or here by its path, which says
 * nothing of a device on another host. */
bool device_files_have(const struct device_files *files, const struct device_file *file);

/* Whether any open file still holds the byte of that path (P9). */
HV_MUST_USE
enum hv_code device_file_is_locked(const struct device_file *file, unsigned path,
				   bool *ret_is, struct hv_err *err);
/* An earlier hypervisor's VIOS may still have I/O under way, whichever it was: AGAIN. */
HV_MUST_USE
enum hv_code device_file_check_unlocked(const struct device_file *file,
					struct hv_err *err);
/* How many slots it has room for, by its size; UINT64_MAX: not known here. */
uint64_t device_file_slots(const struct device_file *file);

#endif
