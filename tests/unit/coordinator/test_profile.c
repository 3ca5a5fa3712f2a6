/* Profiles: made with an LPAR, changed, activated, removed; ids and names of LPARs. */
#include "coordinator/cluster/desired.h"
#include "coordinator/cluster/profile.h"
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(t) ((char *)(uintptr_t)(t))

static struct hv_err err;

static void must_say(const char *says)
{
	if (strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
}

static Tarn__LparProfile profile_of(const char *name, uint64_t mib)
{
	Tarn__LparProfile profile = TARN__LPAR_PROFILE__INIT;

	profile.name = TEXT(name);
	profile.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	profile.min_bytes = 16 * MIB;
	profile.mem_bytes = mib * MIB;
	profile.max_bytes = 2 * mib * MIB;
	return profile;
}

static Tarn__LparAttribute attribute_of(const char *name, const char *value)
{
	Tarn__LparAttribute attribute = TARN__LPAR_ATTRIBUTE__INIT;

	attribute.name = TEXT(name);
	attribute.value = TEXT(value);
	return attribute;
}

struct made {
	const char *name;
	uint32_t id; /* 0: none given */
	Tarn__LparProfile *profile;
	Tarn__LparAttribute *attribute;
};

static enum hv_code create(const struct made *made)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparCreate message = TARN__LPAR_CREATE__INIT;
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;
	Tarn__LparAttribute *attributes[] = { made->attribute };

	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec.name = TEXT(made->name);
	spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	spec.workload = &workload;
	spec.min_bytes = spec.mem_bytes = spec.max_bytes = 16 * MIB;
	message.spec = &spec;
	message.host = TEXT("h1");
	message.profile = made->profile;
	message.has_lpar_id = made->id != 0;
	message.lpar_id = made->id;
	message.attributes = attributes;
	message.n_attributes = made->attribute != NULL;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	request.lpar_create = &message;
	return test_change(&c, &request, &err, NULL);
}

static enum hv_code set_profile(const char *lpar, Tarn__LparProfile *profile,
				Tarn__LparProfile *was)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ProfileSet message = TARN__PROFILE_SET__INIT;

	message.lpar = TEXT(lpar);
	message.profile = profile;
	message.was = was;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_SET;
	request.profile_set = &message;
	return test_change(&c, &request, &err, NULL);
}

static enum hv_code remove_profile(const char *lpar, const char *name)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ProfileRemove message = TARN__PROFILE_REMOVE__INIT;

	message.lpar = TEXT(lpar);
	message.name = TEXT(name);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_REMOVE;
	request.profile_remove = &message;
	return test_change(&c, &request, &err, NULL);
}

static enum hv_code change(Tarn__LparChange *message)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CHANGE;
	request.lpar_change = message;
	return test_change(&c, &request, &err, NULL);
}

static enum hv_code activate(const char *name, const char *profile)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparActivate message = TARN__LPAR_ACTIVATE__INIT;
	enum hv_code code;

	message.name = TEXT(name);
	message.profile = TEXT(profile);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE;
	request.lpar_activate = &message;
	code = test_change(&c, &request, &err, NULL);
	if (code == HV_OK)
		test_settle(&c, &host);
	return code;
}

static void shut_down(const char *name)
{
	assert_int_equal(test_lpar_shutdown(&c, name, true, &err, NULL), HV_OK);
	test_settle(&c, &host);
}

static void an_lpar_is_made_with_its_first_profile(void **state)
{
	Tarn__LparProfile profile = profile_of("Normal", 32);
	Tarn__LparAttribute value = attribute_of("auto_start", "1");
	Tarn__LparAttribute procs = attribute_of("boot_mode", "sms"),
			    *list[] = { &procs };
	struct made made = { .name = "a", .profile = &profile, .attribute = &value };

	(void)state;
	profile.attributes = list;
	profile.n_attributes = 1;
	assert_int_equal(create(&made), HV_OK);
	assert_int_equal(lpar_of("a")->spec->mem_bytes, 32 * MIB);
	assert_string_equal(lpar_of("a")->default_profile, "Normal");
	assert_null(lpar_of("a")->curr_profile);
	assert_string_equal(lpar_of("a")->attributes[0]->value, "1");
	assert_string_equal(hv_lpar_profile_value(lpar_of("a")->profiles[0], "boot_mode"),
			    "sms");
	made = (struct made){ .name = "b" };
	assert_int_equal(create(&made), HV_OK);
	assert_string_equal(lpar_of("b")->default_profile, PROFILE_NAME);
	assert_int_equal(lpar_of("b")->profiles[0]->mem_bytes, 16 * MIB);
}

