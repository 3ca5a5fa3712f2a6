/* message_rules - see message_rules.h. */
#include "hvcore/wire/message_rules.h"

#include "hvcore/base/hist.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/guest_spec.h"
#include "hvcore/wire/injection.h"
#include "hvcore/wire/io.h"
#include "hvcore/wire/lpar_profile.h"
#include "hvcore/wire/remote.h"

#include <pthread.h>
#include <string.h>

/* clang-format off */
static const struct message_rule rules[] = {
	{ &tarn__lpar_spec__descriptor,           "name",       RULE_NAME, 0 },
	{ &tarn__lpar_spec__descriptor,           "disks",      RULE_LIST, HV_DISKS_MAX },
	{ &tarn__lpar_spec__descriptor,           "ethernets",  RULE_LIST, HV_ETHERNETS_MAX },
	{ &tarn__virtual_disk__descriptor,        "path",       RULE_PATH, 0 },
	{ &tarn__guest_spec__descriptor,          "kernel",     RULE_PATH, 0 },
	{ &tarn__guest_spec__descriptor,          "initrd",     RULE_PATH, 0 },
	{ &tarn__guest_spec__descriptor,          "disks",      RULE_LIST, HV_GUEST_DISKS_MAX },
	{ &tarn__guest_disk__descriptor,          "path",       RULE_PATH, 0 },
	{ &tarn__histogram__descriptor,           "buckets",    RULE_LIST, HV_HIST_BUCKETS },
	{ &tarn__vios_stat__descriptor,           "name",       RULE_NAME, 0 },
	{ &tarn__vios_stat__descriptor,           "injected",   RULE_LIST, HV_INJECTION_KIND_COUNT },
	{ &tarn__injection__descriptor,           "device",     RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__failover__descriptor,            "from",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__failover__descriptor,            "to",         RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__partition_stat__descriptor,      "name",       RULE_NAME, 0 },
	{ &tarn__partition_stat__descriptor,      "pgdev",      RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__dispatch_trace__descriptor,      "dispatches", RULE_LIST, HV_DISPATCHES_MAX },
	{ &tarn__hv_stat_get__descriptor,         "trace",      RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__host_report_reply__descriptor,   "traced",     RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__query__descriptor,               "trace",      RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__manager_decision__descriptor,    "name",       RULE_NAME, 0 },
	{ &tarn__pool_stat__descriptor,           "decisions",  RULE_LIST, HV_DECISIONS_MAX },
	{ &tarn__watch_stat__descriptor,          "threads",    RULE_LIST, HV_WATCH_THREADS_MAX },
	{ &tarn__host_stat__descriptor,           "vios",       RULE_LIST, HV_HOST_ALL_VIOS_MAX },
	{ &tarn__host_stat__descriptor,           "partitions", RULE_LIST, HV_HOST_LPARS_MAX },
	{ &tarn__host_stat__descriptor,           "failovers",  RULE_LIST, HV_FAILOVERS_MAX },
	{ &tarn__platform_profile__descriptor,    "name",       RULE_NAME, 0 },
	{ &tarn__platform_profile__descriptor,    "creation",   RULE_LIST, HV_PROFILE_POINTS_MAX },
	{ &tarn__platform_profile__descriptor,    "directory",  RULE_LIST, HV_PROFILE_STEPS_MAX },
	{ &tarn__event__descriptor,               "host",       RULE_NAME_OR_EMPTY, 0 },

	{ &tarn__hv_device__descriptor,           "name",       RULE_NAME, 0 },
	{ &tarn__hv_device__descriptor,           "path",       RULE_PATH, 0 },
	{ &tarn__hv_device__descriptor,           "id",         RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__hv_device__descriptor,           "primary",    RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__hv_device__descriptor,           "vios",       RULE_NAME, 0 },
	{ &tarn__hv_mirror__descriptor,           "name",       RULE_NAME, 0 },
	{ &tarn__hv_mirror__descriptor,           "path",       RULE_PATH, 0 },
	{ &tarn__hv_mirror__descriptor,           "id",         RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__hv_partition_device__descriptor, "name",       RULE_NAME, 0 },
	{ &tarn__partition_stat__descriptor,      "mirror",     RULE_NAME, 0 },
	{ &tarn__hv_failback__descriptor,         "partition",  RULE_NAME, 0 },
	{ &tarn__hv_partition_primary__descriptor, "name",      RULE_NAME, 0 },
	{ &tarn__hv_partition_primary__descriptor, "primary",   RULE_NAME, 0 },
	{ &tarn__partition_stat__descriptor,      "given_primary", RULE_NAME, 0 },
	{ &tarn__partition_stat__descriptor,      "primary",    RULE_NAME, 0 },
	{ &tarn__partition_stat__descriptor,      "secondary",  RULE_NAME, 0 },
	{ &tarn__partition_stat__descriptor,      "current",    RULE_NAME, 0 },
	{ &tarn__hv_partition_define__descriptor, "name",       RULE_NAME, 0 },
	{ &tarn__hv_partition_define__descriptor, "disks",      RULE_LIST, HV_DISKS_MAX },
	{ &tarn__hv_partition_define__descriptor, "ethernets",  RULE_LIST, HV_ETHERNETS_MAX },
	{ &tarn__hv_partition_defined__descriptor, "token",     RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__hv_partition_remove__descriptor, "name",       RULE_NAME, 0 },
	{ &tarn__hv_partition_control__descriptor, "name",      RULE_NAME, 0 },
	{ &tarn__hv_partition_resize__descriptor, "name",       RULE_NAME, 0 },
	{ &tarn__hv_partition_share__descriptor,  "name",       RULE_NAME, 0 },
	{ &tarn__hv_vios_expect__descriptor,      "names",      RULE_NAME_LIST, HV_HOST_VIOS_MAX },
	{ &tarn__hv_vios_expect__descriptor,      "maintained", RULE_NAME_LIST, HV_HOST_VIOS_MAX },

	{ &tarn__host_identity__descriptor,       "name",       RULE_NAME, 0 },
	{ &tarn__host_identity__descriptor,       "agent_id",   RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__desired_vios__descriptor,        "name",       RULE_NAME, 0 },
	{ &tarn__desired_vios__descriptor,        "remote_host", RULE_NAME, 0 },
	{ &tarn__desired_device__descriptor,      "owner_host_id", RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__desired_device__descriptor,      "owner_host_name", RULE_NAME, 0 },
	{ &tarn__desired_device__descriptor,      "name",       RULE_NAME, 0 },
	{ &tarn__desired_device__descriptor,      "path",       RULE_PATH, 0 },
	{ &tarn__desired_device__descriptor,      "id",         RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__desired_device__descriptor,      "vios",       RULE_NAME, 0 },
	{ &tarn__desired_lpar__descriptor,        "mirror",     RULE_NAME, 0 },
	{ &tarn__desired_lpar__descriptor,        "device",     RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__desired_lpar__descriptor,        "primary",    RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__host_op__descriptor,             "target",     RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__host_desired__descriptor,        "vios",       RULE_LIST, HV_HOST_VIOS_MAX },
	{ &tarn__host_desired__descriptor,        "devices",    RULE_LIST, HV_DEVICES_PER_HOST_MAX },
	{ &tarn__host_desired__descriptor,        "lpars",      RULE_LIST, HV_HOST_LPARS_MAX },
	{ &tarn__host_desired__descriptor,        "ops",        RULE_LIST, HV_HOST_OPS_MAX },
	{ &tarn__object_status__descriptor,       "name",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__host_report__descriptor,         "objects",    RULE_LIST, HV_HOST_OBJECTS_MAX },
	{ &tarn__host_report__descriptor,         "events",     RULE_LIST, HV_EVENTS_MAX },

	{ &tarn__console_report__descriptor,      "output",     RULE_BYTES_MAX, HV_CONSOLE_OUTPUT_MAX },
	{ &tarn__host_console__descriptor,        "sessions",   RULE_LIST, HV_CONSOLES_MAX },
	{ &tarn__console_order__descriptor,       "lpar",       RULE_NAME, 0 },
	{ &tarn__console_order__descriptor,       "input",      RULE_BYTES_MAX, HV_CONSOLE_INPUT_MAX },
	{ &tarn__host_console_reply__descriptor,  "sessions",   RULE_LIST, HV_CONSOLES_MAX },
	{ &tarn__console_open__descriptor,        "lpar",       RULE_NAME, 0 },
	{ &tarn__console_open__descriptor,        "session",    RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__console_exchange__descriptor,    "session",    RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__console_exchange__descriptor,    "input",      RULE_BYTES_MAX, HV_CONSOLE_INPUT_MAX },
	{ &tarn__console_close__descriptor,       "session",    RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__console_close__descriptor,       "lpar",       RULE_NAME, 0 },
	{ &tarn__console_reply__descriptor,       "output",     RULE_BYTES_MAX, HV_CONSOLE_OUTPUT_MAX },

	{ &tarn__event_query__descriptor,         "host",       RULE_NAME, 0 },
	{ &tarn__host_add__descriptor,            "name",       RULE_NAME, 0 },
	{ &tarn__host_add__descriptor,            "profile",    RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__host_remove__descriptor,         "name",       RULE_NAME, 0 },
	{ &tarn__pool_set__descriptor,            "host",       RULE_NAME, 0 },
	{ &tarn__pool_remove__descriptor,         "host",       RULE_NAME, 0 },
	{ &tarn__pool_cancel__descriptor,         "host",       RULE_NAME, 0 },
	{ &tarn__vios_change__descriptor,         "host",       RULE_NAME, 0 },
	{ &tarn__vios_change__descriptor,         "name",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__vios_change__descriptor,         "lpar",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__vios_change__descriptor,         "with",       RULE_NAME, 0 },
	{ &tarn__vios_add__descriptor,            "host",       RULE_NAME, 0 },
	{ &tarn__vios_add__descriptor,            "name",       RULE_NAME, 0 },
	{ &tarn__vios_add__descriptor,            "remote",     RULE_NAME, 0 },
	{ &tarn__vios_remove__descriptor,         "host",       RULE_NAME, 0 },
	{ &tarn__vios_remove__descriptor,         "name",       RULE_NAME, 0 },
	{ &tarn__host_set__descriptor,            "host",       RULE_NAME, 0 },
	{ &tarn__vios_inject__descriptor,         "host",       RULE_NAME, 0 },
	{ &tarn__vios_inject__descriptor,         "name",       RULE_NAME, 0 },
	{ &tarn__vios_inject__descriptor,         "by",         RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__pgdev_add__descriptor,           "host",       RULE_NAME, 0 },
	{ &tarn__pgdev_add__descriptor,           "name",       RULE_NAME, 0 },
	{ &tarn__pgdev_add__descriptor,           "path",       RULE_PATH, 0 },
	{ &tarn__pgdev_add__descriptor,           "vios",       RULE_NAME, 0 },
	{ &tarn__pgdev_replace__descriptor,       "host",       RULE_NAME, 0 },
	{ &tarn__pgdev_replace__descriptor,       "name",       RULE_NAME, 0 },
	{ &tarn__pgdev_replace__descriptor,       "with",       RULE_NAME, 0 },
	{ &tarn__pgdev_remove__descriptor,        "host",       RULE_NAME, 0 },
	{ &tarn__pgdev_remove__descriptor,        "name",       RULE_NAME, 0 },
	{ &tarn__lpar_create__descriptor,         "host",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__lpar_activate__descriptor,       "name",       RULE_NAME, 0 },
	{ &tarn__lpar_shutdown__descriptor,       "name",       RULE_NAME, 0 },
	{ &tarn__lpar_remove__descriptor,         "name",       RULE_NAME, 0 },
	{ &tarn__lpar_resize__descriptor,         "name",       RULE_NAME, 0 },
	{ &tarn__lpar_set_processors__descriptor, "name",       RULE_NAME, 0 },
	{ &tarn__lpar_set_memory__descriptor,     "name",       RULE_NAME, 0 },
	{ &tarn__lpar_move_memory__descriptor,    "name",       RULE_NAME, 0 },
	{ &tarn__lpar_move_memory__descriptor,    "to",         RULE_NAME, 0 },
	{ &tarn__lpar_profile__descriptor,        "name",       RULE_NAME, 0 },
	{ &tarn__lpar_profile__descriptor,        "attributes", RULE_LIST, HV_LPAR_ATTRIBUTES_MAX },
	{ &tarn__lpar_profile__descriptor,        "disks",      RULE_LIST, HV_DISKS_MAX },
	{ &tarn__lpar_profile__descriptor,        "ethernets",  RULE_LIST, HV_ETHERNETS_MAX },
	{ &tarn__lpar_create__descriptor,         "attributes", RULE_LIST, HV_LPAR_ATTRIBUTES_MAX },
	{ &tarn__lpar_activate__descriptor,       "profile",    RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__lpar_change__descriptor,         "name",       RULE_NAME, 0 },
	{ &tarn__lpar_change__descriptor,         "new_name",   RULE_NAME, 0 },
	{ &tarn__lpar_change__descriptor,         "default_profile", RULE_NAME, 0 },
	{ &tarn__lpar_change__descriptor,         "apply_profile", RULE_NAME, 0 },
	{ &tarn__lpar_change__descriptor,         "attributes", RULE_LIST, HV_LPAR_ATTRIBUTES_MAX },
	{ &tarn__profile_set__descriptor,         "lpar",       RULE_NAME, 0 },
	{ &tarn__profile_remove__descriptor,      "lpar",       RULE_NAME, 0 },
	{ &tarn__profile_remove__descriptor,      "name",       RULE_NAME, 0 },
	{ &tarn__user_record__descriptor,         "name",       RULE_NAME, 0 },
	{ &tarn__user_remove__descriptor,         "name",       RULE_NAME, 0 },
	{ &tarn__utilization_set__descriptor,     "host",       RULE_NAME, 0 },
	{ &tarn__utilization_query__descriptor,   "host",       RULE_NAME, 0 },
	{ &tarn__utilization_query__descriptor,   "lpars",      RULE_NAME_LIST, HV_UTILIZATION_NAMES_MAX },
	{ &tarn__utilization_query__descriptor,   "lpar_ids",   RULE_LIST, HV_UTILIZATION_NAMES_MAX },
	{ &tarn__utilization_lpar__descriptor,    "name",       RULE_NAME, 0 },
	{ &tarn__utilization_sample__descriptor,  "lpars",      RULE_LIST, HV_LPARS_MAX },
	{ &tarn__utilization_reply__descriptor,   "samples",    RULE_LIST, HV_UTILIZATION_MAX },
	{ &tarn__drill_run__descriptor,           "host",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__drill_run__descriptor,           "vios",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__query__descriptor,               "host",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__query__descriptor,               "name",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__query__descriptor,               "from_lpar",  RULE_NAME, 0 },
	{ &tarn__cluster_request__descriptor,     "key",        RULE_BYTES, HV_KEY_BYTES },

	{ &tarn__host_record__descriptor,         "name",       RULE_NAME, 0 },
	{ &tarn__host_record__descriptor,         "agent_id",   RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__host_record__descriptor,         "vios",       RULE_LIST, HV_HOST_VIOS_MAX },
	{ &tarn__host_record__descriptor,         "other_vios", RULE_LIST, HV_HOST_OTHER_VIOS_MAX },
	{ &tarn__device_record__descriptor,       "host",       RULE_NAME, 0 },
	{ &tarn__device_record__descriptor,       "remote_host", RULE_NAME, 0 },
	{ &tarn__device_record__descriptor,       "lpar",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__lpar_record__descriptor,         "host",       RULE_NAME, 0 },
	{ &tarn__lpar_record__descriptor,         "mirror",     RULE_NAME, 0 },
	{ &tarn__lpar_record__descriptor,         "new_device", RULE_NAME, 0 },
	{ &tarn__lpar_record__descriptor,         "old_device", RULE_NAME, 0 },
	{ &tarn__lpar_record__descriptor,         "device",     RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__lpar_record__descriptor,         "primary",    RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__lpar_record__descriptor,         "resize_to",  RULE_NAME, 0 },
	{ &tarn__lpar_record__descriptor,         "awaits",     RULE_NAME, 0 },
	{ &tarn__lpar_record__descriptor,         "profiles",   RULE_LIST, HV_LPAR_PROFILES_MAX },
	{ &tarn__lpar_record__descriptor,         "attributes", RULE_LIST, HV_LPAR_ATTRIBUTES_MAX },
	{ &tarn__drill_stall__descriptor,         "lpar",       RULE_NAME, 0 },
	{ &tarn__drill_record__descriptor,        "host",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__drill_record__descriptor,        "legs",       RULE_LIST, HV_DRILL_LEGS_MAX },
	{ &tarn__drill_leg__descriptor,           "host",       RULE_NAME, 0 },
	{ &tarn__drill_leg__descriptor,           "vios",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__drill_record__descriptor,        "vios",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__drill_record__descriptor,        "stalls",     RULE_LIST, HV_HOST_LPARS_MAX },
	{ &tarn__drill_record__descriptor,        "steps",      RULE_LIST, HV_DRILL_STEPS_MAX },
	{ &tarn__drill_record__descriptor,        "partitions", RULE_LIST, HV_HOST_LPARS_MAX },
	{ &tarn__drill_record__descriptor,        "timeline",   RULE_LIST, HV_DRILL_MOMENTS_MAX },
	{ &tarn__drill_record__descriptor,        "points",     RULE_LIST, HV_DRILL_POINTS_MAX },
	{ &tarn__drill_record__descriptor,        "skipped",    RULE_LIST, HV_DRILL_SKIPPED_MAX },
	{ &tarn__drill_record__descriptor,        "vios_epochs", RULE_LIST, HV_HOST_VIOS_MAX },
	{ &tarn__drill_partition__descriptor,     "lpar",       RULE_NAME, 0 },
	{ &tarn__job_record__descriptor,          "target",     RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__job_record__descriptor,          "host",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__job_record__descriptor,          "replaced",   RULE_NAME, 0 },
	{ &tarn__host_op_record__descriptor,      "host",       RULE_NAME, 0 },
	{ &tarn__status_reply__descriptor,        "hosts",      RULE_LIST, HV_HOSTS_MAX },
	{ &tarn__status_reply__descriptor,        "devices",    RULE_LIST, HV_CLUSTER_DEVICES_MAX },
	{ &tarn__status_reply__descriptor,        "lpars",      RULE_LIST, HV_LPARS_MAX },
	{ &tarn__status_reply__descriptor,        "next_lpar",  RULE_NAME, 0 },
	{ &tarn__placement_reason__descriptor,    "host",       RULE_NAME, 0 },
	{ &tarn__placement_reply__descriptor,     "host",       RULE_NAME_OR_EMPTY, 0 },
	{ &tarn__placement_reply__descriptor,     "reasons",    RULE_LIST, HV_HOSTS_MAX },
	{ &tarn__cluster_reply__descriptor,       "drills",     RULE_LIST, HV_DRILLS_MAX },
	{ &tarn__cluster_reply__descriptor,       "events",     RULE_LIST, HV_EVENTS_MAX },
	{ &tarn__cluster_reply__descriptor,       "users",      RULE_LIST, HV_USERS_MAX },
	{ &tarn__log_record__descriptor,          "key",        RULE_BYTES, HV_KEY_BYTES },

	{ &tarn__agent_run__descriptor,           "name",       RULE_NAME, 0 },
	{ &tarn__agent_device__descriptor,        "name",       RULE_NAME, 0 },
	{ &tarn__agent_vios__descriptor,          "name",       RULE_NAME, 0 },
	{ &tarn__agent_state__descriptor,         "vios",       RULE_LIST, HV_AGENT_VIOS_MAX },

	{ &tarn__remote_hello__descriptor,        "host_id",    RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__remote_hello__descriptor,        "vios",       RULE_NAME, 0 },
	{ &tarn__remote_hello__descriptor,        "incarnation", RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__remote_open__descriptor,         "id",         RULE_BYTES, HV_KEY_BYTES },
	{ &tarn__remote_open__descriptor,         "path",       RULE_PATH, 0 },
	{ &tarn__remote_batch__descriptor,        "runs",       RULE_LIST, HV_REMOTE_RUNS_MAX },
	{ &tarn__remote_batch__descriptor,        "pages",      RULE_BYTES_MAX, HV_REMOTE_PAGES_MAX * HV_PAGE_BYTES },
	{ &tarn__remote_batch__descriptor,        "sums",       RULE_LIST, HV_REMOTE_PAGES_MAX },
	{ &tarn__remote_done__descriptor,         "results",    RULE_LIST, HV_REMOTE_RUNS_MAX },
	{ &tarn__remote_done__descriptor,         "pages",      RULE_BYTES_MAX, HV_REMOTE_PAGES_MAX * HV_PAGE_BYTES },
	{ &tarn__remote_done__descriptor,         "sums",       RULE_LIST, HV_REMOTE_PAGES_MAX },
};
/* clang-format on */

