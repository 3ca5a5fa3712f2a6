/* rogue - see rogue.h. Between rogue_main and its callers everything is the child's. */
#include "tests/support/rogue_priv.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/attach.h"
#include "tests/support/wait.h"

#define FAILED ROGUE_FAILED

/* ---- attaching, as agent/partition does it ---- */

static void ask_for_calls(struct rogue_child *child)
{
	struct hv_attach_calls ask = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_CALLS, sizeof(ask), 0),
	};
	struct hv_local_packet packet;
	const struct hv_attach_calls_open *open = (const void *)packet.bytes;

	HV_INVARIANT(hv_local_send(child->attach, &ask, sizeof(ask), NULL, 0, NULL) ==
		     HV_OK);
	HV_INVARIANT(hv_local_receive_packet(child->attach, &packet, NULL) == HV_OK);
	HV_INVARIANT(open->head.type == HV_ATTACH_CALLS_OPEN && packet.fd_count == 2);
	HV_INVARIANT(partition_calls_open(packet.fds[0], packet.fds[1], open->hpt_bytes,
					  &child->calls, NULL) == HV_OK);
}

/* Dedicated memory has no userfaultfd. */
static struct test_region map_plain(int file, size_t bytes)
{
	struct test_region region = { .uffd = -1, .bytes = bytes };

	region.at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	HV_INVARIANT(region.at != MAP_FAILED);
	return region;
}

static void attach(struct rogue_child *child, const char *path, const char *name,
		   uint64_t run_id, const uint8_t *token)
{
	struct hv_attach_hello hello = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_HELLO, sizeof(hello),
				      0),
		.run_id = run_id,
	};
	struct hv_attach_region region = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_REGION, sizeof(region),
				      0),
	};
	struct hv_local_packet packet;
	const struct hv_attach_welcome *welcome = (const void *)packet.bytes;

	(void)snprintf(hello.name, sizeof(hello.name), "%s", name);
	memcpy(hello.token, token, sizeof(hello.token));
	HV_INVARIANT(hv_local_connect(path, &child->attach, NULL) == HV_OK);
	HV_INVARIANT(hv_local_send(child->attach, &hello, sizeof(hello), NULL, 0, NULL) ==
		     HV_OK);
	HV_INVARIANT(hv_local_receive_packet(child->attach, &packet, NULL) == HV_OK);
	HV_INVARIANT(welcome->head.type == HV_ATTACH_WELCOME && packet.fd_count == 1);
	child->file = packet.fds[0];
	if (welcome->mode == HV_MODE_SHARED)
		child->region = test_region_make(child->file, welcome->bytes);
	else
		child->region = map_plain(child->file, welcome->bytes);
	region.address = (uintptr_t)child->region.at;
	ask_for_calls(child);
	region.bytes = child->region.bytes;
	HV_INVARIANT(hv_local_send(child->attach, &region, sizeof(region),
				   &child->region.uffd, child->region.uffd >= 0,
				   NULL) == HV_OK);
	HV_INVARIANT(hv_local_receive_packet(child->attach, &packet, NULL) == HV_OK);
	HV_INVARIANT(welcome->head.type == HV_ATTACH_GO);
}

static _Noreturn void rogue_main(int orders, const char *path, const char *name,
				 uint64_t run_id, const uint8_t *token)
{
	struct rogue_child child = {
		.orders = orders, .ring = -1, .rng = { run_id }, .run_id = run_id
	};
	struct rogue_task order;
	uint64_t answer = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGBUS, SIG_DFL); /* not the sanitizer's report */
	attach(&child, path, name, run_id, token);
	child.self = (struct rogue_self){ child.region.at, child.calls };
	do {
		if (write(orders, &answer, sizeof(answer)) != sizeof(answer))
			break;
		if (read(orders, &order, sizeof(order)) != sizeof(order))
			break;
		answer = rogue_deed_do(&child, &order);
	} while (true);
	(void)kill(getpid(), SIGKILL); /* P1: touch nothing on the way out */
	for (;;)
		(void)pause();
}

/* ---- the test ---- */

