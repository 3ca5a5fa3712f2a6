/* config - see config.h. */
#include "hvcore/hypervisor/config.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

#include "hvcore/base/option.h"
#include "hvcore/mem/lmb.h"
#include "hvcore/pager/pager.h"
#include "hvcore/wire/session.h"

#define AT(field) offsetof(struct raw, field)

struct raw {
	const char *state;
	uint64_t memory, lmb, hang_ms, fault_threads, donation_ms, window_ms, read_ahead,
		tier_share, hedge_us, pid_file_fd;
	bool home_near, steer, expect_writes;
};

/* clang-format off */
static const struct hv_option options[] = {
	{ "state", HV_OPTION_PATH, "DIR", NULL, 1, 64, AT(state), NULL,
	  "state directory of the host" },
	{ "memory", HV_OPTION_SIZE, "SIZE", NULL, 2 * HV_LMB_BYTES_MIN, 0, AT(memory), NULL,
	  "memory the host owns" },
	{ "lmb", HV_OPTION_SIZE, "SIZE", "16M", HV_LMB_BYTES_MIN, HV_LMB_BYTES_MAX, AT(lmb), NULL,
	  "memory block: 16M, 32M, 64M, 128M or 256M" },
	{ "hang-ms", HV_OPTION_U64, "MS", "500", 50, 60000, AT(hang_ms), NULL,
	  "silence of a VIOS that counts as a hang" },
	{ "fault-threads", HV_OPTION_U64, "N", "0", 0, HV_LANES_MAX, AT(fault_threads), NULL,
	  "0: one for each processor" },
	{ "donation-ms", HV_OPTION_U64, "MS", "100", 0, 10000, AT(donation_ms), NULL,
	  "between decisions on who donates memory, under pressure; 0: by weight alone" },
	{ "window-ms", HV_OPTION_U64, "MS", "4000", 500, 60000, AT(window_ms), NULL,
	  "pages referenced within it are a partition's working set" },
	{ "home-near", HV_OPTION_BOOL, "yes|no", "yes", 0, 0, AT(home_near), NULL,
	  "serve a partition on the processor that its paging device interrupts" },
	{ "steer", HV_OPTION_BOOL, "yes|no", "yes", 0, 0, AT(steer), NULL,
	  "keep threads that mostly wait for pages to the processor that serves them" },
	{ "read-ahead", HV_OPTION_U64, "PAGES", "15", 0, HV_AHEAD_MAX, AT(read_ahead), NULL,
	  "neighbours brought with a page that is read in order; 0: none" },
	{ "expect-writes", HV_OPTION_BOOL, "yes|no", "yes", 0, 0, AT(expect_writes), NULL,
	  "a page that is written each time it comes back comes writable for a read, too" },
	{ "hedge-us", HV_OPTION_U64, "US", "1000", 0, 1000000, AT(hedge_us), NULL,
	  "a page-in later than that, and than 99 of 100, is asked for over both VIOS; 0: never" },
	{ "tier-share", HV_OPTION_U64, "PERCENT", "10", 0, 90, AT(tier_share), NULL,
	  "of the pool, at most, for pages kept compressed before they go to a device; 0: none" },
	{ "pid-file-fd", HV_OPTION_U64, "FD", hv_option_absent, 3, INT_MAX, AT(pid_file_fd), NULL,
	  "its pid file, inherited, open for writing; absent: it opens it itself" },
};
static const struct hv_option_table table = {
	"tarn-hypervisor", "the memory of a Tarn host", NULL, options, HV_COUNT(options),
};
/* clang-format on */

int hypervisor_options_parse(int argc, char **argv,
			     struct hypervisor_options *ret_options)
{
	struct hv_option_result result;
	struct raw raw = { 0 };
	int rc = hv_option_main(&table, argc, argv, &raw, &result);

	if (rc >= 0 || result.is_check)
		return rc >= 0 ? rc : EXIT_SUCCESS;
	*ret_options = (struct hypervisor_options){
		.config = {
			.state_dir = raw.state,
			.memory_bytes = raw.memory,
			.lmb_bytes = raw.lmb,
			.hang_ms = (unsigned)raw.hang_ms,
			.fault_threads = (unsigned)raw.fault_threads,
			.donation_ms = (unsigned)raw.donation_ms,
			.window_ms = (unsigned)raw.window_ms,
			.is_home_near = raw.home_near,
			.is_steering = raw.steer,
			.read_ahead = (unsigned)raw.read_ahead,
			.expects_writes = raw.expect_writes,
			.hedge_us = (unsigned)raw.hedge_us,
			.tier_share = (unsigned)raw.tier_share,
		},
		.pid_file_fd = (int)raw.pid_file_fd,
	};
	return -1;
}
