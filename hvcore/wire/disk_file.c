/* disk_file - see disk_file.h. */
#include "hvcore/wire/disk_file.h"

#include <stdio.h>
#include <string.h>

#include "hvcore/base/invariant.h"

enum hv_code hv_disk_directory(const char *state, char path[HV_FILE_PATH_BYTES],
			       struct hv_err *err)
{
	return hv_path_join(path, HV_FILE_PATH_BYTES, state, "disks", err);
}

void hv_disk_file(const char *name, uint32_t slot, char file[HV_DISK_FILE_BYTES])
{
	HV_INVARIANT(hv_name_is_valid(name));
	(void)snprintf(file, HV_DISK_FILE_BYTES, "%s-%u", name, slot);
}

bool hv_disk_file_is_of(const char *file, const char *name)
{
	size_t n = strlen(name);

	return strncmp(file, name, n) == 0 && file[n] == '-' && file[n + 1] != '\0' &&
	       strspn(file + n + 1, "0123456789") == strlen(file + n + 1);
}
