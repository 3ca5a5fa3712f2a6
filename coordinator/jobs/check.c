/*
 * check - what the background check of a host found becomes an event; see jobs.h.
 *
 * Nothing is kept of what was told but the event itself, so a restart tells nothing
 * twice: the newest one of a run names how many bad pages there were.
 */
#include "coordinator/cluster/limits.h"
#include "coordinator/jobs/jobs.h"

#include <stdio.h>
#include <string.h>

#define EVENT_KIND "lpar.cross_bad"
#define AGAIN_MS 10000 /* a disk that lies tells more of it no sooner; arbitrary */
#define TEXT_BYTES 320
#define BEGIN_BYTES 80

static void describe(const Tarn__LparRecord *lpar, const Tarn__PartitionStat *stat,
		     char begin[BEGIN_BYTES], char text[TEXT_BYTES])
{
	(void)snprintf(begin, BEGIN_BYTES, "LPAR '%.31s' (run %llu): ", lpar->spec->name,
		       (unsigned long long)lpar->run_id);
	(void)snprintf(text, TEXT_BYTES,
		       "%spage %llu, read over %.31s, is not as it was written; bad "
		       "pages found by "
		       "the check of both paths so far: %llu",
		       begin, (unsigned long long)stat->cross_bad_page,
		       stat->cross_bad_vios != NULL ? stat->cross_bad_vios : "a path",
		       (unsigned long long)stat->cross_bad);
}

static const Tarn__Event *newest(const struct cluster *cluster, const char *host,
				 const char *begin)
{
	for (size_t i = cluster_count(cluster, RECORD_EVENT); i-- > 0;) {
		const Tarn__Event *event = cluster_event_at(cluster, i);

		if (strcmp(event->kind, EVENT_KIND) == 0 &&
		    strcmp(event->host, host) == 0 &&
		    strncmp(event->text, begin, strlen(begin)) == 0)
			return event;
	}
	return NULL;
}

static bool is_news(const struct cluster *cluster, const Tarn__Event *told,
		    const char *text)
{
	if (told == NULL)
		return true;
	return strcmp(told->text, text) != 0 &&
	       (cluster->wall_ms < told->wall_ms ||
		cluster->wall_ms - told->wall_ms >= AGAIN_MS);
}

static void step_lpar(struct draft *draft, const Tarn__LparRecord *lpar)
{
	const struct cluster *cluster = draft->cluster;
	const Tarn__PartitionStat *stat = live_partition(
		cluster_live(cluster, lpar->host), lpar->spec->name, lpar->run_id);
	char begin[BEGIN_BYTES], text[TEXT_BYTES];

	if (stat == NULL || stat->cross_bad == 0)
		return;
	describe(lpar, stat, begin, text);
	if (!is_news(cluster, newest(cluster, lpar->host, begin), text))
		return;
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_ERROR, lpar->host, EVENT_KIND,
			"%s", text);
	draft_name(draft, "lpar '%s' has bad pages", lpar->spec->name);
}

void jobs_step_checks(struct draft *draft, const Tarn__HostRecord *host)
{
	for (size_t i = 0; i < cluster_count(draft->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(draft->cluster, i);

		if (limits_is_active(lpar) && strcmp(lpar->host, host->name) == 0)
			step_lpar(draft, lpar);
	}
}
