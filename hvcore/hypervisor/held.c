/*
 * held - a partition that keeps us in the file of its memory (H10).
 *
 * What changes a file, or looks for its holes, takes the lock of it in the kernel, and
 * so does the partition's own write by descriptor: it keeps the lock for as long as it
 * reads from where nobody brings the page. A fault thread or the I/O thread that comes
 * then waits, and with it everybody whom it serves. Nothing but the partition's end
 * helps. The loop never goes into such a file while its partition lives, so it can look.
 *
 * Looks are counted, not time: a hypervisor that was stopped blames nobody. A wait is
 * worth ten looks without one, so that letting go in between helps little.
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#define LOOK_WORTH 10u
#define SCORE_MAX (1000u / HELD_LOOK_MS * LOOK_WORTH) /* a second, in all */

static void look(struct partition *partition)
{
	struct held *held = &partition->held;
	bool is_held = hv_visits_look(&partition->memory.visits, &held->memory);

	if (partition->io != NULL)
		is_held |= hv_visits_look(&partition->io->memory.visits, &held->io);
	if (is_held)
		held->score += LOOK_WORTH;
	else if (held->score > 0)
		held->score--;
	if (held->score < SCORE_MAX)
		return;
	held->score = 0; /* once more after another second, should it not be enough */
	life_kill(partition, "held the file of its memory while others waited for it");
}

void held_look(struct hypervisor *hv)
{
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		look(p);
}
