/* crew_look - what a crew is at, for those who command it; see crew.h. */
#include "agent/partition/crew_priv.h"

#include <unistd.h>

bool crew_is_verifying(struct partition_crew *crew)
{
	return atomic_load(&crew->pass) != 0 && atomic_load(&crew->passed) < crew->count;
}

struct os_guest *partition_crew_os(struct partition_crew *crew)
{
	return crew->os;
}

struct partition_io *partition_crew_io(struct partition_crew *crew)
{
	return crew->io;
}

unsigned partition_crew_workers(const struct partition_crew *crew)
{
	return crew->count;
}

void partition_crew_reset_stall(struct partition_crew *crew)
{
	for (unsigned i = 0; i < crew->count; i++)
		partition_stall_reset(&crew->workers[i].stall);
}

static struct partition_progress progress_of(struct partition_crew *crew,
					     struct hv_hist *into)
{
	struct partition_progress progress = { 0 };

	/* Before the counts: a pass that is over has all its pages in them. */
	progress.is_verifying = crew_is_verifying(crew);
	progress.is_paused = atomic_load(&crew->pause) != 0 &&
			     atomic_load(&crew->paused) == crew->count;
	progress.is_ended = atomic_load(&crew->ended) == crew->count;
	for (unsigned i = 0; i < crew->count; i++) {
		struct worker *worker = &crew->workers[i];
		uint64_t longest = partition_stall_longest_ns(&worker->stall, into);

		if (longest > progress.longest_stall_ns)
			progress.longest_stall_ns = longest;
		progress.operations += atomic_load(&worker->operations);
		progress.verified += atomic_load(&worker->verified);
		progress.verified_bad += atomic_load(&worker->verified_bad);
	}
	return progress;
}

struct partition_progress partition_crew_progress(struct partition_crew *crew,
						  struct hv_hist *into)
{
	uint64_t notices;

	(void)!read(crew->notice, &notices, sizeof notices); /* EAGAIN: there is none */
	return progress_of(crew, into);
}

struct partition_progress partition_crew_look(struct partition_crew *crew)
{
	return progress_of(crew, NULL);
}

struct partition_access_box *partition_crew_access(struct partition_crew *crew)
{
	return &crew->access;
}
