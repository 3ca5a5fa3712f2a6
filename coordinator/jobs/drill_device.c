/*
 * drill_device - what a VIOS reads and writes goes wrong: its devices fail, or lie.
 *
 * The VIOS injects it itself (vios/inject), for a bounded time; so it ends also where
 * nobody is left to end it. The pages are the partner's to have.
 */
#include "coordinator/jobs/drill_kind.h"

#include <string.h>

#define FAULTS_MS 10000 /* longest, should nobody end them before */
#define LOOK_MS 3000    /* they last so long; arbitrary */
#define PART_PPM 200000 /* every fifth request */
#define PAGES_PPM 50000 /* every twentieth page */
#define ALL_PPM 1000000

/* Of every kind, in this incarnation. */
static uint64_t hits_of(const struct drill *drill)
{
	const Tarn__ViosStat *stat = live_vios(drill->live, drill->record->vios);
	uint64_t hits = 0;

	for (size_t i = 0; stat != NULL && i < stat->n_injected; i++)
		hits += stat->injected[i]->hits;
	return hits;
}

static uint64_t new_hits(const struct drill *drill)
{
	return drill_more(hits_of(drill), drill->record->hits_before);
}

static void inject(struct drill *drill, Tarn__InjectionKind kind, Tarn__InjectionOp what,
		   uint32_t ppm)
{
	Tarn__HostOp op = TARN__HOST_OP__INIT;
	Tarn__Injection injection = TARN__INJECTION__INIT;

	injection.kind = kind;
	injection.op = what;
	injection.rate_ppm = ppm;
	injection.time_ms = FAULTS_MS;
	if (kind == TARN__INJECTION_KIND__INJECTION_ERROR) {
		injection.has_error = 1;
		injection.error = TARN__INJECTION_ERROR__INJECTION_EIO;
	}
	op.kind = TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT;
	op.target = drill->record->vios;
	op.injection = &injection;
	drill_edit(drill)->has_hits_before = 1;
	drill_edit(drill)->hits_before = hits_of(drill);
	drill_put_op(drill, &op);
}

void drill_inject_error(struct drill *drill)
{
	inject(drill, TARN__INJECTION_KIND__INJECTION_ERROR,
	       TARN__INJECTION_OP__INJECTION_BOTH, PART_PPM);
}

void drill_inject_loss(struct drill *drill)
{
	inject(drill, TARN__INJECTION_KIND__INJECTION_ERROR,
	       TARN__INJECTION_OP__INJECTION_BOTH, ALL_PPM);
}

void drill_inject_corruption(struct drill *drill)
{
	inject(drill, TARN__INJECTION_KIND__INJECTION_CORRUPT,
	       TARN__INJECTION_OP__INJECTION_READ, PAGES_PPM);
}

void drill_await_faults(struct drill *drill)
{
	const Tarn__ObjectStatus *op = drill_op(drill);

	if (op != NULL && op->error != NULL) {
		drill_refused(drill, op);
		return;
	}
	if (op != NULL)
		drill_note_op(drill, op);
	if (new_hits(drill) > 0) {
		drill_moment_now(drill, "first fault seen");
		drill_note_page_ins(drill);
		drill_go(drill, "switch");
	} else if (drill->waited_ms > DRILL_INJECT_MS) {
		drill_doubt(drill, "no request met a fault within %u s%s",
			    DRILL_INJECT_MS / 1000, drill_silence(drill));
		drill_begin_restore(drill);
	}
}

static void keep_hits(struct drill *drill)
{
	drill_edit(drill)->has_hits = 1;
	drill_edit(drill)->hits = new_hits(drill);
}

void drill_serve_faults(struct drill *drill)
{
	if (drill->waited_ms < LOOK_MS || !drill_has_served(drill, "under faults"))
		return;
	keep_hits(drill);
	drill_begin_restore(drill);
}

void drill_undo_faults(struct drill *drill)
{
	if (!drill_edit(drill)->has_hits_before)
		return;
	drill_order(drill, TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR,
		    drill->record->vios);
	drill_note(drill, "the faults of VIOS '%s' end", drill->record->vios);
}

/* That faults were met, and seen for what they are; that no page was lost is judged
 * of every kind. */
void drill_prove_faults(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);
	const Tarn__DrillTotals *start = edit->start, *last = edit->last;
	uint64_t seen = 0;

	if (!edit->has_hits_before)
		return;                   /* nothing was done */
	if (new_hits(drill) > edit->hits) /* those until they ended, too */
		keep_hits(drill);
	if (start != NULL && last != NULL)
		seen = drill->kind->makes_checksums
			       ? drill_more(last->checksum_errors, start->checksum_errors)
			       : drill_more(last->io_errors, start->io_errors);
	drill_note(drill, "%llu requests or pages met a fault, %llu %s were seen",
		   (unsigned long long)edit->hits, (unsigned long long)seen,
		   drill->kind->makes_checksums ? "wrong checksums" : "errors");
	if (start != NULL && last != NULL && last->cross_bad > start->cross_bad)
		drill_note(drill, "%llu more were found by reading over the other path",
			   (unsigned long long)(last->cross_bad - start->cross_bad));
	if (edit->hits == 0)
		drill_doubt(drill, "no request met a fault");
	else if (seen == 0)
		drill_doubt(drill, "no partition needed what met a fault");
}
