/*
 * model - the reserved memory of a host, from the status: the same module that the
 * coordinator decides with (hvcore/reserve), so that what is explained is what counts.
 *
 * Contract
 *   Threads  one.
 *   Memory   points into the status.
 *   Errors   NOTFOUND an unknown host; STATE a host without a profile or a size.
 */
#ifndef CLI_MODEL_H
#define CLI_MODEL_H

#include "hvcore/reserve/reserve.h"

#define CLI_MIB_BYTES 24

struct cli_model {
	const Tarn__StatusReply *status;
	const Tarn__HostView *host;
	struct hv_profile profile;
	struct hv_reserve sum;
	uint64_t lmb_bytes;
};

HV_MUST_USE
enum hv_code cli_model_make(const Tarn__StatusReply *status, const char *host,
			    struct cli_model *ret_model, struct hv_err *err);

bool cli_model_is_active(const Tarn__LparRecord *lpar);
struct hv_reserve_partition cli_model_partition(const Tarn__LparRecord *lpar);
uint64_t cli_model_firmware(const struct cli_model *model, const struct hv_reserve *sum);
uint64_t cli_model_slack(const struct cli_model *model);
/* How many more of these can be created before another block is taken; at most 9999. */
unsigned cli_model_more(const struct cli_model *model,
			const struct hv_reserve_partition *partition);

/* "2704.25": exact to a page where two digits show it; MiB. */
const char *cli_mib(uint64_t bytes, char buffer[CLI_MIB_BYTES]);

/* "1:64" of the table's choices; the ratio. 0: not given. */
extern const char *const cli_ratio_names[];
uint32_t cli_ratio(uint64_t choice);

#endif
