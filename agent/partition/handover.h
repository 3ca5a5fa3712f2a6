/*
 * handover - the steps by which memory comes into the hypervisor's hands
 * (hvcore/wire/attach.h is the conversation), one function each, for everybody who does
 * it: tarn-partition (attach.h), its launcher of guests (guest_launch.h), and
 * libtarn-attach.so in the process that a guest runs in.
 *
 *   hello      HELLO out, WELCOME and the file in
 *   protect    a mapping is neither inherited nor dumped (P7)
 *   register   a userfaultfd of our own over the mapping
 *   region     REGION out, GO in; until then nobody may touch the memory
 *
 * Contract
 *   Threads  one thread.
 *   Memory   nothing is kept; what fails undoes nothing that another step did.
 *   Errors   what the hypervisor refused with, its sentence in the text; GONE hung
 *            up; TIMEOUT no answer; VERSION, CORRUPT another conversation.
 *   Time     an answer is waited for up to timeout_ms.
 */
#ifndef AGENT_PARTITION_HANDOVER_H
#define AGENT_PARTITION_HANDOVER_H

#include "hvcore/wire/attach.h"

struct partition_peer {
	int socket; /* connected to attach.sock */
	unsigned timeout_ms;
};

HV_MUST_USE
enum hv_code partition_handover_hello(const struct partition_peer *peer, const char *name,
				      uint64_t run_id,
				      const uint8_t token[HV_TOKEN_BYTES],
				      struct hv_attach_welcome *ret_welcome,
				      int *ret_file, struct hv_err *err);

/* The answer of a type, with the descriptors it must carry, which become ours. */
HV_MUST_USE
enum hv_code partition_handover_receive(const struct partition_peer *peer, unsigned type,
					unsigned fds, struct hv_local_packet *ret_packet,
					struct hv_err *err);

/* Whether the file is as long as it must be. */
HV_MUST_USE
enum hv_code partition_handover_check_file(int file,
					   const struct hv_attach_welcome *welcome,
					   struct hv_err *err);

HV_MUST_USE
enum hv_code partition_handover_protect(void *base, uint64_t bytes, struct hv_err *err);

/* `device`: an open /dev/userfaultfd. The new one is never read here (P1). */
HV_MUST_USE
enum hv_code partition_handover_register(int device, void *base, uint64_t bytes,
					 int *ret_userfaultfd, struct hv_err *err);

/* userfaultfd -1: dedicated memory. */
HV_MUST_USE
enum hv_code partition_handover_region(const struct partition_peer *peer, void *base,
				       uint64_t bytes, uint64_t offset, int userfaultfd,
				       struct hv_err *err);

#endif
