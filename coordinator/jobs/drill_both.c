/*
 * drill_both - both VIOS go at once: who needs a page waits, is seen to, and goes on.
 */
#include "coordinator/jobs/drill_kind.h"

#include "coordinator/cluster/limits.h"

#define AWAY_MS 4000   /* two of the slowest reports see it */
#define BOUND_MS 10000 /* that, and time to start; arbitrary */

uint64_t drill_bound_of_both(const struct drill_ready *ready)
{
	(void)ready;
	return BOUND_MS * UINT64_C(1000);
}

void drill_inject_both(struct drill *drill)
{
	drill_order_for(drill, TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL, "", AWAY_MS);
}

static void note_waiting(struct drill *drill, size_t at, const char *reason)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	if (at >= edit->n_partitions || edit->partitions[at]->waited != NULL)
		return;
	draft_set_text(drill->draft, &edit->partitions[at]->waited, "%s", reason);
	drill_note(drill, "LPAR '%s' waits: %s", edit->partitions[at]->lpar, reason);
}

/* How many wait now. */
static unsigned look_who_waits(struct drill *drill)
{
	unsigned count = 0;

	for (size_t i = 0; i < drill->record->n_partitions; i++) {
		const Tarn__PartitionStat *stat =
			drill_stat(drill, drill->record->partitions[i]);

		if (stat == NULL ||
		    stat->state != TARN__PARTITION_STATE__PARTITION_WAITING)
			continue;
		note_waiting(drill, i,
			     stat->reason != NULL && stat->reason[0] != '\0'
				     ? stat->reason
				     : "no reason given");
		count++;
	}
	return count;
}

static bool are_back(const struct drill *drill)
{
	return !drill->record->has_op &&
	       limits_vios_serving(drill->draft->cluster, drill->host) == 2;
}

void drill_await_both(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);
	unsigned waiting = look_who_waits(drill);

	if (op != NULL && op->error != NULL) {
		drill_refused(drill, op);
		return;
	}
	if (op != NULL)
		drill_note_op(drill, op);
	if (waiting > 0) {
		drill_moment_now(drill, "partitions wait");
		drill_note_page_ins(drill);
		drill_go(drill, "switch");
	} else if (are_back(drill)) { /* the verdict says that nobody waited */
		drill_go(drill, "switch");
	} else if (drill->waited_ms > drill_patience_ms(drill)) {
		drill_doubt(drill, "nobody was seen to wait within %u s%s",
			    (unsigned)(drill_patience_ms(drill) / 1000),
			    drill_silence(drill));
		drill_begin_restore(drill);
	}
}

void drill_serve_both(struct drill *drill)
{
	uint64_t pages = drill_pages_in(drill);

	if (look_who_waits(drill) == 0 && pages > 0) {
		drill_note_served(drill, "nobody waits");
		drill_note(drill, "nobody waits any more, %llu pages came in",
			   (unsigned long long)pages);
		drill_begin_restore(drill);
	} else if (drill->waited_ms > DRILL_SERVE_MS) {
		drill_fail(drill, "partitions did not go on within %u s%s",
			   DRILL_SERVE_MS / 1000, drill_silence(drill));
		drill_begin_restore(drill);
	}
}

void drill_prove_both(struct drill *drill)
{
	const Tarn__DrillRecord *edit = drill_edit(drill);

	for (size_t i = 0; i < edit->n_partitions; i++) {
		if (edit->partitions[i]->waited != NULL)
			return;
	}
	drill_doubt(drill, "no partition was seen to wait");
}
