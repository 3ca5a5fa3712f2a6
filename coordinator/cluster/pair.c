/* pair - see pair.h. */
#include "coordinator/cluster/pair.h"

#include "coordinator/cluster/limits.h"

#include <stdlib.h>
#include <string.h>

#define NOWHERE SIZE_MAX

/* An edit whose lists have room for all that a host may have. */
static Tarn__HostRecord *edit_host(struct draft *draft, const char *name)
{
	const size_t bytes = (HV_HOST_ALL_VIOS_MAX + 1) * sizeof(Tarn__DesiredVios *);
	Tarn__HostRecord *edit = draft_edit_host(draft, name);
	Tarn__DesiredVios **grown;

	if (edit == NULL)
		return NULL;
	grown = realloc(edit->vios, bytes);
	if (grown != NULL)
		edit->vios = grown;
	draft->is_out |= grown == NULL;
	grown = realloc(edit->other_vios, bytes);
	if (grown != NULL)
		edit->other_vios = grown;
	draft->is_out |= grown == NULL;
	return draft->is_out ? NULL : edit;
}

static size_t find(Tarn__DesiredVios **list, size_t count, const char *name)
{
	for (size_t i = 0; name != NULL && i < count; i++)
		if (strcmp(list[i]->name, name) == 0)
			return i;
	return NOWHERE;
}

/* The one at that place, or NULL if that is nowhere. */
static Tarn__DesiredVios *take(Tarn__DesiredVios **list, size_t *count, size_t at)
{
	Tarn__DesiredVios *vios;

	if (at == NOWHERE)
		return NULL;
	vios = list[at];
	memmove(&list[at], &list[at + 1], (--*count - at) * sizeof(*list));
	return vios;
}

void pair_add(struct draft *draft, const char *host, const char *name, const char *remote)
{
	Tarn__HostRecord *edit = edit_host(draft, host);
	Tarn__DesiredVios vios = TARN__DESIRED_VIOS__INIT;
	Tarn__DesiredVios *copy;

	if (edit == NULL || edit->n_other_vios >= HV_HOST_OTHER_VIOS_MAX)
		return;
	vios.name = (char *)name; /* only copied */
	vios.enabled = true;
	vios.remote_host = (char *)remote;
	copy = (Tarn__DesiredVios *)record_copy(&vios.base);
	if (copy != NULL)
		edit->other_vios[edit->n_other_vios++] = copy;
	draft->is_out |= copy == NULL;
}

void pair_drop(struct draft *draft, const char *host, const char *name)
{
	Tarn__HostRecord *edit = edit_host(draft, host);
	Tarn__DesiredVios *vios;

	if (edit == NULL)
		return;
	vios = take(edit->other_vios, &edit->n_other_vios,
		    find(edit->other_vios, edit->n_other_vios, name));
	if (vios != NULL)
		tarn__desired_vios__free_unpacked(vios, NULL);
}

void pair_settle(struct draft *draft, const char *host, const char *other)
{
	Tarn__HostRecord *edit = draft_edit_host(draft, host);
	size_t at = edit == NULL ? NOWHERE
				 : find(edit->other_vios, edit->n_other_vios, other);

	if (at != NOWHERE)
		edit->other_vios[at]->maintenance = false;
}

static void give_primary(struct draft *draft, const Tarn__HostRecord *host,
			 const char *primary)
{
	for (size_t i = 0; i < cluster_count(draft->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(draft->cluster, i);
		Tarn__LparRecord *edit;

		if (strcmp(lpar->host, host->name) != 0 || !limits_is_active(lpar) ||
		    lpar->primary == NULL || limits_vios(host, lpar->primary) != NULL)
			continue;
		edit = draft_edit_lpar(draft, lpar->spec->name);
		if (edit != NULL)
			draft_set_text(draft, &edit->primary, "%s", primary);
	}
}

void pair_change(struct draft *draft, const char *host, const char *leaves,
		 const char *comes)
{
	Tarn__HostRecord *edit = edit_host(draft, host);
	Tarn__DesiredVios *in, *out;
	size_t place;

	if (edit == NULL)
		return;
	in = take(edit->other_vios, &edit->n_other_vios,
		  find(edit->other_vios, edit->n_other_vios, comes));
	place = find(edit->vios, edit->n_vios, leaves);
	out = take(edit->vios, &edit->n_vios, place);
	if (in != NULL) {
		if (place == NOWHERE)
			place = edit->n_vios;
		memmove(&edit->vios[place + 1], &edit->vios[place],
			(edit->n_vios++ - place) * sizeof(*edit->vios));
		edit->vios[place] = in;
	}
	if (out != NULL) {
		out->maintenance &= comes != NULL; /* as it was, if it comes back */
		edit->other_vios[edit->n_other_vios++] = out;
	}
	if (in != NULL)
		give_primary(draft, edit, in->name);
}
