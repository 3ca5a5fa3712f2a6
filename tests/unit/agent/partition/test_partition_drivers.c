/*
 * Drivers of virtual adapters against adapters that move bytes at once: what went is what
 * comes back, what is wrong is found, what is refused is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <unistd.h>

#include "agent/partition/io_blocks.h"
#include "agent/partition/io_lan.h"
#include "hvcore/base/invariant.h"
#include "tests/support/fake_adapters.h"
#include "tests/support/oom.h"

#define PAGES 512u
#define KEY UINT64_C(0x1122334455667788)

static struct fake_adapters fake;
static struct partition_calls *calls;
static uint8_t *memory;

static int set_up(void **state)
{
	(void)state;
	memory = fake_adapters_start(&fake, PAGES);
	calls = fake.calls;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_adapters_end(&fake);
	return 0;
}

static uint8_t *page_at(uint64_t page)
{
	return memory + page * HV_PAGE_BYTES;
}

/* ---- disks ---- */

static struct io_disk_config disk_config(void)
{
	return (struct io_disk_config){ .calls = calls,
					.unit = hv_io_disk_unit(0),
					.driver = page_at(0),
					.driver_page = 0 };
}

static struct io_disk *open_disk(void)
{
	struct io_disk_config config = disk_config();
	struct io_disk *disk = NULL;

	assert_int_equal(io_disk_open(&config, &disk, NULL), HV_OK);
	return disk;
}

static void a_page_comes_back_as_it_went(void **state)
{
	struct io_disk *disk = open_disk();

	(void)state;
	assert_int_equal(io_disk_pages(disk), FAKE_DISK_BYTES / HV_PAGE_BYTES);
	for (unsigned i = 0; i < 300; i++) { /* more than the queue has entries */
		uint64_t at = i % io_disk_pages(disk);

		memset(page_at(10), (int)(i + 1), HV_PAGE_BYTES);
		memset(page_at(11), 0, HV_PAGE_BYTES);
		assert_int_equal(io_disk_transfer(disk, 3, true, 10, at), IO_DONE);
		assert_int_equal(io_disk_transfer(disk, 15, false, 11, at), IO_DONE);
		assert_memory_equal(page_at(10), page_at(11), HV_PAGE_BYTES);
	}
	assert_int_equal(io_disk_sync(disk, 0), IO_DONE);
	assert_int_equal(atomic_load(&fake.syncs), 1);
	io_disk_close(disk);
}

static void what_a_disk_or_the_hypervisor_refuses_is_told(void **state)
{
	struct io_disk *disk = open_disk();

	(void)state;
	atomic_store(&fake.fails, true);
	assert_int_equal(io_disk_transfer(disk, 0, true, 10, 0), IO_FAILED);
	assert_int_equal(io_disk_transfer(disk, 0, false, 10, 0), IO_FAILED);
	assert_int_equal(io_disk_sync(disk, 0), IO_FAILED);
	atomic_store(&fake.fails, false);
	atomic_store(&fake.refuses, H_SEND_CRQ);
	assert_int_equal(io_disk_transfer(disk, 0, true, 10, 0), IO_REFUSED);
	atomic_store(&fake.refuses, 0);
	fake.entitled = atomic_load(&fake.mapped);
	assert_int_equal(io_disk_transfer(disk, 0, true, 10, 0), IO_NOT_ENTITLED);
	fake.entitled = 0;
	assert_int_equal(io_disk_transfer(disk, 0, true, 10, 0), IO_DONE);
	io_disk_close(disk);
}

static void a_page_that_is_brought_first_is_waited_for(void **state)
{
	struct io_disk *disk;

	(void)state;
	fake.has_late_pages = true;
	disk = open_disk();
	assert_int_equal(io_disk_transfer(disk, 0, true, 10, 0), IO_DONE);
	io_disk_close(disk);
}

static void a_disk_that_cannot_be_used_is_not_there(void **state)
{
	static const unsigned numbers[] = { H_PUT_TCE, H_REG_CRQ, H_SEND_CRQ };
	struct io_disk_config config = disk_config();
	struct io_disk *disk = NULL;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(numbers); i++) {
		atomic_store(&fake.refuses, numbers[i]);
		assert_int_equal(io_disk_open(&config, &disk, NULL),
				 numbers[i] == H_SEND_CRQ ? HV_E_IO : HV_E_REFUSED);
		assert_null(disk);
		atomic_store(&fake.refuses, 0);
	}
	fake.entitled = 1;
	assert_int_equal(io_disk_open(&config, &disk, NULL), HV_E_REFUSED);
	fake.entitled = 0;
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = io_disk_open(&config, &disk, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
	}
	io_disk_close(disk);
}

