/* chhwres_vios - paging_vios_names: which VIOS page for the pool. */
#include "cli/hmc/hwres.h"

#include <string.h>

#define NAMES_MAX 2 /* max_paging_vios_per_mem_pool */

struct names {
	char at[NAMES_MAX][HMC_ELEMENT_BYTES];
	unsigned count;
};

static bool has(const struct names *names, const char *name)
{
	for (unsigned i = 0; i < names->count; i++)
		if (strcmp(names->at[i], name) == 0)
			return true;
	return false;
}

static bool is_paging(const Tarn__HostRecord *host, const char *name)
{
	for (size_t i = 0; i < host->n_vios; i++)
		if (strcmp(host->vios[i]->name, name) == 0)
			return true;
	return false;
}

static bool is_known(const Tarn__HostRecord *host, const char *name)
{
	for (size_t i = 0; i < host->n_other_vios; i++)
		if (strcmp(host->other_vios[i]->name, name) == 0)
			return true;
	return is_paging(host, name);
}

static bool read_names(const Tarn__HostRecord *host, const char *text,
		       struct names *names)
{
	const char *at = text;
	char element[HMC_ELEMENT_BYTES];
	bool is_bad = false;

	names->count = 0;
	while (hmc_list_next(&at, element, &is_bad)) {
		if (is_bad || names->count == NAMES_MAX || !is_known(host, element) ||
		    has(names, element))
			return false;
		(void)snprintf(names->at[names->count++], HMC_ELEMENT_BYTES, "%s",
			       element);
	}
	return !is_bad && names->count > 0;
}

/* The only one that leaves, and the only one that comes; false: more than that. */
static bool compare(const Tarn__HostRecord *host, const struct names *names,
		    enum hmc_op op, struct hmc_paging_vios *ret)
{
	unsigned leave = 0, come = 0;

	for (size_t i = 0; i < host->n_vios; i++) {
		/* -= names those that leave, = those that stay, += nobody */
		if (op == HMC_ADD ||
		    has(names, host->vios[i]->name) != (op == HMC_REMOVE))
			continue;
		(void)snprintf(ret->leaves, sizeof(ret->leaves), "%s",
			       host->vios[i]->name);
		leave++;
	}
	for (unsigned i = 0; i < names->count; i++) {
		if (op == HMC_REMOVE || is_paging(host, names->at[i]))
			continue;
		(void)snprintf(ret->comes, sizeof(ret->comes), "%.31s", names->at[i]);
		come++;
	}
	return leave <= 1 && come <= 1;
}

enum hv_code hmc_take_paging_vios(const struct hmc_system *system,
				  const struct hmc_pair *pair,
				  struct hmc_paging_vios *ret, struct hv_err *err)
{
	const Tarn__HostRecord *host = system->host->record;
	struct names names;

	*ret = (struct hmc_paging_vios){ .leaves = "" };
	if (!read_names(host, pair->value, &names))
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
				"one or two Virtual I/O Servers of the system");
	if (compare(host, &names, pair->op, ret))
		return HV_OK;
	return hmc_fail(
		err, HMC_INVALID_VALUE, pair->value, pair->name,
		"a change of one of the two paging Virtual I/O Servers at a time");
}

bool hmc_paging_vios_is_change(const struct hmc_paging_vios *vios)
{
	return vios->leaves[0] != '\0' || vios->comes[0] != '\0';
}

enum hv_code hmc_change_paging_vios(struct hmc *hmc, const struct hmc_system *system,
				    const struct hmc_paging_vios *vios,
				    struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ViosChange change = TARN__VIOS_CHANGE__INIT;
	bool leaves = vios->leaves[0] != '\0', comes = vios->comes[0] != '\0';

	change.host = (char *)system->name; /* only encoded, as are the next */
	change.name = (char *)(leaves ? vios->leaves : vios->comes);
	change.with = leaves && comes ? (char *)vios->comes : NULL;
	change.verb = !comes   ? TARN__VIOS_VERB__VIOS_VERB_UNASSIGN
		      : leaves ? TARN__VIOS_VERB__VIOS_VERB_REPLACE
			       : TARN__VIOS_VERB__VIOS_VERB_ASSIGN;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE;
	request.vios_change = &change;
	return hmc_change(hmc, &request, err);
}
