/*
 * system - the managed system that -m names, with its partitions, as it is now.
 *
 * A name is a host's, or that with -SN and its serial number behind it, or machine
 * type, model and serial number: 9117-MMC*44K8102.
 *
 * Contract
 *   Threads  one.
 *   Memory   views belong to the system: hmc_system_fini(), also after a failure.
 *   Errors   NO_SYSTEM, NO_PARTITION, NO_PROFILE; what the coordinator says.
 *   Time     one question; two where the name is not the host's own.
 */
#ifndef CLI_HMC_SYSTEM_H
#define CLI_HMC_SYSTEM_H

#include "cli/hmc/hmc.h"

#define HMC_MTMS_BYTES 64
#define HMC_MIB (UINT64_C(1) << 20)

struct hmc_system {
	Tarn__ClusterReply *reply;
	const Tarn__StatusReply *status;
	const Tarn__HostView *host;
	const char *name; /* the host's */
};

HV_MUST_USE
enum hv_code hmc_system_open(struct hmc *hmc, const char *name,
			     struct hmc_system *ret_system, struct hv_err *err);
/* Every host; .host stays NULL. */
HV_MUST_USE
enum hv_code hmc_system_open_all(struct hmc *hmc, struct hmc_system *ret_system,
				 struct hv_err *err);
void hmc_system_fini(struct hmc_system *system);

/* By name, or by number where name is NULL. */
HV_MUST_USE
enum hv_code hmc_partition_find(const struct hmc_system *system, const char *name,
				const char *id, const Tarn__LparView **ret_lpar,
				struct hv_err *err);
HV_MUST_USE
enum hv_code hmc_profile_find(const Tarn__LparView *lpar, const char *name,
			      const Tarn__LparProfile **ret_profile, struct hv_err *err);

/* Partitions of the system by falling id, as an HMC lists them. */
struct hmc_partitions {
	size_t count;
	const Tarn__LparView **lpars;
};
HV_MUST_USE
enum hv_code hmc_partitions_take(const struct hmc_system *system,
				 struct hmc_partitions *ret_partitions,
				 struct hv_err *err);

bool hmc_system_has_pool(const struct hmc_system *system);
/* "9117-MMC" and "1007C1P"; a host that says nothing is a "TARN-LAB" of its name. */
const char *hmc_type_model(const Tarn__HostRecord *host);
const char *hmc_serial(const Tarn__HostRecord *host);
uint64_t hmc_block_bytes(const struct hmc_system *system);

/* Asks for a change and waits until it is carried out. Prints nothing. */
HV_MUST_USE
enum hv_code hmc_change(struct hmc *hmc, Tarn__ClusterRequest *request,
			struct hv_err *err);

#endif