/* An answer that nobody waits for, or that is none, harms nobody. */
static void stray_answers_are_passed_over(void **state)
{
	struct io_disk *disk = open_disk();
	uint8_t *queue = page_at(0);

	(void)state;
	fake_adapters_sync(&fake);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *at = queue + fake.units[0].next * HV_IO_ENTRY_BYTES;

		hv_crq_put(at, &(struct hv_crq){ i == 0 ? 3 : 400 });
		fake.units[0].next++;
	}
	queue[fake.units[0].next * HV_IO_ENTRY_BYTES] = 0x11;
	fake.units[0].next++;
	fake_adapters_sync(&fake);
	assert_int_equal(io_disk_transfer(disk, 0, true, 10, 0), IO_DONE);
	io_disk_close(disk);
}

struct user {
	struct io_disk *disk;
	unsigned place;
	pthread_t thread;
	unsigned wrong;
};

static void *use(void *arg)
{
	struct user *user = arg;
	uint64_t page = 20 + user->place;

	for (unsigned i = 0; i < 200; i++) {
		memset(page_at(page), (int)(user->place * 16 + i), HV_PAGE_BYTES);
		user->wrong += io_disk_transfer(user->disk, user->place, true, page,
						user->place) != IO_DONE;
		memset(page_at(page), 0, HV_PAGE_BYTES);
		user->wrong += io_disk_transfer(user->disk, user->place, false, page,
						user->place) != IO_DONE;
		user->wrong += page_at(page)[i] != (uint8_t)(user->place * 16 + i);
	}
	return NULL;
}

static void threads_share_a_disk(void **state)
{
	struct io_disk *disk = open_disk();
	struct user users[4];

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(users); i++) {
		users[i] = (struct user){ .disk = disk, .place = i };
		assert_int_equal(pthread_create(&users[i].thread, NULL, use, &users[i]),
				 0);
	}
	for (unsigned i = 0; i < HV_COUNT(users); i++) {
		assert_int_equal(pthread_join(users[i].thread, NULL), 0);
		assert_int_equal(users[i].wrong, 0);
	}
	io_disk_close(disk);
}

/* ---- blocks ---- */

static void no_block_has_two_owners(void **state)
{
	struct io_blocks *blocks;
	uint64_t first[3], number = 0;

	(void)state;
	assert_int_equal(io_blocks_open(11, 3, &blocks, NULL), HV_OK);
	for (unsigned worker = 0; worker < 3; worker++)
		for (uint64_t page = 0; page < 100; page++) {
			struct io_block *block = io_blocks_of(blocks, worker, page,
							      &number);

			assert_non_null(block);
			assert_in_range(number, worker * 3, worker * 3 + 2);
			first[worker] = number;
		}
	assert_true(first[0] < first[1] && first[1] < first[2]);
	io_blocks_of(blocks, 1, 0, &number)->is_saved = true;
	io_blocks_forget(blocks);
	assert_false(io_blocks_of(blocks, 1, 0, &number)->is_saved);
	io_blocks_close(blocks);
	assert_int_equal(io_blocks_open(2, 3, &blocks, NULL), HV_OK);
	assert_null(io_blocks_of(blocks, 0, 0, &number));
	io_blocks_close(blocks);
	oom_arm(1);
	assert_int_equal(io_blocks_open(2, 3, &blocks, NULL), HV_E_NOMEM);
	assert_true(oom_disarm());
}

/* ---- packets ---- */