static void parse_token(const char *hex, uint8_t *token)
{
	for (unsigned i = 0; i < HV_TOKEN_BYTES; i++) {
		unsigned byte = 0;

		HV_INVARIANT(sscanf(hex + 2 * i, "%2x", &byte) == 1);
		token[i] = (uint8_t)byte;
	}
}

void rogue_start(struct rogue *rogue, struct test_host *host,
		 const struct test_partition *spec)
{
	char path[TEST_PATH_BYTES];
	uint8_t token[HV_TOKEN_BYTES];
	struct hv_err err = { 0 };
	char hex[33];
	int ends[2];

	*rogue = (struct rogue){ .run_id = ++host->run_id };
	(void)snprintf(rogue->name, sizeof(rogue->name), "%s", spec->name);
	if (test_host_define(host, spec, rogue->run_id, hex, &err) != HV_OK) {
		(void)fprintf(stderr, "define: %s\n", err.text);
		HV_UNREACHABLE("define of a rogue");
	}
	parse_token(hex, token);
	(void)test_tmpdir_file(&host->dir, "run/attach.sock", path, sizeof(path));
	HV_INVARIANT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	rogue->pid = fork();
	HV_INVARIANT(rogue->pid >= 0);
	if (rogue->pid == 0) {
		(void)close(ends[0]);
		rogue_main(ends[1], path, rogue->name, rogue->run_id, token);
	}
	(void)close(ends[1]);
	rogue->socket = ends[0];
	HV_INVARIANT(rogue_answer(rogue) == 0); /* attached */
}

void rogue_order(struct rogue *rogue, enum rogue_deed deed, uint64_t page, uint64_t count)
{
	struct rogue_task order = { .deed = deed, .page = page, .count = count };

	HV_INVARIANT(send(rogue->socket, &order, sizeof(order), MSG_NOSIGNAL) ==
		     (ssize_t)sizeof(order));
}

void rogue_run_order(struct rogue *rogue,
		     uint64_t (*run)(struct rogue_self *self, uint64_t a, uint64_t b),
		     uint64_t a, uint64_t b)
{
	struct rogue_task order = {
		.deed = ROGUE_RUN, .page = a, .count = b, .run = run
	};

	HV_INVARIANT(send(rogue->socket, &order, sizeof(order), MSG_NOSIGNAL) ==
		     (ssize_t)sizeof(order));
}

uint64_t rogue_run(struct rogue *rogue,
		   uint64_t (*run)(struct rogue_self *self, uint64_t a, uint64_t b),
		   uint64_t a, uint64_t b)
{
	rogue_run_order(rogue, run, a, b);
	return rogue_answer(rogue);
}

uint64_t rogue_answer(struct rogue *rogue)
{
	uint64_t answer = FAILED;

	/* it died: the answer is that it failed */
	if (read(rogue->socket, &answer, sizeof(answer)) != sizeof(answer))
		return FAILED;
	return answer;
}

uint64_t rogue_do(struct rogue *rogue, enum rogue_deed deed, uint64_t page,
		  uint64_t count)
{
	rogue_order(rogue, deed, page, count);
	return rogue_answer(rogue);
}

static bool is_over(void *arg)
{
	siginfo_t info = { 0 };
	int pid = *(int *)arg;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

int rogue_wait(struct rogue *rogue, uint64_t deadline_ms)
{
	int status = 0;

	if (!test_wait(is_over, &rogue->pid, deadline_ms))
		return -1;
	HV_INVARIANT(waitpid(rogue->pid, &status, 0) == rogue->pid);
	rogue->pid = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void rogue_end(struct rogue *rogue, struct test_host *host)
{
	int status;

	if (rogue->pid != 0) {
		(void)kill(rogue->pid, SIGKILL);
		HV_INVARIANT(waitpid(rogue->pid, &status, 0) == rogue->pid);
	}
	rogue->pid = 0;
	(void)close(rogue->socket);
	test_host_wait_state(host, rogue->name, TARN__PARTITION_STATE__PARTITION_ENDED);
	test_host_remove(host, rogue->name, rogue->run_id);
}
