/*
 * profile - what a platform's firmware costs: numbers from a data file.
 *
 * A profile is data, not code: deploy/profiles/ has one file each, with the source of
 * every number in a comment. A host keeps the profile it was added with, so that its
 * figures do not change under its administrator when a file does.
 *
 *   lmb = "256M";  installed = "386G";  processors = 48;
 *   base = "2704M";                      the hypervisor and what is in all cases there
 *   slots = 24;  slot_tce = "4M";        TCE tables that every I/O slot gets at power-on
 *   adapter_tce = "16K";                 of each virtual adapter of an active partition
 *   hpt_ratio = 64;                      page table to maximum memory, 1:64
 *   pool_frame = 16;                     bytes for each page of the pool's maximum
 *   creation = ( ("0", "8M"), ("2G", "8M"), ("4G", "64M"), ("1T", "16G") );
 *   directory = ( (48, "24M") );         the 48th partition makes it grow by 24 MB
 *
 * creation is what a partition costs though it is not active, as a line through
 * points over its maximum memory, from 0 to 1 TiB, never falling.
 *
 * Contract
 *   Threads  any.
 *   Memory   a profile is a value: no pointers.
 *   Errors   NOTFOUND and OS of the file; INVAL names profile, line and setting;
 *            NOMEM of a message.
 *   Units    bytes.
 */
#ifndef HVCORE_RESERVE_PROFILE_H
#define HVCORE_RESERVE_PROFILE_H

#include "hvcore/base/units.h"
#include "hvcore/wire/messages.h"

#define HV_PROFILE_TITLE_BYTES 96
#define HV_PROFILE_TYPE_BYTES 16
#define HV_PROFILE_FILE_BYTES_MAX 65536
#define HV_PROFILE_BYTES_MAX (UINT64_C(1) << 44) /* of any size: 16 TiB */
#define HV_PROFILE_END (UINT64_C(1) << 40)       /* the last point lies here */

struct hv_profile_point {
	uint64_t max_bytes;
	uint64_t cost_bytes;
};

struct hv_profile_step {
	uint32_t partitions; /* from this many on */
	uint64_t cost_bytes;
};

struct hv_profile {
	char name[HV_NAME_BYTES];
	char title[HV_PROFILE_TITLE_BYTES];
	char type_model[HV_PROFILE_TYPE_BYTES]; /* "9117-MMC", for the HMC's names */
	char serial[HV_PROFILE_TYPE_BYTES];
	uint64_t lmb_bytes;
	uint64_t installed_bytes;
	uint32_t processors;
	uint64_t base_bytes;
	uint32_t slots;
	uint64_t slot_tce_bytes;
	uint64_t adapter_tce_bytes;
	uint32_t hpt_ratio;
	uint32_t pool_frame_bytes;
	struct hv_profile_point creation[HV_PROFILE_POINTS_MAX];
	unsigned creation_count;
	struct hv_profile_step directory[HV_PROFILE_STEPS_MAX];
	unsigned directory_count;
};

/* Whatever it came from: a file, or a peer's message. */
HV_MUST_USE
enum hv_code hv_profile_check(const struct hv_profile *profile, struct hv_err *err);

/* The profile of that name in a directory: NAME.profile. */
HV_MUST_USE
enum hv_code hv_profile_load(const char *directory, const char *name,
			     struct hv_profile *ret_profile, struct hv_err *err);

/* A profile as it travels and is kept, and back. */
HV_MUST_USE
enum hv_code hv_profile_from_message(const Tarn__PlatformProfile *message,
				     struct hv_profile *ret_profile, struct hv_err *err);
/* The caller's: tarn__platform_profile__free_unpacked(). */
HV_MUST_USE
enum hv_code hv_profile_to_message(const struct hv_profile *profile,
				   Tarn__PlatformProfile **ret_message,
				   struct hv_err *err);

/* `name` is what the text is of, for messages and as the profile's name. */
HV_MUST_USE
enum hv_code hv_profile_parse(const char *text, const char *name,
			      struct hv_profile *ret_profile, struct hv_err *err);

#endif
