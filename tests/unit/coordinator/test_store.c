/* The store: what was committed is there, or nothing of it; and who may open it. */
#include "coordinator/store/store.h"
#include "tests/support/coordinator.h"
#include "tests/support/store_check.h"
#include "tests/support/tmpdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static struct test_tmpdir dir;
static struct store *store;
static struct test_coordinator c; /* its engine is on the store */

static struct store *open_store(const struct store_config *limits)
{
	struct store_config config = *limits;
	struct store *opened = NULL;
	struct hv_err err = { 0 };

	config.directory = dir.path;
	if (store_open(&config, &opened, &err) != HV_OK)
		fail_msg("%s", err.text);
	return opened;
}

/* A coordinator on the store, opened with those limits. */
static void begin(const struct store_config *limits)
{
	struct hv_err err = { 0 };

	store = open_store(limits);
	engine_close(c.engine);
	c.engine = NULL;
	if (engine_open(&c.env, store_journal(store), &c.engine, &err) != HV_OK)
		fail_msg("%s", err.text);
}

static void end(void)
{
	engine_close(c.engine);
	c.engine = NULL;
	store_close(store);
	store = NULL;
}

static int set_up(void **state)
{
	(void)state;
	test_tmpdir_make(&dir);
	test_coordinator_open(&c, 1);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_close(store);
	store = NULL;
	test_coordinator_close(&c);
	test_tmpdir_remove(&dir);
	return 0;
}

static const struct store_config no_limits;

static struct cluster_numbers check(void)
{
	struct cluster_numbers now;
	struct cluster cluster;

	store = open_store(&no_limits);
	test_store_check(store, &cluster, NULL, NULL);
	now = cluster.now;
	cluster_fini(&cluster);
	store_close(store);
	store = NULL;
	return now;
}

static void what_was_committed_comes_back(void **state)
{
	static struct model_host host;
	struct test_lpar lpar = { .name = "db1", .host = "h1", .mem = 64 * MIB };
	struct cluster_numbers now;
	struct cluster cluster;

	(void)state;
	begin(&no_limits);
	test_host_up(&c, &host, "h1");
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	now = test_cluster(&c)->now;
	end();
	store = open_store(&no_limits);
	test_store_check(store, &cluster, NULL, NULL);
	assert_memory_equal(&cluster.now, &now, sizeof(now));
	assert_true(cluster_lpar(&cluster, "db1")->running);
	assert_string_equal(cluster_device(&cluster, "h1", "d1")->lpar, "db1");
	cluster_fini(&cluster);
	model_host_fini(&host);
}

static Tarn__ClusterReply *add_with_key(const char *name, uint8_t first)
{
	uint8_t key[JOURNAL_KEY_BYTES] = { first };
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;

	add.name = (char *)name;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
	request.host_add = &add;
	request.has_key = 1;
	request.key.data = key;
	request.key.len = sizeof(key);
	return test_ask(&c, &request);
}

static void a_key_is_answered_the_same_after_a_restart(void **state)
{
	Tarn__ClusterReply *first, *again;

	(void)state;
	begin(&no_limits);
	first = add_with_key("a", 1);
	end();
	begin(&no_limits);
	again = add_with_key("b", 1); /* the key counts */
	assert_null(again->error);
	assert_int_equal(first->revision, again->revision);
	assert_null(cluster_host(test_cluster(&c), "b"));
	test_reply_free(first);
	test_reply_free(again);
	end();
}

static void keys_are_forgotten_by_number_and_by_age(void **state)
{
	struct store_config limits = { .replies_max = 4, .reply_ms = 60000 };
	struct store_counts counts;
	Tarn__ClusterReply *reply;
	char name[8];

	(void)state;
	begin(&limits);
	for (unsigned i = 0; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "h%u", i);
		test_reply_free(add_with_key(name, (uint8_t)(i + 1)));
	}
	assert_int_equal(store_count(store, &counts, NULL), HV_OK);
	assert_in_range(counts.replies, 4, 5);
	reply = add_with_key("again", 10); /* of the last ones: known */
	assert_null(reply->error);
	assert_null(cluster_host(test_cluster(&c), "again"));
	test_reply_free(reply);
	reply = add_with_key("again", 1); /* of the first ones: new */
	assert_non_null(cluster_host(test_cluster(&c), "again"));
	test_reply_free(reply);
	c.wall_ms += 61000;
	test_reply_free(add_with_key("late", 77));
	assert_int_equal(store_count(store, &counts, NULL), HV_OK);
	assert_int_equal(counts.replies, 1);
	end();
}

