/*
 * local - packets between programs on one host over unix SEQPACKET sockets.
 *
 * One packet is one fixed struct that starts with hv_local_head, and up to
 * HV_LOCAL_FDS descriptors. Used by attach (partitions) and session (VIOS).
 *
 * Contract
 *   Threads  one thread per socket and direction.
 *   Memory   received descriptors are the caller's; all are closed where the
 *            call fails. They are close-on-exec.
 *   Errors   AGAIN nothing there (or the send buffer is full), GONE hung up,
 *            CORRUPT another magic, wrong length, too many descriptors,
 *            VERSION another version (checked by the user of the packet).
 */
#ifndef HVCORE_WIRE_LOCAL_H
#define HVCORE_WIRE_LOCAL_H

#include "hvcore/base/err.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define HV_LOCAL_MAGIC 0x4e524154u /* "TARN" */
#define HV_LOCAL_FDS 24         /* window + 2 doorbells for each of 8 lanes, rounded up */
#define HV_LOCAL_BYTES 4096     /* largest packet */
#define HV_LOCAL_PATH_BYTES 108 /* sun_path, with the NUL */

struct hv_local_head {
	uint32_t magic;
	uint16_t version; /* of the conversation: HV_ATTACH_VERSION, HV_SESSION_VERSION */
	uint16_t type;
	uint32_t bytes; /* of the whole struct */
	uint32_t tag;   /* an answer carries its question's */
};

static_assert(sizeof(struct hv_local_head) == 16, "local head");

/* Fills a head. */
struct hv_local_head hv_local_head(unsigned version, unsigned type, size_t bytes,
				   uint32_t tag);

HV_MUST_USE
enum hv_code hv_local_check(const void *packet, size_t bytes, unsigned version,
			    struct hv_err *err);

/*
 * The socket file is made 0600; a stale one is removed only if nobody listens on it.
 * The listener and what it accepts are non-blocking; hv_local_connect() gives a
 * blocking socket, made non-blocking by hv_local_set_nonblocking(). Every accepted
 * socket tells the sender of each packet (SO_PASSCRED).
 */
HV_MUST_USE
enum hv_code hv_local_listen(const char *path, int *ret_fd, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_local_accept(int listener, int *ret_fd, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_local_connect(const char *path, int *ret_fd, struct hv_err *err);
/* Non-blocking, from the start: AGAIN where a listener that stands still has too many. */
HV_MUST_USE
enum hv_code hv_local_connect_now(const char *path, int *ret_fd, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_local_set_nonblocking(int fd, struct hv_err *err);

/* Never blocks on a non-blocking socket; SIGPIPE is not raised. */
HV_MUST_USE
enum hv_code hv_local_send(int fd, const void *packet, size_t bytes, const int *fds,
			   unsigned fd_count, struct hv_err *err);

/* `fds` has room for HV_LOCAL_FDS; NULL where none is expected: then any is CORRUPT. */
HV_MUST_USE
enum hv_code hv_local_receive(int fd, void *packet, size_t room, size_t *ret_bytes,
			      int *fds, unsigned *ret_fd_count, struct hv_err *err);

struct hv_local_packet {
	_Alignas(8) uint8_t bytes[HV_LOCAL_BYTES];
	size_t count;
	int fds[HV_LOCAL_FDS];
	unsigned fd_count;
	int sender_pid; /* 0 = not told (a socket that was not accepted) */
	unsigned sender_uid;
};

/*
 * The same, and who sent it, which need not be who connected: the agent connects
 * for a partition. A pidfd opened for the sender of one packet is surely that
 * process once a later packet has the same sender_pid and the pidfd still says
 * alive.
 */
HV_MUST_USE
enum hv_code hv_local_receive_packet(int fd, struct hv_local_packet *ret_packet,
				     struct hv_err *err);
void hv_local_close_fds(const int *fds, unsigned count);

struct hv_peer {
	int pid;
	unsigned uid;
	int pidfd; /* the caller's */
};
/*
 * Who connected (SO_PEERCRED), with a pidfd that is surely that process as long as
 * it shares its end with nobody. GONE where it has hung up.
 */
HV_MUST_USE
enum hv_code hv_local_peer(int fd, struct hv_peer *ret_peer, struct hv_err *err);

#endif
