/*
 * director - the VIOS pair: who is expected, what happens when one ends, and whom each
 * partition asks. All of it is the loop thread's, but for what says F.
 */
#ifndef HVCORE_HYPERVISOR_DIRECTOR_H
#define HVCORE_HYPERVISOR_DIRECTOR_H

#include "hvcore/hypervisor/hypervisor_priv.h"

/* director.c */
void director_init(struct hypervisor *hv);
void director_close(struct hypervisor *hv);
bool director_may_serve(const struct vios *vios);
/* Planned: moves away from it, and closes its session after the last answer. */
void director_leave(struct vios *vios);
HV_MUST_USE
enum hv_code director_expect(struct hypervisor *hv, const Tarn__HvViosExpect *ask,
			     struct hv_err *err);
struct vios *director_find(struct hypervisor *hv, const char *name);
/* The incarnation must not serve any more. kind: "exit", "hang", "error". */
void director_fail(struct vios *vios, const char *kind, const char *reason);
void director_exited(struct vios *vios);
void director_tick(struct hypervisor *hv);
void director_poll(struct hypervisor *hv);
bool director_has_work(const struct hypervisor *hv);
Tarn__ViosState director_state(const struct vios *vios, char *reason);
void director_first_pages(struct hypervisor *hv);
/* The failover log, for pair.c. Gives the number of the record. */
uint64_t director_log(struct hypervisor *hv, const struct vios *from, const char *kind);
void director_log_moved(struct hypervisor *hv, uint64_t number, const struct vios *to);
void director_log_preferred(struct hypervisor *hv);
void director_log_telling(struct hypervisor *hv);
void director_log_switched(struct hypervisor *hv);
void director_log_show(struct failover *from, Tarn__Failover *to);

/* pair.c */
/* A session is open, or a device is, or one is no more: who asks whom from now on. */
void pair_choose(struct hypervisor *hv);
/* Nobody may ask that one any more; those who did count in this failover. */
void pair_lost(struct hypervisor *hv, unsigned path, uint64_t failover);
unsigned pair_primary(const struct partition *partition);
/* Partitions that ask it. */
unsigned pair_served(const struct hypervisor *hv, unsigned path);
/* ... or would, while there is none. */
bool pair_is_asked(const struct hypervisor *hv, unsigned path);
/* Has the fault threads know what changed; they all do. */
void pair_tell(struct hypervisor *hv);
bool pair_is_told(const struct hypervisor *hv);
/* F: has the space ask whom it is to ask. */
void pair_ask(struct fault_thread *thread, struct memory *memory);
/* It failed: if soon after some went back to it, the next time is put off. */
void pair_failed(struct vios *vios);
/* How long it is to be ready before they go back by themselves. */
uint64_t pair_wait_ms(const struct vios *vios);
/* Moves those back whose primary has been healthy for long enough. */
void pair_tick(struct hypervisor *hv);
/* ... at once, all or one. STATE: one cannot go back yet. */
HV_MUST_USE
enum hv_code pair_fail_back(struct hypervisor *hv, const char *only, struct hv_err *err);
/* A partition has another primary, which it goes to when it would fail back. */
HV_MUST_USE
enum hv_code pair_give(struct hypervisor *hv, const Tarn__HvPartitionPrimary *ask,
		       struct hv_err *err);
/* Those of `paths`, a bit each: "vios1", "vios1 and vios2". */
const char *pair_names(const struct hypervisor *hv, unsigned paths, char *to,
		       size_t room);
/* The paths of a partition, as they are shown. */
void pair_stat(struct partition *partition, Tarn__PartitionStat *stat);
/* Its pages that were read back over the other; `vios` is the stat's as long as it. */
void pair_cross_stat(const struct partition *partition, Tarn__PartitionStat *stat,
		     char vios[REASON_BYTES]);

#endif