static void a_packet_with_one_wrong_bit_is_not_good(void **state)
{
	static const uint32_t sizes[] = { IO_PACKET_HEAD, IO_PACKET_HEAD + 1, 60, 61,
					  IO_PACKET_BYTES_MAX };
	uint8_t frame[IO_PACKET_BYTES_MAX];
	struct io_packet got;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(sizes); i++) {
		struct io_packet packet = { .to = 2,
					    .from = 3,
					    .kind = IO_PACKET_DATA,
					    .key = KEY,
					    .number = i + 1,
					    .bytes = sizes[i] };

		io_packet_put(frame, &packet);
		assert_int_equal(io_packet_check(frame, sizes[i], &got), IO_PACKET_GOOD);
		assert_int_equal(got.to, 2);
		assert_int_equal(got.from, 3);
		assert_int_equal(got.kind, IO_PACKET_DATA);
		assert_int_equal(got.key, KEY);
		assert_int_equal(got.number, i + 1);
		assert_int_equal(got.bytes, sizes[i]);
		assert_int_equal(io_packet_check(frame, sizes[i] - 1, &got),
				 IO_PACKET_BAD_HEAD);
		/* behind the addresses, and the head alone has no word that follows */
		for (uint32_t at = 12; at < sizes[i]; at++) {
			enum io_packet_verdict verdict;

			frame[at] ^= 1;
			verdict = io_packet_check(frame, sizes[i], &got);
			if (sizes[i] > IO_PACKET_HEAD + 7 || at < 26 || at > 41)
				assert_int_not_equal(verdict, IO_PACKET_GOOD);
			frame[at] ^= 1;
		}
	}
	memset(frame, 0xff, sizeof(frame));
	for (uint32_t bytes = 0; bytes < 64; bytes++)
		assert_int_equal(io_packet_check(frame, bytes, &got), IO_PACKET_BAD_HEAD);
	memset(frame, 0, sizeof(frame));
	for (uint32_t bytes = 0; bytes <= sizeof(frame); bytes++)
		assert_int_equal(io_packet_check(frame, bytes, &got), IO_PACKET_BAD_HEAD);
}

/* ---- ethernets ---- */

#define LAN_PAGES IO_LAN_DRIVER_PAGES(8)

static struct io_lan_config lan_config(unsigned nth)
{
	uint64_t page = 100 + nth * LAN_PAGES;

	return (struct io_lan_config){ .calls = calls,
				       .unit = hv_io_ethernet_unit(FAKE_DISKS, nth),
				       .key = KEY + nth,
				       .driver = page_at(page),
				       .driver_page = page,
				       .buffers = 8 };
}

static struct io_lan *open_lan(unsigned nth)
{
	struct io_lan_config config = lan_config(nth);
	struct io_lan *lan = NULL;

	assert_int_equal(io_lan_open(&config, &lan, NULL), HV_OK);
	return lan;
}

/* How many were bad; *ret_bad is the last one. */
static unsigned receive(struct io_lan *lan, uint64_t now_ms, struct io_lan_bad *ret_bad)
{
	unsigned bad = 0;

	while (io_lan_receive(lan, now_ms, ret_bad))
		bad++;
	return bad;
}

static void receive_good(struct io_lan *lan, uint64_t now_ms)
{
	struct io_lan_bad bad;

	assert_int_equal(receive(lan, now_ms, &bad), 0);
}

/* What it sent last is from the address that it was given. */
static void assert_sender(unsigned nth)
{
	const uint8_t *frame = page_at(100 + nth * LAN_PAGES + 1);

	assert_int_equal(hv_lan_mac_take(frame + 6), fake.units[FAKE_DISKS + nth].mac);
}

static void packets_are_sent_to_who_was_heard_of(void **state)
{
	struct io_lan *a = open_lan(0), *b = open_lan(1);
	struct hv_rng rng = { .state = 7 };

	(void)state;
	assert_int_equal(io_lan_send(a, &rng, 1), IO_FAILED); /* nobody is known */
	io_lan_greet(b);
	receive_good(a, 1);
	for (unsigned i = 0; i < 600; i++) { /* the queue goes round, and its toggle */
		assert_int_equal(io_lan_send(a, &rng, 1), IO_DONE);
		receive_good(b, 1);
	}
	assert_int_equal(io_lan_figures(a).sent, 600);
	assert_int_equal(io_lan_figures(b).received, 600);
	assert_int_equal(io_lan_figures(b).bad, 0);
	assert_int_equal(io_lan_send(b, &rng, 1), IO_DONE); /* it was learned from them */
	assert_int_equal(atomic_load(&fake.lost), 0);
	assert_sender(0);
	assert_sender(1);
	/* who is not heard of for long is sent nothing any more */
	assert_int_equal(io_lan_send(b, &rng, 1 + IO_LAN_PEER_MS), IO_DONE);
	assert_int_equal(io_lan_send(b, &rng, 2 + IO_LAN_PEER_MS), IO_FAILED);
	receive_good(a, 2 + IO_LAN_PEER_MS); /* but it was heard of just now */
	assert_int_equal(io_lan_send(a, &rng, 2 + 2 * IO_LAN_PEER_MS), IO_DONE);
	assert_int_equal(io_lan_send(a, &rng, 3 + 2 * IO_LAN_PEER_MS), IO_FAILED);
	io_lan_close(a);
	io_lan_close(b);
}

