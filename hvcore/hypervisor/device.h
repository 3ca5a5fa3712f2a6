/*
 * device - the paging devices of a partition, on the path of each VIOS: opened and
 * closed (device.c), and others in a run (change.c). All of it is L's, but for what
 * says F.
 */
#ifndef HVCORE_HYPERVISOR_DEVICE_H
#define HVCORE_HYPERVISOR_DEVICE_H

#include "hvcore/hypervisor/device_file.h"
#include "hvcore/hypervisor/fault.h"

#define REASON_BYTES 256

struct hypervisor;
struct partition;
struct vios;

enum device_state {
	DEVICE_CLOSED,
	DEVICE_OPENING,
	DEVICE_OPEN,
	DEVICE_FAILED, /* the VIOS said why not */
	DEVICE_CLOSING,
	DEVICE_STATE_COUNT
};

struct device_path {
	struct partition *partition; /* whose; set once */
	unsigned index;
	enum device_state state;
	bool in_doubt;      /* an ended epoch may still have I/O on it (P9) */
	bool is_leaving;    /* another device is to be there: not to be asked */
	uint64_t opened_ms; /* when it came to be OPEN */
	uint64_t slots, dev, inode;
	bool is_direct;
	unsigned processor; /* 1 + that which it interrupts; 0 = not known, or any */
	char reason[REASON_BYTES];
	char last_reason[REASON_BYTES]; /* that was logged */
	/* its fault thread is told: the device is open here; it is drained */
	struct fault_round told, drained;
	bool is_told_due;
	atomic_bool was_refused;
};

/*
 * A running partition is to have other devices: one path after the other.
 *
 *   LOOK --the other path has all--> MOVE --told, nothing out--> CLOSE --closed; F
 *   knows that it is another--> FILL --open, nothing missed--> LOOK --> done
 *
 * From MOVE until F has been told, and while an errand is out, `files` stays: what F
 * does and what L takes for done are of one wish.
 */
enum change_step {
	CHANGE_LOOK,
	CHANGE_MOVE,
	CHANGE_CLOSE,
	CHANGE_FILL,
};

struct change {
	bool is_running;
	enum change_step step;
	unsigned path;             /* under way */
	struct device_files files; /* what it is to have */
	/* ... after that: asked for meanwhile, and taken up in LOOK or FILL */
	struct device_files next;
	bool has_next;
	uint64_t began_ms;
	struct fault_round round;
	unsigned renewals; /* paths that have reached another device: L knows of */
	/* F's finding */
	enum hv_code code;
	struct hv_err err;
	bool is_out;
	uint64_t missed[HV_PATHS];
	uint64_t known[HV_PATHS]; /* the last of it that has come back */
};

struct device {
	bool is_used; /* a shared partition's */
	uint32_t handle;
	struct device_files files;
	char primary
		[HV_NAME_BYTES]; /* the VIOS it is to ask; "" = whoever is preferred */
	int current;             /* path that it asks; -1 = none */
	uint64_t lost; /* failover that it has not found another path since; 0 = none */
	struct device_path paths[HV_PATHS];
	struct change change;
};

/* device.c */
HV_MUST_USE
enum hv_code device_open(struct partition *partition, const Tarn__HvDevice *ask,
			 struct hv_err *err);
void device_free(struct partition *partition);
/* Asks every open session that may to open it; `path` -1 = both. */
void device_ask_open(struct partition *partition, unsigned path);
void device_ask_close(struct partition *partition);
/* Opening nowhere, closing nowhere. */
bool device_is_settled(const struct device *device);
bool device_is_clean(const struct device *device); /* closed, nothing in doubt */
bool device_is_idle(const struct device *device);  /* no round of it is out */
/* F: in the order of the mail, after the space was added. */
void device_tell(struct fault_thread *thread, struct partition *partition, unsigned path);
void device_opened(struct hypervisor *hv, struct vios *vios,
		   const struct hv_session_device_opened *packet);
void device_closed(struct hypervisor *hv, struct vios *vios, uint32_t handle);
/* The session is over. has_doubt: requests may be unanswered. */
void device_path_lost(struct hypervisor *hv, unsigned path, bool has_doubt);
/* P9: asks for the locks of every device in doubt. */
void device_poll(struct hypervisor *hv);
bool device_any_doubt(const struct hypervisor *hv, unsigned path);
/* Sets reason to why not all devices are open there; NULL reason is fine. */
bool device_all_open(const struct hypervisor *hv, unsigned path, char *reason);
bool device_any_pending(const struct hypervisor *hv, unsigned path);
/* Whether two different ones have its pages. */
bool device_is_mirrored(const struct partition *partition);
void device_stat(const struct partition *partition, Tarn__PartitionStat *stat);
/* After a round of stat: F mirrors its pages if, and only if, its devices are two. */
HV_MUST_USE
enum hv_code device_audit(const struct partition *partition, struct hv_err *err);
/* What its devices have room for, as far as is known; 0: none is open. */
uint64_t device_slots(const struct device *device);
/* By the name that was given first. */
const char *device_name(const struct device *device);
/* F holds it no more, and nothing is out: the VIOS lets go of it on that path. */
void device_close_path(struct device_path *path);
/* Whether a partition but this one has one of these devices, or is about to. */
HV_MUST_USE
enum hv_code device_check_unused(const struct partition *partition,
				 const struct device_files *files, struct hv_err *err);

/* change.c */
HV_MUST_USE
enum hv_code change_ask(struct hypervisor *hv, const Tarn__HvPartitionDevice *ask,
			struct hv_err *err);
void change_poll(struct hypervisor *hv); /* fast, while change_has_work() */
void change_look(struct hypervisor *hv); /* now and then: what takes longer */
bool change_has_work(const struct hypervisor *hv);
void change_end(struct partition *partition); /* it is given up */

#endif