static void the_log_is_forgotten_from_its_beginning(void **state)
{
	struct store_config limits = { .log_max = 5 };
	struct store_counts counts;
	uint8_t *bytes;
	size_t count;
	char name[8];

	(void)state;
	begin(&limits);
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "h%u", i);
		assert_int_equal(test_host_add(&c, name), HV_OK);
	}
	assert_int_equal(store_count(store, &counts, NULL), HV_OK);
	assert_int_equal(counts.log_last, 21);
	assert_int_equal(counts.log_first, 17);
	assert_int_equal(store_read_log(store, 16, &bytes, &count, NULL), HV_E_NOTFOUND);
	assert_int_equal(store_read_log(store, 17, &bytes, &count, NULL), HV_OK);
	free(bytes);
	end();
}

/* Adds hosts until one is refused with that code; the sentence is in *ret_err. */
static unsigned fill(enum hv_code wanted, struct hv_err *ret_err)
{
	enum hv_code code = HV_OK;
	unsigned added = 0;
	char name[16];

	while (code == HV_OK) {
		Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
		Tarn__HostAdd add = TARN__HOST_ADD__INIT;

		assert_true(added < HV_HOSTS_MAX);
		(void)snprintf(name, sizeof(name), "h%u", added);
		add.name = name;
		request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
		request.host_add = &add;
		code = test_change(&c, &request, ret_err, NULL);
		added += code == HV_OK;
	}
	assert_int_equal(code, wanted);
	assert_true(added > 0);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_HOST), added);
	assert_null(cluster_host(test_cluster(&c), name));
	return added;
}

static void a_full_map_refuses_and_changes_nothing(void **state)
{
	struct store_config limits = { .map_bytes = 160 << 10 };
	struct cluster_numbers now;
	struct hv_err err = { 0 };
	unsigned added;

	(void)state;
	begin(&limits);
	added = fill(HV_E_NOSPC, &err);
	assert_non_null(strstr(err.text, "as large as it may be; nothing was changed"));
	now = test_cluster(&c)->now;
	end();
	assert_int_equal(check().revision, now.revision);
	begin(&no_limits); /* given room, it goes on */
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_HOST), added);
	assert_int_equal(test_host_add(&c, "more"), HV_OK);
	end();
	(void)check();
}

/* A limit for files cuts a write short; test_coordinator_program has a full disk. */
static void a_write_that_is_cut_short_changes_nothing(void **state)
{
	char path[TEST_PATH_BYTES + 32];
	struct cluster_numbers now;
	struct rlimit before, small;
	struct hv_err err = { 0 };
	struct stat file;
	unsigned added;

	(void)state;
	begin(&no_limits);
	assert_int_equal(
		stat(test_tmpdir_file(&dir, "data.mdb", path, sizeof(path)), &file), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = (rlim_t)file.st_size + 50001; /* in the middle of a page */
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	added = fill(HV_E_IO, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_non_null(strstr(err.text, "the disk failed, or is full"));
	assert_int_equal(test_host_add(&c, "more"), HV_OK); /* room again: it goes on */
	now = test_cluster(&c)->now;
	end();
	assert_int_equal(check().revision, now.revision);
	begin(&no_limits);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_HOST), added + 1);
	end();
}

