/*
 * live - what agents have reported since this coordinator started. In memory only:
 * after a restart a host is unknown until its first report.
 *
 * Contract
 *   Threads  L.
 *   Memory   the newest report of a host is kept whole and owned here; it was
 *            bounded when it was decoded.
 *   Time     monotonic milliseconds of the coordinator.
 */
#ifndef COORDINATOR_CLUSTER_LIVE_H
#define COORDINATOR_CLUSTER_LIVE_H

#include "hvcore/base/units.h"
#include "hvcore/wire/messages.h"

#define LIVE_SILENT_MS 6000 /* three of the agent's slowest report intervals */

/* How long something of a drill takes; it begins again with each mark. */
struct live_timer {
	uint64_t drill; /* 0: none yet */
	uint64_t mark;
	uint64_t since_ms;
};

/* How fast pages are brought to a side that had missed them. */
struct live_pace {
	uint64_t run_id;
	uint64_t clock_ms, resynced; /* at the beginning of the interval that goes on */
	uint64_t per_s;              /* in the last one; UINT64_MAX: not known yet */
};

struct live_host {
	char name[HV_NAME_BYTES];
	uint64_t seen_ms; /* last poll or report */
	bool is_seen;
	uint64_t incarnation;      /* of the agent that sent the report */
	uint64_t number;           /* of the report within it */
	uint64_t desired_revision; /* last change of what this host should be */
	Tarn__HostReport *report;  /* NULL until the first one */
	uint64_t report_ms;
	struct live_pace *paces; /* of mirrored LPARs */
	size_t pace_count, pace_room;
	struct live_timer
		phase; /* of its drill; the mark is which one, and its progress */
	struct live_timer lost; /* a device of a running LPAR; the mark is its number */
	struct live_timer leg;  /* that waits to begin there, of a drill of drills */
	char traced
		[HV_NAME_BYTES]; /* LPAR whose dispatch trace somebody wants, until then */
	uint64_t traced_ms;
	uint64_t cannot_end; /* drill for which this coordinator could not be ended */
	unsigned told;       /* the state that was sampled last: api/sampling.c */
};

struct live_table {
	struct live_host *hosts; /* by name */
	size_t count;
	size_t room;
};

void live_fini(struct live_table *table);
struct live_host *live_find(const struct live_table *table, const char *host);
/* Finds or makes. The pointer holds until the next live_make() or live_drop(). */
HV_MUST_USE
enum hv_code live_make(struct live_table *table, const char *host, uint64_t revision,
		       struct live_host **ret_host, struct hv_err *err);
void live_drop(struct live_table *table, const char *host);

/*
 * Takes the report over and says true, or leaves it with the caller where it is
 * older than the one there is.
 */
bool live_take_report(struct live_host *host, Tarn__HostReport *report, uint64_t now_ms);

bool live_is_connected(const struct live_host *host, uint64_t now_ms);

/* All accept a NULL host, and say NULL for what was not reported. */
const Tarn__HostStat *live_stat(const struct live_host *host);
const Tarn__ViosStat *live_vios(const struct live_host *host, const char *vios);
const Tarn__PartitionStat *live_partition(const struct live_host *host, const char *lpar,
					  uint64_t run_id);
const Tarn__ObjectStatus *live_object(const struct live_host *host, Tarn__ObjectKind kind,
				      const char *name, uint64_t generation);

/* Pages a second; false: not known. */
bool live_resynced_per_s(const struct live_host *host, uint64_t run_id,
			 uint64_t *ret_per_s);

/* For how long, in milliseconds, it has been that drill and that mark. */
uint64_t live_timer_step(struct live_timer *timer, uint64_t drill, uint64_t mark,
			 uint64_t now_ms);

/* Partitions that ask it. */
unsigned live_served(const struct live_host *host, const char *vios);
/* STANDBY or ACTIVE. */
bool live_vios_is_healthy(const struct live_host *host, const char *vios);
const char *live_vios_state_name(const struct live_host *host, const char *vios);

#endif
