/*
 * model_host - a host as the coordinator sees it: takes a desired state, becomes it,
 * reports. The plainest thing that keeps the promises of proto/host.proto; the real
 * one is agent/core.
 *
 * It refuses lower epochs, starts no run twice, does each order once, keeps events
 * until they are acknowledged. A restart loses what an agent may forget. Whoever
 * drives it decides how far it converges and when it reports.
 *
 * Threads: one.
 */
#ifndef TESTS_SUPPORT_MODEL_HOST_H
#define TESTS_SUPPORT_MODEL_HOST_H

#include "hvcore/base/hist.h"
#include "hvcore/base/rng.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/messages.h"

#define MODEL_LPARS 64
#define MODEL_DEVICES 64
#define MODEL_OPS 64
#define MODEL_EVENTS 64
#define MODEL_RUNS 4096
#define MODEL_LMB (UINT64_C(16) << 20)

struct model_lpar {
	char name[HV_NAME_BYTES]; /* "" = free */
	uint64_t run_id;
	bool is_shared, is_guest;
	bool is_running;
	bool is_over;   /* this run_id is done with */
	bool has_error; /* it failed */
	uint64_t mem_bytes;
	uint64_t resize_generation; /* done; 0 = none */
	bool resize_has_error;
	uint64_t io_mapped_bytes;
	uint32_t weight; /* shared: as it was last told */
	uint64_t entitled_bytes;
	uint64_t want_pages; /* working set, as its manager says; 0 = it says nothing */
	uint64_t stalls[HV_HIST_BUCKETS], page_outs, io_errors, checksum_errors;
	uint64_t stolen_pages, page_ins, verify_passes, longest_stall_us, bad_pages;
	bool is_waiting;
	bool is_idle; /* knob: nothing comes in */
	char device[HV_NAME_BYTES];
	char mirror[HV_NAME_BYTES]; /* "" = none */
	/* knobs, of a mirrored one: pages that one side lacks; bad ones met by checks */
	uint64_t missed, mirror_missed, cross_bad;
	uint64_t resynced, healed;
	uint64_t devices_generation; /* its devices are as that order; 0: none */
	bool devices_have_error;
	char primary[HV_NAME_BYTES]; /* VIOS that it was given; "" = none */
	char current[HV_NAME_BYTES]; /* knob: that it asks; "" = it is not said */
};

struct model_device {
	char name[HV_NAME_BYTES]; /* "" = free */
	uint64_t generation;
	uint64_t bytes;
	uint64_t owner_epoch;
	bool is_done, has_error, is_removed;
	bool is_alone; /* one VIOS reaches it: it lies there, or as a knob */
	unsigned vios; /* of those: which; 2 = it does not lie there */
};

struct model_op {
	uint64_t id; /* 0 = free */
	bool has_error;
};

struct model_event {
	uint64_t number;
	char text[64];
};

struct model_vios {
	char name[HV_NAME_BYTES]; /* "" = free */
	Tarn__ViosState state;
	uint64_t epoch;
};

struct model_host {
	char name[HV_NAME_BYTES];
	uint8_t id[16];
	uint64_t memory_bytes, lmb_bytes;
	bool drills_allowed;

	/* durable */
	uint64_t highest_epoch;
	uint64_t runs_ended[MODEL_RUNS]; /* run_ids that are over */
	size_t runs_ended_count;
	uint64_t ops_done[MODEL_RUNS];
	size_t ops_done_count;
	struct model_event events[MODEL_EVENTS];
	size_t event_count;
	uint64_t event_number;
	uint64_t incarnation;

	/* of this incarnation */
	Tarn__HostDesired *desired; /* NULL: none yet */
	uint64_t report_number;