static void expect_refusal(const char *directory, enum hv_code code, const char *says)
{
	struct store_config config = { .directory = directory };
	struct store *none = NULL;
	struct hv_err err = { 0 };

	assert_int_equal(store_open(&config, &none, &err), code);
	assert_null(none);
	if (strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
}

static void write_file(const char *name, const char *text)
{
	char path[TEST_PATH_BYTES + 32];
	int fd = open(test_tmpdir_file(&dir, name, path, sizeof(path)),
		      O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static void only_one_may_have_it_open(void **state)
{
	(void)state;
	store = open_store(&no_limits);
	expect_refusal(dir.path, HV_E_BUSY, "in use by another coordinator");
	assert_int_equal(store_check(dir.path, NULL), HV_OK); /* only looks */
}

static void another_version_is_refused(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	write_file("version", "tarn coordinator state 2\n");
	expect_refusal(dir.path, HV_E_VERSION, "it says 'tarn coordinator state 2'");
	assert_int_equal(store_check(dir.path, &err), HV_E_VERSION);
	write_file("version", "");
	expect_refusal(dir.path, HV_E_VERSION, "another version");
	write_file("version",
		   "a very long line of something else, much longer than ours\n");
	expect_refusal(dir.path, HV_E_VERSION, "another version");
}

static void a_directory_of_somebody_else_is_refused(void **state)
{
	char path[TEST_PATH_BYTES + 32];

	(void)state;
	write_file("letter.txt", "dear all\n");
	expect_refusal(dir.path, HV_E_REFUSED, "it has files, but no file 'version'");
	assert_int_equal(store_check(dir.path, NULL), HV_E_REFUSED);
	test_tmpdir_file(&dir, "version", path, sizeof(path));
	assert_int_equal(access(path, F_OK), -1); /* nothing was made */
	expect_refusal("/proc/nothing/here", HV_E_IO, "make state directory");
	expect_refusal("/dev/null", HV_E_IO, "state directory '/dev/null'");
}

static void a_start_that_was_cut_short_is_made_good(void **state)
{
	(void)state;
	write_file("version.new", "tarn coord");
	begin(&no_limits);
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	end();
	(void)check();
}

/* One value of one database, written past the store. */
static void put_value(const char *database, const char *key, size_t key_bytes,
		      const char *value)
{
	MDB_val at = { key_bytes, (void *)key };
	MDB_val with = { strlen(value), (void *)value };
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 16), 0);
	assert_int_equal(mdb_env_open(env, dir.path, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, database, 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &at, &with, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void a_value_that_is_none_of_ours_is_told(void **state)
{
	static const struct {
		const char *database, *key, *value;
		size_t key_bytes;
		bool is_of_open; /* else of load */
	} rows[] = {
		{ "hosts", "h1", "\xff\xff\xff", HV_NAME_BYTES, false },
		{ "hosts", "h1", "", HV_NAME_BYTES, false },
		{ "hosts", "h1", "\x0a\x02h2", HV_NAME_BYTES, false }, /* another's */
		{ "meta", "numbers", "short", 7, false },
		{ "replies_by_age", "short", "x", 5, true },
	};
	struct cluster cluster;
	struct hv_err err;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		char key[HV_NAME_BYTES] = { 0 };

		store_close(open_store(&no_limits));
		(void)snprintf(key, sizeof(key), "%s", rows[i].key);
		put_value(rows[i].database, key, rows[i].key_bytes, rows[i].value);
		if (rows[i].is_of_open) {
			expect_refusal(dir.path, HV_E_CORRUPT, "");
		} else {
			store = open_store(&no_limits);
			cluster_init(&cluster);
			err = (struct hv_err){ 0 };
			assert_int_equal(store_journal(store)->load(store_journal(store),
								    &cluster, &err),
					 HV_E_CORRUPT);
			cluster_fini(&cluster);
			store_close(store);
			store = NULL;
		}
		test_tmpdir_remove(&dir);
		test_tmpdir_make(&dir);
	}
}

static void a_file_that_is_no_database_is_told(void **state)
{
	(void)state;
	store_close(open_store(&no_limits));
	write_file("data.mdb", "this is not LMDB, whatever its name says; it is a letter "
			       "to somebody, and much too short as well");
	expect_refusal(dir.path, HV_E_CORRUPT, dir.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_was_committed_comes_back),
		TEST(a_key_is_answered_the_same_after_a_restart),
		TEST(keys_are_forgotten_by_number_and_by_age),
		TEST(the_log_is_forgotten_from_its_beginning),
		TEST(a_full_map_refuses_and_changes_nothing),
		TEST(a_write_that_is_cut_short_changes_nothing),
		TEST(only_one_may_have_it_open),
		TEST(another_version_is_refused),
		TEST(a_directory_of_somebody_else_is_refused),
		TEST(a_start_that_was_cut_short_is_made_good),
		TEST(a_value_that_is_none_of_ours_is_told),
		TEST(a_file_that_is_no_database_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