static void ids_are_the_lowest_free_and_unique(void **state)
{
	static const struct made in[] = { { .name = "a" },
					  { .name = "b" },
					  { .name = "c", .id = 7 },
					  { .name = "d" } };
	static const struct made bad[] = { { .name = "x", .id = 7 },
					   { .name = "x", .id = HV_LPAR_ID_MAX + 1 } };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(in); i++)
		assert_int_equal(create(&in[i]), HV_OK);
	assert_int_equal(lpar_of("b")->lpar_id, 2);
	assert_int_equal(lpar_of("c")->lpar_id, 7);
	assert_int_equal(lpar_of("d")->lpar_id, 3);
	assert_int_equal(create(&bad[0]), HV_E_EXISTS);
	must_say("id 7 is that of LPAR 'c'");
	assert_int_equal(create(&bad[1]), HV_E_INVAL);
	assert_int_equal(test_lpar_remove(&c, "b", &err), HV_OK);
	assert_int_equal(create(&in[1]), HV_OK);
	assert_int_equal(lpar_of("b")->lpar_id, 2);
}

static void wrong_attributes_make_nothing(void **state)
{
	Tarn__LparAttribute unknown = attribute_of("colour", "red");
	struct made made = { .name = "a", .attribute = &unknown };

	(void)state;
	assert_int_equal(create(&made), HV_E_INVAL);
	must_say("'colour' is not known");
	assert_null(lpar_of("a"));
}

static bool sees_pool(void)
{
	Tarn__HostDesired *desired;
	bool sees;

	assert_int_equal(desired_make(test_cluster(&c),
				      cluster_host(test_cluster(&c), "h1"), 1, &desired,
				      &err),
			 HV_OK);
	assert_int_equal(desired->n_lpars, 1);
	sees = desired->lpars[0]->spec->sees_pool;
	desired_free(desired);
	return sees;
}

static void who_is_authorised_sees_the_pool(void **state)
{
	Tarn__LparAttribute value = attribute_of("shared_mem_pool_util_auth", "1");
	Tarn__LparAttribute *values[] = { &value };
	Tarn__LparChange message = TARN__LPAR_CHANGE__INIT;

	(void)state;
	assert_int_equal(create(&(struct made){ .name = "a" }), HV_OK);
	assert_false(sees_pool());
	message.name = TEXT("a");
	message.attributes = values;
	message.n_attributes = 1;
	assert_int_equal(change(&message), HV_OK);
	assert_true(sees_pool());
	value.value = TEXT("0");
	assert_int_equal(change(&message), HV_OK);
	assert_false(sees_pool());
	value.value = TEXT("2");
	assert_int_equal(change(&message), HV_E_INVAL);
}

static void a_profile_counts_from_the_activation_with_it(void **state)
{
	Tarn__LparProfile normal = profile_of("normal", 32),
			  other = profile_of("other", 48);
	Tarn__LparProfile changed = profile_of("normal", 64);
	struct made made = { .name = "a", .profile = &normal };

	(void)state;
	assert_int_equal(create(&made), HV_OK);
	assert_int_equal(set_profile("a", &other, NULL), HV_OK);
	assert_int_equal(set_profile("a", &changed, &normal), HV_OK);
	assert_int_equal(lpar_of("a")->spec->mem_bytes, 32 * MIB);
	assert_int_equal(activate("a", NULL), HV_OK); /* the default one, as it is now */
	assert_int_equal(lpar_of("a")->spec->mem_bytes, 64 * MIB);
	assert_string_equal(lpar_of("a")->curr_profile, "normal");
	shut_down("a");
	assert_int_equal(activate("a", "nothing"), HV_E_NOTFOUND);
	must_say("no profile 'nothing'");
	assert_int_equal(activate("a", "other"), HV_OK);
	assert_int_equal(lpar_of("a")->granted_bytes, 48 * MIB);
	shut_down("a");
	other.mem_bytes = 16 * MIB;
	assert_int_equal(set_profile("a", &other, lpar_of("a")->profiles[1]), HV_OK);
	assert_int_equal(activate("a", NULL), HV_OK); /* as it was last */
	assert_int_equal(lpar_of("a")->spec->mem_bytes, 48 * MIB);
	assert_string_equal(lpar_of("a")->curr_profile, "other");
}

