/* Unit tests of hvcore/wire/local.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/file.h"
#include "hvcore/wire/local.h"
#include "tests/support/tmpdir.h"

static struct test_tmpdir dir;
static char path[HV_LOCAL_PATH_BYTES];

static int set_up(void **state)
{
	(void)state;
	test_tmpdir_make(&dir);
	(void)test_tmpdir_file(&dir, "s.sock", path, sizeof(path));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_tmpdir_remove(&dir);
	return 0;
}

/* Both ends of one connection; the listener is closed. */
static void connect_pair(int *ret_server, int *ret_client)
{
	int listener;

	assert_int_equal(hv_local_listen(path, &listener, NULL), HV_OK);
	assert_int_equal(hv_local_connect(path, ret_client, NULL), HV_OK);
	assert_int_equal(hv_local_accept(listener, ret_server, NULL), HV_OK);
	(void)close(listener);
}

static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void a_packet_travels_with_its_descriptors(void **state)
{
	int server, client, fds[HV_LOCAL_FDS], got[HV_LOCAL_FDS];
	unsigned got_count = 0, before = count_fds();
	char text[16] = "";
	size_t bytes = 0;

	(void)state;
	connect_pair(&server, &client);
	for (unsigned i = 0; i < HV_LOCAL_FDS; i++)
		fds[i] = client;
	assert_int_equal(hv_local_send(client, "hello", 5, fds, HV_LOCAL_FDS, NULL),
			 HV_OK);
	assert_int_equal(hv_local_receive(server, text, sizeof(text), &bytes, got,
					  &got_count, NULL),
			 HV_OK);
	assert_int_equal(bytes, 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(got_count, HV_LOCAL_FDS);
	for (unsigned i = 0; i < got_count; i++)
		assert_int_equal(fcntl(got[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	hv_local_close_fds(got, got_count);
	(void)close(server);
	(void)close(client);
	assert_int_equal(count_fds(), before);
}

static void nothing_there_is_again_and_hung_up_is_gone(void **state)
{
	int server, client;
	char text[16];
	size_t bytes;

	(void)state;
	connect_pair(&server, &client);
	assert_int_equal(
		hv_local_receive(server, text, sizeof(text), &bytes, NULL, NULL, NULL),
		HV_E_AGAIN);
	(void)close(client);
	assert_int_equal(
		hv_local_receive(server, text, sizeof(text), &bytes, NULL, NULL, NULL),
		HV_E_GONE);
	assert_int_equal(hv_local_send(server, "x", 1, NULL, 0, NULL), HV_E_GONE);
	(void)close(server);
}

static void a_full_socket_is_again(void **state)
{
	int server, client;
	char text[HV_LOCAL_BYTES] = "";
	enum hv_code code = HV_OK;

	(void)state;
	connect_pair(&server, &client);
	assert_int_equal(hv_local_set_nonblocking(client, NULL), HV_OK);
	for (unsigned i = 0; code == HV_OK && i < 10000; i++)
		code = hv_local_send(client, text, sizeof(text), NULL, 0, NULL);
	assert_int_equal(code, HV_E_AGAIN);
	(void)close(server);
	(void)close(client);
}

static void descriptors_nobody_expects_are_closed(void **state)
{
	int server, client;
	unsigned before;
	char text[16];
	size_t bytes;

	(void)state;
	connect_pair(&server, &client);
	before = count_fds();
	assert_int_equal(hv_local_send(client, "x", 1, &client, 1, NULL), HV_OK);
	assert_int_equal(
		hv_local_receive(server, text, sizeof(text), &bytes, NULL, NULL, NULL),
		HV_E_CORRUPT);
	assert_int_equal(count_fds(), before);
	(void)close(server);
	(void)close(client);
}

/* hv_local_send refuses it, so a rude peer is played by hand. */
static void send_many_fds(int fd, unsigned count)
{
	struct iovec part = { .iov_base = (char[]){ "x" }, .iov_len = 1 };
	size_t space = CMSG_SPACE(sizeof(int) * count);
	struct cmsghdr *c = calloc(1, space);
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = c,
				  .msg_controllen = space };

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * count);
	for (unsigned i = 0; i < count; i++)
		((int *)(void *)CMSG_DATA(c))[i] = fd;
	assert_int_equal(sendmsg(fd, &message, 0), 1);
	free(c);
}

static void too_many_descriptors_are_refused_and_closed(void **state)
{
	static const unsigned counts[] = { HV_LOCAL_FDS + 1, HV_LOCAL_FDS + 4, 253 };
	int server, client, got[HV_LOCAL_FDS];
	unsigned before, got_count = 77;
	char text[16];
	size_t bytes;

	(void)state;
	connect_pair(&server, &client);
	before = count_fds();
	for (unsigned i = 0; i < HV_COUNT(counts); i++) {
		send_many_fds(client, counts[i]);
		assert_int_equal(hv_local_receive(server, text, sizeof(text), &bytes, got,
						  &got_count, NULL),
				 HV_E_CORRUPT);
		assert_int_equal(got_count, 77);
		assert_int_equal(count_fds(), before);
		/* And on a socket without SO_PASSCRED, where more room is left. */
		send_many_fds(server, counts[i]);
		assert_int_equal(hv_local_receive(client, text, sizeof(text), &bytes, got,
						  &got_count, NULL),
				 HV_E_CORRUPT);
		assert_int_equal(count_fds(), before);
	}
	(void)close(server);
	(void)close(client);
}

static void too_long_a_packet_is_corrupt(void **state)
{
	int server, client;
	char text[16];
	size_t bytes = 77;

	(void)state;
	connect_pair(&server, &client);
	assert_int_equal(hv_local_send(client, "0123456789abcdefg", 17, NULL, 0, NULL),
			 HV_OK);
	assert_int_equal(
		hv_local_receive(server, text, sizeof(text), &bytes, NULL, NULL, NULL),
		HV_E_CORRUPT);
	assert_int_equal(bytes, 77);
	(void)close(server);
	(void)close(client);
}

static void sending_has_limits(void **state)
{
	static char big[HV_LOCAL_BYTES + 1];
	int fds[HV_LOCAL_FDS + 1] = { 0 };

	(void)state;
	assert_int_equal(hv_local_send(-1, big, sizeof(big), NULL, 0, NULL), HV_E_LIMIT);
	assert_int_equal(hv_local_send(-1, big, 0, NULL, 0, NULL), HV_E_LIMIT);
	assert_int_equal(hv_local_send(-1, big, 1, fds, HV_LOCAL_FDS + 1, NULL),
			 HV_E_LIMIT);
}

static void the_sender_is_told_not_the_connector(void **state)
{
	struct hv_local_packet packet;
	struct hv_peer peer;
	struct pollfd end;
	int server, client, pid;

	(void)state;
	connect_pair(&server, &client);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(hv_local_send(client, "child", 5, NULL, 0, NULL) == HV_OK ? 0 : 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(hv_local_receive_packet(server, &packet, NULL), HV_OK);
	assert_int_equal(packet.count, 5);
	assert_int_equal(packet.sender_pid, pid);
	assert_int_equal(packet.sender_uid, getuid());
	assert_int_equal(hv_local_peer(server, &peer, NULL), HV_OK);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, getuid());
	end = (struct pollfd){ .fd = peer.pidfd, .events = POLLIN };
	assert_int_equal(poll(&end, 1, 0), 0); /* alive */
	(void)close(peer.pidfd);
	(void)close(server);
	(void)close(client);
}

static void a_socket_file_is_private(void **state)
{
	struct stat status;
	int listener;

	(void)state;
	assert_int_equal(hv_local_listen(path, &listener, NULL), HV_OK);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(hv_local_accept(listener, &listener, NULL), HV_E_AGAIN);
	(void)close(listener);
}

static void only_a_stale_socket_is_taken_over(void **state)
{
	struct hv_err err;
	int first, second = -1;

	(void)state;
	assert_int_equal(hv_local_listen(path, &first, NULL), HV_OK);
	assert_int_equal(hv_local_listen(path, &second, &err), HV_E_BUSY);
	assert_non_null(strstr(err.text, path));
	(void)close(first); /* the file stays, as after kill -9 */
	assert_int_equal(hv_local_listen(path, &second, NULL), HV_OK);
	(void)close(second);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(hv_file_replace(path, "precious", 8, NULL), HV_OK);
	assert_int_equal(hv_local_listen(path, &second, &err), HV_E_EXISTS);
	assert_int_equal(access(path, F_OK), 0);
}

static void nobody_there_is_gone(void **state)
{
	int listener, fd = -1;

	(void)state;
	assert_int_equal(hv_local_connect(path, &fd, NULL), HV_E_GONE);
	assert_int_equal(hv_local_listen(path, &listener, NULL), HV_OK);
	(void)close(listener);
	assert_int_equal(hv_local_connect(path, &fd, NULL), HV_E_GONE);
	assert_int_equal(fd, -1);
}

static void a_path_that_does_not_fit_is_refused(void **state)
{
	char longest[200];
	struct hv_err err;
	int fd = -1;

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(hv_local_listen(longest, &fd, &err), HV_E_INVAL);
	assert_non_null(strstr(err.text, "the limit is 107"));
	assert_int_equal(hv_local_connect("", &fd, &err), HV_E_INVAL);
}

struct head_case {
	uint32_t magic;
	uint16_t version;
	uint32_t bytes;
	size_t given;
	enum hv_code code;
};

static void heads_are_checked(void **state)
{
	static const struct head_case cases[] = {
		{ HV_LOCAL_MAGIC, 7, 16, 16, HV_OK },
		{ HV_LOCAL_MAGIC, 7, 16, 15, HV_E_CORRUPT },
		{ HV_LOCAL_MAGIC, 7, 16, 0, HV_E_CORRUPT },
		{ HV_LOCAL_MAGIC, 7, 17, 16, HV_E_CORRUPT },
		{ HV_LOCAL_MAGIC, 8, 16, 16, HV_E_VERSION },
		{ 0, 7, 16, 16, HV_E_CORRUPT },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		struct hv_local_head head = hv_local_head(cases[i].version, 1,
							  cases[i].bytes, 9);

		assert_int_equal(head.magic, HV_LOCAL_MAGIC);
		assert_int_equal(head.tag, 9);
		head.magic = cases[i].magic;
		assert_int_equal(hv_local_check(&head, cases[i].given, 7, NULL),
				 cases[i].code);
	}
}

#define LOCAL_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCAL_TEST(a_packet_travels_with_its_descriptors),
		LOCAL_TEST(nothing_there_is_again_and_hung_up_is_gone),
		LOCAL_TEST(a_full_socket_is_again),
		LOCAL_TEST(descriptors_nobody_expects_are_closed),
		LOCAL_TEST(too_many_descriptors_are_refused_and_closed),
		LOCAL_TEST(too_long_a_packet_is_corrupt),
		LOCAL_TEST(sending_has_limits),
		LOCAL_TEST(the_sender_is_told_not_the_connector),
		LOCAL_TEST(a_socket_file_is_private),
		LOCAL_TEST(only_a_stale_socket_is_taken_over),
		LOCAL_TEST(nobody_there_is_gone),
		LOCAL_TEST(a_path_that_does_not_fit_is_refused),
		LOCAL_TEST(heads_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
