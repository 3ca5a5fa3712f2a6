/* system - see system.h. */
#include "cli/hmc/system.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/units.h"

static enum hv_code ask(struct hmc *hmc, const char *host, Tarn__LparDetail detail,
			struct hmc_system *system, struct hv_err *err)
{
	Tarn__Query query = TARN__QUERY__INIT;
	enum hv_code code;

	*system = (struct hmc_system){ 0 };
	query.host = (char *)host; /* only encoded */
	query.has_lpars = true;
	query.lpars = detail;
	code = cli_ask_pages(hmc->cli, &query, &system->reply, err);
	if (code == HV_OK)
		system->status = system->reply->status;
	return code;
}

enum hv_code hmc_system_open_all(struct hmc *hmc, struct hmc_system *ret_system,
				 struct hv_err *err)
{
	return ask(hmc, NULL, hmc->detail, ret_system, err);
}

void hmc_system_fini(struct hmc_system *system)
{
	if (system->reply != NULL)
		tarn__cluster_reply__free_unpacked(system->reply, NULL);
	*system = (struct hmc_system){ 0 };
}

const char *hmc_type_model(const Tarn__HostRecord *host)
{
	const Tarn__PlatformProfile *profile = host->profile;

	return profile != NULL && profile->type_model != NULL &&
			       profile->type_model[0] != '\0'
		       ? profile->type_model
		       : "TARN-LAB";
}

const char *hmc_serial(const Tarn__HostRecord *host)
{
	const Tarn__PlatformProfile *profile = host->profile;

	return profile != NULL && profile->serial != NULL && profile->serial[0] != '\0'
		       ? profile->serial
		       : host->name;
}

uint64_t hmc_block_bytes(const struct hmc_system *system)
{
	const Tarn__HostView *host = system->host;

	if (host->memory != NULL && host->memory->lmb_bytes != 0)
		return host->memory->lmb_bytes;
	return host->record->lmb_bytes != 0 ? host->record->lmb_bytes : HMC_MIB;
}

static bool is_called(const Tarn__HostRecord *host, const char *name)
{
	size_t n = strlen(host->name);
	char mtms[HMC_MTMS_BYTES];

	(void)snprintf(mtms, sizeof(mtms), "%.31s*%.31s", hmc_type_model(host),
		       hmc_serial(host));
	if (strcmp(mtms, name) == 0 || strcmp(host->name, name) == 0)
		return true;
	return strncmp(host->name, name, n) == 0 && strncmp(name + n, "-SN", 3) == 0 &&
	       strcmp(name + n + 3, hmc_serial(host)) == 0;
}

static enum hv_code no_system(const char *name, struct hv_err *err)
{
	return hmc_fail(err,
			strchr(name, '*') != NULL ? HMC_NO_SYSTEM_TYPE : HMC_NO_SYSTEM,
			name, NULL, NULL);
}

/* The name of the host that is called so, copied; "" where there is none. */
static enum hv_code find_name(struct hmc *hmc, const char *name, char host[HV_NAME_BYTES],
			      struct hv_err *err)
{
	struct hmc_system all;
	enum hv_code code = ask(hmc, NULL, TARN__LPAR_DETAIL__LPAR_DETAIL_NONE, &all,
				err);

	host[0] = '\0';
	for (size_t i = 0; code == HV_OK && i < all.status->n_hosts; i++)
		if (is_called(all.status->hosts[i]->record, name))
			(void)snprintf(host, HV_NAME_BYTES, "%s",
				       all.status->hosts[i]->record->name);
	hmc_system_fini(&all);
	return code;
}

enum hv_code hmc_system_open(struct hmc *hmc, const char *name,
			     struct hmc_system *ret_system, struct hv_err *err)
{
	char host[HV_NAME_BYTES];
	enum hv_code code = HV_E_NOTFOUND;

	*ret_system = (struct hmc_system){ 0 };
	if (hv_name_is_valid(name))
		code = ask(hmc, name, hmc->detail, ret_system, err);
	if (code == HV_E_NOTFOUND) {
		code = find_name(hmc, name, host, err);
		if (code == HV_OK && host[0] == '\0')
			return no_system(name, err);
		if (code == HV_OK)
			code = ask(hmc, host, hmc->detail, ret_system, err);
	}
	if (code != HV_OK)
		return code;
	if (ret_system->status->n_hosts != 1)
		return hv_fail(err, HV_E_CORRUPT, "answer of the coordinator: %zu hosts",
			       ret_system->status->n_hosts);
	ret_system->host = ret_system->status->hosts[0];
	ret_system->name = ret_system->host->record->name;
	return HV_OK;
}

static enum hv_code find_id(const struct hmc_system *system, const char *id,
			    const Tarn__LparView **ret_lpar, struct hv_err *err)
{
	uint64_t number;

	if (hv_u64_parse(id, UINT32_MAX, &number, NULL) == HV_OK && number != 0) {
		for (size_t i = 0; i < system->status->n_lpars; i++) {
			*ret_lpar = system->status->lpars[i];
			if ((*ret_lpar)->record->lpar_id == number)
				return HV_OK;
		}
	}
	return hmc_fail(err, HMC_NO_PARTITION_ID, id, system->name, NULL);
}

enum hv_code hmc_partition_find(const struct hmc_system *system, const char *name,
				const char *id, const Tarn__LparView **ret_lpar,
				struct hv_err *err)
{
	if (name == NULL)
		return find_id(system, id, ret_lpar, err);
	for (size_t i = 0; i < system->status->n_lpars; i++) {
		*ret_lpar = system->status->lpars[i];
		if (strcmp((*ret_lpar)->record->spec->name, name) == 0)
			return HV_OK;
	}
	return hmc_fail(err, HMC_NO_PARTITION, name, system->name, NULL);
}

enum hv_code hmc_profile_find(const Tarn__LparView *lpar, const char *name,
			      const Tarn__LparProfile **ret_profile, struct hv_err *err)
{
	for (size_t i = 0; i < lpar->record->n_profiles; i++) {
		*ret_profile = lpar->record->profiles[i];
		if (strcmp((*ret_profile)->name, name) == 0)
			return HV_OK;
	}
	return hmc_fail(err, HMC_NO_PROFILE, name, lpar->record->spec->name, NULL);
}

static int by_falling_id(const void *a, const void *b)
{
	const Tarn__LparView *const *x = a, *const *y = b;
	uint32_t left = (*x)->record->lpar_id, right = (*y)->record->lpar_id;

	return left < right ? 1 : -(left > right);
}

enum hv_code hmc_partitions_take(const struct hmc_system *system,
				 struct hmc_partitions *ret_partitions,
				 struct hv_err *err)
{
	size_t count = system->status->n_lpars;
	const Tarn__LparView **lpars = calloc(count + 1, sizeof(*lpars));

	if (lpars == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a list of partitions");
	for (size_t i = 0; i < count; i++)
		lpars[i] = system->status->lpars[i];
	qsort(lpars, count, sizeof(*lpars), by_falling_id);
	*ret_partitions = (struct hmc_partitions){ count, lpars };
	return HV_OK;
}

bool hmc_system_has_pool(const struct hmc_system *system)
{
	const Tarn__DesiredPool *pool = system->host->record->pool;

	return pool != NULL && pool->mem_bytes != 0;
}

enum hv_code hmc_change(struct hmc *hmc, Tarn__ClusterRequest *request,
			struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	enum hv_code code = cli_ask(hmc->cli, request, &reply, err);

	if (code != HV_OK)
		return code;
	if (reply->has_job)
		code = cli_wait_job(hmc->cli, reply->job, err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
