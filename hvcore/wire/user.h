/*
 * user - users of the HMC commands: task roles by name, and the numbers that an HMC
 * keeps of a user (domain.md 1.4), as one table.
 *
 * Contract
 *   Threads  any.
 *   Memory   the tables are constant.
 *   Errors   INVAL names the attribute and what it may be.
 */
#ifndef HVCORE_WIRE_USER_H
#define HVCORE_WIRE_USER_H

#include "hvcore/wire/messages.h"

#include <stdbool.h>

#define HV_USER_BUILT_IN "hscroot"
#define HV_USER_DESCRIPTION_BYTES 256 /* arbitrary */

struct hv_user_attribute {
	const char *name;
	size_t value, has; /* offsets of the field and of its has_ */
	bool is_flag;      /* 0 or 1 */
	uint32_t max;
};

extern const struct hv_user_attribute hv_user_attributes[]; /* ends with name NULL */

/* NULL where there is none. */
const struct hv_user_attribute *hv_user_attribute_find(const char *name);
uint32_t hv_user_get(const Tarn__UserRecord *user, const struct hv_user_attribute *row);
void hv_user_set(Tarn__UserRecord *user, const struct hv_user_attribute *row,
		 uint32_t value);

/* "hmcsuperadmin"; false: there is no such role. */
const char *hv_task_role_name(Tarn__TaskRole role);
bool hv_task_role_find(const char *name, Tarn__TaskRole *ret_role);

/* Right in itself: the name, the text, the numbers. */
HV_MUST_USE
enum hv_code hv_user_check(const Tarn__UserRecord *user, struct hv_err *err);

#endif