/*
 * An index, made once: 10,000 LPARs are 100,000 messages, and each of their texts asks.
 *
 *   slot of the message ──► its first rule ──next──► its second ...
 */
#define SLOTS 512 /* a power of two, twice as many as there are rules */
#define NONE UINT16_MAX

static uint16_t slots[SLOTS];
static uint16_t next[HV_COUNT(rules)];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The slot that has the message, or the empty one where it would be. */
static uint16_t *slot_of(const ProtobufCMessageDescriptor *message)
{
	uint64_t hash = (uint64_t)(uintptr_t)message * UINT64_C(0x9e3779b97f4a7c15);
	size_t at = (size_t)(hash >> 32) % SLOTS;

	while (slots[at] != NONE && rules[slots[at]].message != message)
		at = (at + 1) % SLOTS;
	return &slots[at];
}

static void make_index(void)
{
	static_assert(HV_COUNT(rules) * 2 <= SLOTS, "slots stay half empty");
	for (size_t i = 0; i < SLOTS; i++)
		slots[i] = NONE;
	for (size_t i = HV_COUNT(rules); i > 0; i--) { /* so the first one stays first */
		uint16_t *slot = slot_of(rules[i - 1].message);

		next[i - 1] = *slot;
		*slot = (uint16_t)(i - 1);
	}
}

const struct message_rule *message_rule_find(const ProtobufCMessageDescriptor *message,
					     const char *field)
{
	(void)pthread_once(&once, make_index);
	for (uint16_t at = *slot_of(message); at != NONE; at = next[at])
		if (strcmp(rules[at].field, field) == 0)
			return &rules[at];
	return NULL;
}
