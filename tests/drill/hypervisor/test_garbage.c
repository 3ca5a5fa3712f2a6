/*
 * Claim   whoever can reach the hypervisor's sockets can say what he likes: it
 *         stays up, and its partitions do not notice.
 * Inject  random packets, packets with a right head and random bodies, descriptors,
 *         connections that say nothing, on attach.sock and vasi.sock; raw bytes and
 *         random messages on hv.ipc; all under paging load.
 * Expect  the books balance, every page verifies, the pair is as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hvcore/base/rng.h"
#include "hvcore/loop/rpc.h"
#include "hvcore/wire/attach.h"
#include "hvcore/wire/session.h"
#include "tests/support/host.h"
#include "tests/support/seed.h"

#define ROUNDS 300
#define SILENT 100 /* more than GREETINGS_MAX */

static struct test_host host;

static void fill_random(struct hv_rng *rng, uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)hv_rng_next(rng);
}

static int connect_to(const char *name, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/%s",
		       host.dir.path, name);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* Every other packet has a head that passes; every third carries descriptors. */
static void say_nonsense(struct hv_rng *rng, const char *name, unsigned version,
			 unsigned types, size_t (*size_of)(unsigned type))
{
	uint8_t packet[HV_LOCAL_BYTES];
	int fds[3] = { 0, 1, 2 };
	int fd = connect_to(name, SOCK_SEQPACKET);

	if (fd < 0)
		return; /* its backlog is full of us */
	for (unsigned i = 0; i <= hv_rng_below(rng, 3); i++) {
		size_t count = 1 + hv_rng_below(rng, sizeof(packet));
		unsigned type = 1 + (unsigned)hv_rng_below(rng, types);
		bool has_head = hv_rng_below(rng, 2) == 0;
		struct hv_local_head head;

		fill_random(rng, packet, count);
		if (has_head && size_of(type) > 0) {
			count = size_of(type);
			fill_random(rng, packet, count);
			head = hv_local_head(version, type, count, 7);
			memcpy(packet, &head, sizeof(head));
		}
		if (hv_local_send(fd, packet, count, fds,
				  hv_rng_below(rng, 3) == 0 ? 3 : 0, NULL) != HV_OK)
			break; /* hung up on, rightly */
	}
	(void)close(fd);
}

static void say_nonsense_to_control(struct hv_rng *rng)
{
	uint8_t bytes[512];
	size_t count = hv_rng_below(rng, sizeof(bytes));
	uint8_t *answer = NULL;
	int fd;

	fill_random(rng, bytes, sizeof(bytes));
	fd = connect_to("hv.ipc", SOCK_STREAM);
	if (fd >= 0) {
		(void)!write(fd, bytes, count);
		(void)close(fd);
	}
	if (hv_rpc_ask(host.url, bytes, count, 5000, &answer, &count, NULL) == HV_OK) {
		Tarn__HvReply *reply = NULL;

		assert_int_equal(hv_hv_reply_decode(answer, count, &reply, NULL), HV_OK);
		assert_non_null(reply->error);
		tarn__hv_reply__free_unpacked(reply, NULL);
		free(answer);
	}
}

static void nonsense_on_every_socket_disturbs_nobody(void **state)
{
	struct hv_rng rng = { test_seed() };
	int silent[2 * SILENT];
	Tarn__HvReply *reply;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){ .name = "db1",
							     .mem_mib = 64,
							     .write_percent = 50 });
	test_host_wait_page_ins(&host, "db1", 100);
	for (unsigned i = 0; i < SILENT; i++) {
		silent[2 * i] = connect_to("attach.sock", SOCK_SEQPACKET);
		silent[2 * i + 1] = connect_to("vasi.sock", SOCK_SEQPACKET);
	}
	for (unsigned i = 0; i < 2 * SILENT; i++)
		if (silent[i] >= 0)
			(void)close(silent[i]);
	for (unsigned i = 0; i < ROUNDS; i++) {
		say_nonsense(&rng, "attach.sock", HV_ATTACH_VERSION, HV_ATTACH_TYPE_COUNT,
			     hv_attach_bytes);
		say_nonsense(&rng, "vasi.sock", HV_SESSION_VERSION, HV_SESSION_TYPE_COUNT,
			     hv_session_bytes);
		if (i % 10 == 0)
			say_nonsense_to_control(&rng);
	}
	test_host_verify(&host);
	reply = test_host_stat(&host, true);
	assert_int_equal(test_stat_vios(reply, "vios1")->state,
			 TARN__VIOS_STATE__VIOS_ACTIVE);
	assert_int_equal(test_stat_vios(reply, "vios2")->state,
			 TARN__VIOS_STATE__VIOS_STANDBY);
	assert_int_equal(reply->stat->n_failovers, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_end(&host);
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nonsense_on_every_socket_disturbs_nobody,
					  tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