	/* the machine's */
	uint64_t pool_bytes, pool_max, pool_generation;
	bool pool_has_error;
	struct model_vios vios[2];
	uint64_t vios_epoch;
	struct model_lpar lpars[MODEL_LPARS];
	struct model_device devices[MODEL_DEVICES];
	struct model_op ops[MODEL_OPS];
	unsigned injections, clears; /* orders carried out; the last injection */
	bool is_cut; /* the link of its VIOS whose devices lie on another host */
	uint32_t cuts[8];
	unsigned cut_count; /* directions, in their order */
	uint32_t injected_ppm;
	uint64_t failover_number;
	struct {
		uint64_t number;
		unsigned from, to; /* 2 = nobody */
		const char *kind;
		bool has_page;
	} failovers[8];
	size_t failover_count;
	unsigned failbacks;              /* orders */
	char failed_back[HV_NAME_BYTES]; /* the last one's LPAR; "" = all */

	/* Knobs: the next of these fails with this code. */
	enum hv_code pool_error, device_error, lpar_error, op_error;
	uint64_t gives_at_most;  /* bytes of a resize; then it fails. 0 = all */
	bool is_slow_to_resize;  /* it is not done */
	bool is_slow_to_copy;    /* to other devices: not done */
	enum hv_code copy_error; /* the next one fails */
	bool is_slow_then;       /* and after that it is slow to copy */
	bool is_slow_to_share;   /* weight and entitled memory stay */
	bool is_deaf;            /* guests do not shut down when they are told to */
	bool vios_stay_down;     /* a VIOS that went is not restarted */
	bool exporter_is_down;
	const char *export_url; /* that it says; NULL: the right one */
	bool no_cut_noticed;
	bool no_paging;     /* no page-ins happen */
	bool no_resync;     /* pages that a side of a mirror lacks stay so */
	bool is_silent_op;  /* orders are not carried out */
	uint32_t hang_ms;   /* 0: it does not say */
	bool no_hang_seen;  /* a VIOS that is stopped goes on as if nothing were */
	unsigned away;      /* VIOS that went stay away for so much work */
	uint64_t clock_ms;  /* monotonic: half a second a work; 0: it does not say */
	uint64_t stall_ns;  /* one stall of each shared LPAR a work, so long */
	bool must_restart;  /* its agent, before the next step */
	bool agent_stays;   /* an order to kill it does nothing */
	unsigned injecting; /* kind of faults in vios1; 0: none */
	bool no_hits;       /* nobody meets them */
	uint64_t hits;
	uint64_t hypervisor;  /* incarnation */
	uint64_t quarantined; /* slots of each LPAR that stay there */

	/* Rules broken: a run that began twice, a kill done twice, a lower epoch. */
	const char *broken;
	uint64_t runs_begun[MODEL_RUNS];
	size_t runs_begun_count;
};

void model_host_init(struct model_host *host, const char *name, uint64_t memory_bytes);
void model_host_fini(struct model_host *host);
/* The agent is killed and comes back. The machine goes on. */
void model_host_restart(struct model_host *host);

/* Takes what a poll answered. False: refused (lower epoch). */
bool model_host_take(struct model_host *host, const Tarn__HostDesired *desired);
/* One thing that differs from the desired state is changed; false: nothing does. */
bool model_host_step(struct model_host *host);
void model_host_converge(struct model_host *host); /* step until nothing differs */
void model_host_acknowledge(struct model_host *host, uint64_t events);

/* Things that happen. */
void model_host_work(struct model_host *host); /* every running LPAR pages a little */
void model_host_end_lpar(struct model_host *host, const char *name);
void model_host_kill_vios(struct model_host *host, unsigned which);
void model_host_event(struct model_host *host, const char *text);
struct model_lpar *model_host_lpar(struct model_host *host, const char *name);
unsigned model_host_active(const struct model_host *host); /* VIOS; 2 = none */

/* Packed HostRequests; from malloc. */
uint8_t *model_host_poll(const struct model_host *host, size_t *ret_count);
uint8_t *model_host_report(struct model_host *host, size_t *ret_count);

#endif
