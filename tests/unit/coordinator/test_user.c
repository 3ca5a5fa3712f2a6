/* Users of the HMC commands: made, changed from what was read, removed, bounded. */
#include "coordinator/cluster/user.h"
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct hv_err err;

static Tarn__UserRecord user_of(const char *name, Tarn__TaskRole role)
{
	Tarn__UserRecord user = TARN__USER_RECORD__INIT;

	user.name = (char *)(uintptr_t)name;
	user.role = role;
	return user;
}

static enum hv_code set_user(Tarn__UserRecord *user, Tarn__UserRecord *was)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__UserSet set = TARN__USER_SET__INIT;

	set.user = user;
	set.was = was;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_USER_SET;
	request.user_set = &set;
	return test_change(&c, &request, &err, NULL);
}

static enum hv_code make_user(const char *name)
{
	Tarn__UserRecord user = user_of(name, TARN__TASK_ROLE__TASK_ROLE_VIEWER);

	return set_user(&user, NULL);
}

static enum hv_code remove_user(const char *name)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__UserRemove gone = TARN__USER_REMOVE__INIT;

	gone.name = (char *)(uintptr_t)name;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_USER_REMOVE;
	request.user_remove = &gone;
	return test_change(&c, &request, &err, NULL);
}

/* How many there are, of that name or at all. */
static size_t count_users(const char *name)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	Tarn__ClusterReply *reply;
	size_t count;

	query.name = (char *)(uintptr_t)name;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_USERS;
	request.users = &query;
	reply = test_ask(&c, &request);
	assert_null(reply->error);
	count = reply->n_users;
	test_reply_free(reply);
	return count;
}

static void hscroot_needs_no_record(void **state)
{
	Tarn__UserRecord user, was;

	(void)state;
	assert_int_equal(count_users(NULL), 1);
	assert_int_equal(count_users("hscroot"), 1);
	assert_int_equal(count_users("ann"), 0);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_USER), 0);
	user = user_of("hscroot", TARN__TASK_ROLE__TASK_ROLE_SUPERADMIN);
	assert_int_equal(set_user(&user, NULL), HV_E_EXISTS);
	assert_int_equal(remove_user("hscroot"), HV_E_REFUSED);
	was = user = *user_find(test_cluster(&c), "hscroot");
	user.role = TARN__TASK_ROLE__TASK_ROLE_VIEWER;
	assert_int_equal(set_user(&user, &was), HV_E_REFUSED);
	user.role = was.role;
	user.has_disabled = user.disabled = 1;
	assert_int_equal(set_user(&user, &was), HV_E_REFUSED);
	user.has_disabled = user.disabled = 0;
	user.description = (char *)(uintptr_t) "somebody";
	assert_int_equal(set_user(&user, &was), HV_OK);
	assert_int_equal(count_users(NULL), 1);
	assert_int_equal(remove_user("hscroot"), HV_E_REFUSED);
	test_coordinator_restart(&c);
	assert_string_equal(user_find(test_cluster(&c), "hscroot")->description,
			    "somebody");
}

static void a_user_is_changed_from_what_was_read(void **state)
{
	Tarn__UserRecord user = user_of("ann", TARN__TASK_ROLE__TASK_ROLE_OPERATOR);
	Tarn__UserRecord other = user_of("ann", TARN__TASK_ROLE__TASK_ROLE_PE);

	(void)state;
	assert_int_equal(set_user(&user, &other), HV_E_NOTFOUND);
	assert_int_equal(set_user(&user, NULL), HV_OK);
	assert_int_equal(set_user(&other, NULL), HV_E_EXISTS);
	assert_int_equal(set_user(&other, &other), HV_E_STALE);
	assert_int_equal(set_user(&other, &user), HV_OK);
	assert_int_equal(set_user(&other, &user), HV_E_STALE);
	assert_int_equal(user_find(test_cluster(&c), "ann")->role, other.role);
	assert_int_equal(remove_user("ann"), HV_OK);
	assert_int_equal(remove_user("ann"), HV_E_NOTFOUND);
	assert_null(user_find(test_cluster(&c), "ann"));
}

static void users_are_bounded(void **state)
{
	char name[16];

	(void)state;
	for (unsigned i = 1; i < HV_USERS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "u%u", i);
		assert_int_equal(make_user(name), HV_OK);
	}
	assert_int_equal(make_user("more"), HV_E_LIMIT);
	assert_int_equal(count_users(NULL), HV_USERS_MAX);
	assert_int_equal(remove_user("u1"), HV_OK);
	assert_int_equal(make_user("more"), HV_OK);
}

/* Names are keys of records: a long one must not come so far. */
static void what_is_wrong_in_itself_is_not_read(void **state)
{
	char text[400];
	Tarn__UserRecord user = user_of(text, TARN__TASK_ROLE__TASK_ROLE_PE);

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(set_user(&user, NULL), HV_E_INVAL);
	assert_int_equal(remove_user(text), HV_E_INVAL);
	assert_int_equal(make_user(""), HV_E_INVAL);
	assert_int_equal(make_user("a/b"), HV_E_INVAL);
	user.name = (char *)(uintptr_t) "ann";
	user.description = text;
	assert_int_equal(set_user(&user, NULL), HV_E_LIMIT);
	user.description = NULL;
	user.has_pwage = 1;
	user.pwage = 100000;
	assert_int_equal(set_user(&user, NULL), HV_E_INVAL);
	user.pwage = 99999;
	user.role = (Tarn__TaskRole)9;
	assert_int_equal(set_user(&user, NULL), HV_E_INVAL);
	assert_int_equal(count_users(NULL), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_unknown, close_one)
	const struct CMUnitTest tests[] = {
		TEST(hscroot_needs_no_record),
		TEST(a_user_is_changed_from_what_was_read),
		TEST(users_are_bounded),
		TEST(what_is_wrong_in_itself_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
