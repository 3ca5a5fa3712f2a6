/*
 * attach - puts a partition's memory into the hypervisor's hands
 * (hvcore/wire/attach.h is the conversation).
 *
 * The happy path: say who we are, get the file, map it, register the mapping with a
 * userfaultfd of our own, hand that over, be told to go. Until GO nobody may touch
 * the memory. Any refusal, timeout or hang-up before GO undoes all of it.
 *
 * Rules kept here: P1 (the userfaultfd stays open and is never read), P7 (registered
 * before the address is returned, MADV_DONTFORK; nothing is preallocated, locked or
 * pinned). MADV_DONTDUMP too: a core dump would page everything in.
 *
 * Contract
 *   Threads  one thread.
 *   Memory   partition_attach_open() takes config->socket, also where it fails.
 *            An attachment is given up only by partition_attach_close(), and only
 *            when no other thread touches the memory any more.
 *   Errors   what the hypervisor refused with, its sentence in the text; GONE hung
 *            up; TIMEOUT no answer; VERSION, CORRUPT another conversation.
 *   Time     blocks up to config->timeout_ms for each of two answers.
 */
#ifndef AGENT_PARTITION_ATTACH_H
#define AGENT_PARTITION_ATTACH_H

#include "agent/partition/calls.h"
#include "hvcore/wire/attach.h"

#define PARTITION_ATTACH_TIMEOUT_MS 10000 /* arbitrary: a hypervisor answers in 1 ms */

struct partition_attach_config {
	int socket; /* connected to attach.sock */
	const char *name;
	uint64_t run_id;
	uint8_t token[HV_TOKEN_BYTES];
	int uffd_device; /* lent: an open /dev/userfaultfd; -1 = dedicated memory only */
	unsigned timeout_ms;
	bool wants_calls; /* hypervisor calls */
};

struct partition_attachment {
	int socket;
	int userfaultfd; /* -1 where the memory is dedicated */
	uint8_t *base;
	uint64_t bytes;        /* mapped: the maximum */
	uint64_t usable_bytes; /* touch no more until RESIZE */
	enum hv_attach_mode mode;
	int home_cpu;                  /* -1 = anywhere */
	struct partition_calls *calls; /* NULL where they were not wanted */
};

HV_MUST_USE
enum hv_code partition_attach_open(const struct partition_attach_config *config,
				   struct partition_attachment *ret_attachment,
				   struct hv_err *err);
void partition_attach_close(struct partition_attachment *attachment);

#endif