static void profiles_are_not_lost_by_a_race(void **state)
{
	Tarn__LparProfile normal = profile_of("normal", 32),
			  changed = profile_of("normal", 64);
	struct made made = { .name = "a", .profile = &normal };

	(void)state;
	assert_int_equal(create(&made), HV_OK);
	assert_int_equal(set_profile("a", &normal, NULL), HV_E_EXISTS);
	assert_int_equal(set_profile("a", &changed, &normal), HV_OK);
	assert_int_equal(set_profile("a", &changed, &normal), HV_E_STALE);
	must_say("changed by somebody else");
	changed.has_weight = 1;
	assert_int_equal(set_profile("a", &normal, &changed), HV_E_STALE);
	changed.name = TEXT("gone");
	assert_int_equal(set_profile("a", &changed, &normal), HV_E_NOTFOUND);
	assert_int_equal(set_profile("b", &changed, NULL), HV_E_NOTFOUND);
}

static void profiles_are_bounded_and_the_default_stays(void **state)
{
	struct made made = { .name = "a" };
	char name[16];

	(void)state;
	assert_int_equal(create(&made), HV_OK);
	for (unsigned i = 1; i <= HV_LPAR_PROFILES_MAX; i++) {
		Tarn__LparProfile profile;

		(void)snprintf(name, sizeof(name), "p%u", i);
		profile = profile_of(name, 16);
		assert_int_equal(set_profile("a", &profile, NULL),
				 i < HV_LPAR_PROFILES_MAX ? HV_OK : HV_E_LIMIT);
	}
	assert_int_equal(remove_profile("a", "p1"), HV_OK);
	assert_int_equal(lpar_of("a")->n_profiles, HV_LPAR_PROFILES_MAX - 1);
	assert_int_equal(remove_profile("a", "p1"), HV_E_NOTFOUND);
	assert_int_equal(remove_profile("a", PROFILE_NAME), HV_E_REFUSED);
	assert_int_equal(remove_profile("b", "p1"), HV_E_NOTFOUND);
}

/* "a": its profile "disk" has one in slot 2 that the host keeps, its default none. */
static void create_with_disk_profile(void)
{
	Tarn__LparProfile disk = profile_of("disk", 16);
	Tarn__VirtualDisk one = TARN__VIRTUAL_DISK__INIT, *list[] = { &one };
	struct made a = { .name = "a" };

	one.slot = 2;
	one.bytes = MIB;
	disk.n_disks = 1;
	disk.disks = list;
	disk.has_virtual_adapters = true;
	disk.virtual_adapters = 3;
	assert_int_equal(create(&a), HV_OK);
	assert_int_equal(set_profile("a", &disk, NULL), HV_OK);
}

static void an_lpar_with_a_disk_of_its_own_keeps_its_name(void **state)
{
	Tarn__LparChange message = TARN__LPAR_CHANGE__INIT;

	(void)state;
	create_with_disk_profile();
	message.name = TEXT("a");
	message.apply_profile = TEXT("disk");
	assert_int_equal(change(&message), HV_OK);
	assert_int_equal(lpar_of("a")->spec->n_disks, 1);
	message.apply_profile = NULL;
	message.new_name = TEXT("z");
	assert_int_equal(change(&message), HV_E_REFUSED);
	message.new_name = TEXT("a"); /* which is no other */
	assert_int_equal(change(&message), HV_OK);
}