static void a_packet_that_is_not_as_it_was_sent_is_counted(void **state)
{
	struct io_lan *a = open_lan(0), *b = open_lan(1);
	struct hv_rng rng = { .state = 7 };
	struct io_lan_bad bad;

	(void)state;
	io_lan_greet(b);
	receive_good(a, 1);
	atomic_store(&fake.flips, true);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(io_lan_send(a, &rng, 1), IO_DONE);
	assert_int_equal(receive(b, 1, &bad), 8);
	assert_string_equal(bad.found, "body");
	for (unsigned at = 1; at < 26; at++) {
		if (at >= 6 && at < 12)
			continue; /* any may be a sender's address */
		atomic_store(&fake.flipped, at);
		assert_int_equal(io_lan_send(a, &rng, 1), IO_DONE);
		assert_int_equal(receive(b, 1, &bad), 1);
		assert_string_equal(bad.found, at < 6 ? "address" : "head");
	}
	io_lan_close(a);
	io_lan_close(b);
}

/* What was in the buffer before is not taken for it. */
static void a_packet_that_never_came_is_not_an_older_one(void **state)
{
	struct io_lan *a = open_lan(0), *b = open_lan(1);
	struct io_lan_bad bad;

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		io_lan_greet(a);
		receive_good(b, 1);
	}
	atomic_store(&fake.moves_nothing, true);
	for (unsigned i = 1; i <= 8; i++) {
		io_lan_greet(a);
		assert_int_equal(receive(b, 1, &bad), 1);
		assert_string_equal(bad.found, "head");
		assert_int_equal(bad.bytes, IO_PACKET_HEAD);
		assert_int_equal(io_lan_figures(b).bad, i);
	}
	io_lan_close(a);
	io_lan_close(b);
}

/* Frames without a buffer are lost; the buffers are all back afterwards. */
static void who_receives_nothing_loses_packets_and_no_buffer(void **state)
{
	struct io_lan *a = open_lan(0), *b = open_lan(1);
	struct hv_rng rng = { .state = 7 };

	(void)state;
	io_lan_greet(b);
	receive_good(a, 1);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(io_lan_send(a, &rng, 1), IO_DONE);
	assert_int_equal(atomic_load(&fake.lost), 12);
	receive_good(b, 1);
	assert_int_equal(io_lan_figures(b).received, 8);
	fake_adapters_sync(&fake);
	assert_int_equal(fake.units[FAKE_DISKS + 1].buffer_count, 8);
	io_lan_close(a);
	io_lan_close(b);
}

static void an_ethernet_goes_on_with_fewer_buffers(void **state)
{
	struct io_lan_config config = lan_config(0);
	struct io_lan *lan = NULL;

	(void)state;
	fake.entitled = 2 + 5;
	lan = open_lan(0);
	fake_adapters_sync(&fake);
	assert_int_equal(fake.units[FAKE_DISKS].buffer_count, 5);
	io_lan_close(lan);
	lan = NULL;
	fake.entitled = 2 + IO_LAN_BUFFERS_MIN - 1;
	assert_int_equal(io_lan_open(&config, &lan, NULL), HV_E_REFUSED);
	fake.entitled = 0;
	atomic_store(&fake.refuses, H_REGISTER_LOGICAL_LAN);
	assert_int_equal(io_lan_open(&config, &lan, NULL), HV_E_REFUSED);
	atomic_store(&fake.refuses, H_ADD_LOGICAL_LAN_BUFFER);
	assert_int_equal(io_lan_open(&config, &lan, NULL), HV_E_REFUSED);
	atomic_store(&fake.refuses, 0);
	oom_arm(1);
	assert_int_equal(io_lan_open(&config, &lan, NULL), HV_E_NOMEM);
	assert_true(oom_disarm());
	assert_null(lan);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_page_comes_back_as_it_went),
		TEST(what_a_disk_or_the_hypervisor_refuses_is_told),
		TEST(a_page_that_is_brought_first_is_waited_for),
		TEST(a_disk_that_cannot_be_used_is_not_there),
		TEST(stray_answers_are_passed_over),
		TEST(threads_share_a_disk),
		TEST(no_block_has_two_owners),
		TEST(a_packet_with_one_wrong_bit_is_not_good),
		TEST(packets_are_sent_to_who_was_heard_of),
		TEST(a_packet_that_is_not_as_it_was_sent_is_counted),
		TEST(a_packet_that_never_came_is_not_an_older_one),
		TEST(who_receives_nothing_loses_packets_and_no_buffer),
		TEST(an_ethernet_goes_on_with_fewer_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
