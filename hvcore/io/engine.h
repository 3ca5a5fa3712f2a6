/*
 * engine - the I/O thread of a hypervisor: transfers of all its virtual adapters.
 *
 *   fault threads               I/O thread                             fault threads
 *   hold pages, fill in a
 *   request or a frame --inbox--> disk: bounce buffer <-> device
 *                                 disk: buffer, response <-> memory --ring, notify-->
 *                                 frame: to every port of its VLAN --ring, notify--> answer,
 *                                                                                    release
 *
 * It never waits for a device: those have the kernel's helper threads (hvcore/aio), at
 * most HV_DISK_DEPTH for each disk and HV_IO_HELPERS for all, and what a disk has beyond
 * that waits in its own queue. It touches memory of partitions only inside of an
 * adapter's gate, and never while a device is at work.
 *
 * Contract
 *   Threads  post: any. add and remove of a port: any but the I/O thread; remove waits
 *            for a frame that this port is just being given. turn: the I/O thread, or a
 *            test without one.
 *   Memory   jobs, disks and ports are lent until they are settled: hv_disk_is_idle(),
 *            hv_lan_port_is_idle(). Nothing is allocated after open.
 */
#ifndef HVCORE_IO_ENGINE_H
#define HVCORE_IO_ENGINE_H

#include "hvcore/aio/aio.h"

#include <pthread.h>
#include <stdatomic.h>

#include "hvcore/wire/io.h"

#define HV_DISK_DEPTH 4u      /* of one disk, at the device */
#define HV_IO_DISKS_MAX 2048u /* of a hypervisor: 128 partitions with 16 each */
#define HV_IO_OPERATIONS (HV_IO_DISKS_MAX * HV_DISK_DEPTH)
#define HV_IO_HELPERS 1024u /* so many may hang, of 256 disks, before others wait */

struct hv_disk;
struct hv_disk_request;
struct hv_lan_port;
struct hv_lan_frame;

enum hv_io_job_kind { HV_IO_REQUEST, HV_IO_FRAME };
struct hv_io_job { /* first member of a request, of a frame */
	enum hv_io_job_kind kind;
	struct hv_io_job *next; /* private */
};

/* Whoever is to look into the rings of its disks and ports. */
struct hv_io_owner {
	void (*notify)(struct hv_io_owner *owner); /* on the I/O thread */
};

struct hv_io_engine {
	/* private */
	struct hv_aio *aio;
	int doorbell;
	_Atomic(struct hv_io_job *) inbox; /* newest first */
	atomic_bool is_rung;
	struct hv_disk_request *active[HV_IO_OPERATIONS]; /* by cookie */
	uint16_t free[HV_IO_OPERATIONS];                  /* cookies */
	unsigned free_count;
	pthread_mutex_t lock; /* guards the next three; not held for a copy */
	pthread_cond_t moved;
	struct hv_lan_port *at; /* being delivered to: it stays in its VLAN */
	struct hv_lan_port *vlans[HV_VLAN_MAX + 1];
	pthread_t thread;
	atomic_bool is_stopping;
	bool is_started;
};

/* Without its thread and its I/O: hv_io_engine_turn() does one round of what it does. */
void hv_io_engine_init(struct hv_io_engine *engine, struct hv_aio *aio);
void hv_io_engine_fini(struct hv_io_engine *engine);
void hv_io_engine_turn(struct hv_io_engine *engine);

/* With a thread and an io_uring. */
HV_MUST_USE
enum hv_code hv_io_engine_open(struct hv_io_engine **ret_engine, struct hv_err *err);
/*
 * Ends the thread; nobody posts any more, and what was posted is begun. Device
 * operations under way have HV_IO_STOP_MS to end; false: some have not, so the kernel may
 * still write into buffers of disks: free nothing.
 */
#define HV_IO_STOP_MS 2000u /* arbitrary: as long as people wait */
HV_MUST_USE
bool hv_io_engine_stop(struct hv_io_engine *engine);  /* again: the same answer */
void hv_io_engine_close(struct hv_io_engine *engine); /* stopped; NULL is fine */

void hv_io_engine_post(struct hv_io_engine *engine, struct hv_io_job *job);
bool hv_io_engine_is_idle(const struct hv_io_engine *engine); /* I/O thread, or after */

/* private: disk.c and lan.c */
void hv_io_run_request(struct hv_io_engine *engine, struct hv_disk_request *request);
void hv_io_run_done(struct hv_io_engine *engine, struct hv_disk_request *request,
		    int result);
void hv_io_run_frame(struct hv_io_engine *engine, struct hv_lan_frame *frame);

#endif