/* The host keeps them from the last run with that profile on. */
static void a_disk_of_any_profile_keeps_the_name(void **state)
{
	Tarn__LparChange message = TARN__LPAR_CHANGE__INIT;

	(void)state;
	create_with_disk_profile();
	assert_int_equal(activate("a", "disk"), HV_OK);
	shut_down("a");
	assert_int_equal(activate("a", PROFILE_NAME), HV_OK);
	shut_down("a");
	assert_int_equal(lpar_of("a")->spec->n_disks, 0);
	message.name = TEXT("a");
	message.new_name = TEXT("z");
	assert_int_equal(change(&message), HV_E_REFUSED);
	must_say("has a disk in slot 2 that host 'h1' keeps under its name");
	message.apply_profile = TEXT("disk"); /* with the new name at once */
	assert_int_equal(change(&message), HV_E_REFUSED);
	assert_int_equal(remove_profile("a", "disk"), HV_OK);
	message.apply_profile = NULL;
	assert_int_equal(change(&message), HV_OK);
	assert_non_null(lpar_of("z"));
}

static void an_lpar_is_renamed_and_set_while_it_is_off(void **state)
{
	Tarn__LparChange message = TARN__LPAR_CHANGE__INIT;
	Tarn__LparAttribute one = attribute_of("auto_start", "1"), *list[] = { &one };
	Tarn__LparProfile other = profile_of("other", 48);
	struct made a = { .name = "a", .attribute = &one }, b = { .name = "b" };

	(void)state;
	assert_int_equal(create(&a), HV_OK);
	assert_int_equal(create(&b), HV_OK);
	assert_int_equal(set_profile("a", &other, NULL), HV_OK);
	message.name = TEXT("a");
	message.new_name = TEXT("b");
	assert_int_equal(change(&message), HV_E_EXISTS);
	message.new_name = TEXT("z");
	message.default_profile = TEXT("none");
	assert_int_equal(change(&message), HV_E_NOTFOUND);
	message.default_profile = TEXT("other");
	message.apply_profile = TEXT("other");
	one.value = TEXT("7");
	message.attributes = list;
	message.n_attributes = 1;
	assert_int_equal(change(&message), HV_E_INVAL);
	one = attribute_of("boot_mode", "sms");
	assert_int_equal(change(&message), HV_OK);
	assert_null(lpar_of("a"));
	assert_int_equal(lpar_of("z")->n_attributes, 2);
	assert_int_equal(lpar_of("z")->spec->mem_bytes, 48 * MIB);
	assert_string_equal(lpar_of("z")->curr_profile, "other");
	one.value = TEXT("norm");
	message = (Tarn__LparChange)TARN__LPAR_CHANGE__INIT;
	message.name = TEXT("z");
	message.attributes = list;
	message.n_attributes = 1;
	assert_int_equal(change(&message), HV_OK);
	assert_int_equal(lpar_of("z")->n_attributes, 2);
	assert_int_equal(activate("z", NULL), HV_OK);
	message.apply_profile = TEXT("other");
	assert_int_equal(change(&message), HV_E_BUSY);
	message.name = TEXT("a");
	assert_int_equal(change(&message), HV_E_NOTFOUND);
}

/* The host has two processors, or what it has is not known. */
static void know_processors(bool is_known)
{
	const struct cluster *cluster = test_cluster(&c);
	Tarn__HostRecord *record = (Tarn__HostRecord *)cluster_host(cluster, "h1");
	Tarn__PlatformProfile platform = TARN__PLATFORM_PROFILE__INIT;

	platform.name = platform.title = TEXT("two");
	platform.processors = 2;
	record_free(record->profile != NULL ? &record->profile->base : NULL);
	record->profile = NULL;
	if (is_known)
		record->profile = (Tarn__PlatformProfile *)record_copy(&platform.base);
}

static void processors_are_checked_at_activation(void **state)
{
	Tarn__LparProfile profile = profile_of("normal", 16);
	Tarn__LparAttribute values[] = { attribute_of("min_procs", "1"),
					 attribute_of("desired_procs", "3"),
					 attribute_of("max_procs", "4") };
	Tarn__LparAttribute units[] = { attribute_of("proc_mode", "shared"),
					attribute_of("min_proc_units", "0.50"),
					attribute_of("desired_proc_units", "0.75"),
					attribute_of("max_proc_units", "2") };
	Tarn__LparAttribute *list[] = { &values[0], &values[1], &values[2] };
	Tarn__LparAttribute *shared[] = { &units[0], &units[1], &units[2], &units[3] };
	struct made a = { .name = "a", .profile = &profile };
	struct made b = { .name = "b", .profile = &profile };
	struct made d = { .name = "d", .profile = &profile };

	(void)state;
	know_processors(true);
	profile.attributes = list;
	profile.n_attributes = 3;
	assert_int_equal(create(&a), HV_OK);
	assert_int_equal(create(&d), HV_OK);
	profile.attributes = shared;
	profile.n_attributes = 4;
	assert_int_equal(create(&b), HV_OK);
	assert_int_equal(activate("b", NULL), HV_OK);
	assert_int_equal(lpar_of("b")->granted_processors, 75);
	assert_true(lpar_of("b")->processors->shared);
	assert_false(lpar_of("b")->processors->uncapped);
	assert_int_equal(lpar_of("b")->processors->units, 75);
	assert_int_equal(lpar_of("b")->processors->max_units, 200);
	assert_int_equal(activate("a", NULL), HV_OK); /* 1.25 left: one whole */
	assert_int_equal(lpar_of("a")->granted_processors, 100);
	assert_false(lpar_of("a")->processors->shared);
	assert_int_equal(lpar_of("a")->processors->procs, 1);
	assert_int_equal(activate("d", NULL), HV_E_LIMIT);
	must_say("needs at least 1.00 processors, and host 'h1' has 0.00 of 2 free");
	assert_false(lpar_of("d")->running);
	shut_down("a");
	shut_down("b");
	assert_int_equal(activate("d", NULL), HV_OK);
	assert_int_equal(lpar_of("d")->granted_processors, 200);
	know_processors(false); /* the log has nothing of it */
}

static void profiles_are_shown_where_they_are_asked_for(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	struct made made = { .name = "a" };

	(void)state;
	assert_int_equal(create(&made), HV_OK);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_STATUS;
	request.status = &query;
	for (unsigned i = 0; i < 2; i++) {
		Tarn__ClusterReply *reply;

		query.has_profiles = query.profiles = i == 1;
		reply = test_ask(&c, &request);
		assert_non_null(reply);
		assert_int_equal(reply->status->lpars[0]->record->n_profiles, i);
		assert_int_equal(reply->status->lpars[0]->record->lpar_id, 1);
		test_reply_free(reply);
	}
}

static void all_resources_run_alone(void **state)
{
	Tarn__LparAttribute all = attribute_of("all_resources", "1"), *list[] = { &all };
	Tarn__LparProfile whole = profile_of("whole", 32);

	(void)state;
	whole.attributes = list;
	whole.n_attributes = 1;
	assert_int_equal(create(&(struct made){ .name = "a", .profile = &whole }), HV_OK);
	assert_int_equal(create(&(struct made){ .name = "b" }), HV_OK);
	assert_int_equal(activate("b", NULL), HV_OK);
	assert_int_equal(activate("a", NULL), HV_E_STATE);
	must_say("LPAR 'a' takes all resources of host 'h1', and LPAR 'b' runs there");
	shut_down("b");
	assert_int_equal(activate("a", NULL), HV_OK);
	all.value = TEXT("2");
	assert_int_equal(create(&(struct made){ .name = "c", .profile = &whole }),
			 HV_E_INVAL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_up, close_one)
	const struct CMUnitTest tests[] = {
		TEST(an_lpar_is_made_with_its_first_profile),
		TEST(ids_are_the_lowest_free_and_unique),
		TEST(wrong_attributes_make_nothing),
		TEST(who_is_authorised_sees_the_pool),
		TEST(a_profile_counts_from_the_activation_with_it),
		TEST(profiles_are_not_lost_by_a_race),
		TEST(profiles_are_bounded_and_the_default_stays),
		TEST(an_lpar_with_a_disk_of_its_own_keeps_its_name),
		TEST(a_disk_of_any_profile_keeps_the_name),
		TEST(an_lpar_is_renamed_and_set_while_it_is_off),
		TEST(processors_are_checked_at_activation),
		TEST(profiles_are_shown_where_they_are_asked_for),
		TEST(all_resources_run_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
