/* Unit tests of a guest's rules (hvcore/wire/guest_spec.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "hvcore/wire/guest_spec.h"

#define MIB (UINT64_C(1) << 20)
#define TEXT(text) ((char *)(uintptr_t)(text))

/* A spec that is right; each test makes one thing of it wrong. */
struct bench {
	Tarn__Workload workload;
	Tarn__GuestSpec guest;
	Tarn__GuestDisk disks[HV_GUEST_DISKS_MAX + 1], *list[HV_GUEST_DISKS_MAX + 1];
	char paths[HV_GUEST_DISKS_MAX + 1][16];
	Tarn__LparSpec spec;
	struct hv_err err;
};

static void init(struct bench *bench)
{
	*bench = (struct bench){ 0 };
	tarn__workload__init(&bench->workload);
	bench->workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	tarn__guest_spec__init(&bench->guest);
	bench->guest.kind = TARN__GUEST_KIND__GUEST_QEMU_X86_64;
	bench->guest.kernel = TEXT("/boot/vmlinuz");
	for (unsigned i = 0; i < HV_COUNT(bench->disks); i++) {
		tarn__guest_disk__init(&bench->disks[i]);
		(void)snprintf(bench->paths[i], sizeof(bench->paths[i]), "/d%u", i);
		bench->disks[i].path = bench->paths[i];
		bench->list[i] = &bench->disks[i];
	}
	bench->guest.disks = bench->list;
	tarn__lpar_spec__init(&bench->spec);
	bench->spec.name = TEXT("g1");
	bench->spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	bench->spec.min_bytes = bench->spec.mem_bytes = bench->spec.max_bytes = 256 * MIB;
	bench->spec.workload = &bench->workload;
	bench->spec.guest = &bench->guest;
}

static void expect(struct bench *bench, enum hv_code code, const char *text)
{
	enum hv_code got = hv_lpar_spec_check(&bench->spec, &bench->err);

	if (got != code || (code != HV_OK && strstr(bench->err.text, text) == NULL))
		fail_msg("%d '%s' is not %d '%s'", got, hv_err_text(&bench->err), code,
			 text);
}

static void a_guest_that_is_right_is_taken(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	expect(&b, HV_OK, "");
	b.guest.initrd = TEXT("/boot/initrd");
	b.guest.append = TEXT("console=ttyS0");
	b.guest.net = TEXT("tap:tap0");
	b.guest.vcpus = HV_GUEST_VCPUS_MAX;
	b.guest.n_disks = HV_GUEST_DISKS_MAX;
	expect(&b, HV_OK, "");
	b.guest.kernel = b.guest.initrd = b.guest.append = NULL; /* its first disk */
	expect(&b, HV_OK, "");
	b.spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	b.guest.kind = TARN__GUEST_KIND__GUEST_QEMU_PPC64;
	expect(&b, HV_OK, "");
}

static void a_guest_boots_from_something(void **state)
{
	static char longest[HV_GUEST_APPEND_MAX + 1], path[HV_GUEST_FILE_MAX + 2];
	struct bench b;

	(void)state;
	init(&b);
	memset(longest, 'x', sizeof(longest) - 1);
	memset(path, '/', sizeof(path) - 1);
	b.guest.append = longest;
	expect(&b, HV_E_LIMIT, "longer than 2047 bytes");
	longest[HV_GUEST_APPEND_MAX - 1] = '\0';
	expect(&b, HV_OK, "");
	b.guest.kernel = NULL;
	expect(&b, HV_E_INVAL, "needs a kernel");
	b.guest.append = NULL;
	expect(&b, HV_E_INVAL, "needs a kernel, or a disk to boot from");
	b.guest.initrd = TEXT("/initrd");
	b.guest.n_disks = 1;
	expect(&b, HV_E_INVAL, "an initrd or a command line needs a kernel");
	b.guest.kernel = TEXT("vmlinuz");
	expect(&b, HV_E_INVAL, "kernel 'vmlinuz' is not an absolute path");
	b.guest.kernel = path;
	expect(&b, HV_E_LIMIT, "kernel: its path is longer than 255 bytes");
	b.guest.kernel = TEXT("/vmlinuz");
	b.guest.initrd = TEXT("/a,b");
	expect(&b, HV_E_INVAL, "initrd '/a,b' has a comma");
}

static void disks_are_few_and_each_is_one(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	b.guest.n_disks = HV_GUEST_DISKS_MAX + 1;
	expect(&b, HV_E_LIMIT, "9 disks, a guest has at most 8");
	b.guest.n_disks = 2;
	b.disks[1].path = TEXT("relative");
	expect(&b, HV_E_INVAL, "disk 'relative' is not");
	b.disks[1].path = b.disks[0].path;
	expect(&b, HV_E_INVAL, "'/d0' is twice its disk");
	b.disks[0].read_only = true;
	expect(&b, HV_E_INVAL, "'/d0' is twice its disk");
	b.disks[1].read_only = true;
	expect(&b, HV_OK, "");
}

static void networks_are_none_user_or_an_interface(void **state)
{
	static const struct {
		const char *net;
		enum hv_code code;
	} cases[] = {
		{ "none", HV_OK },
		{ "user", HV_OK },
		{ "tap:br-0.5_x", HV_OK },
		{ "tap:123456789012345", HV_OK },
		{ "tap:1234567890123456", HV_E_INVAL },
		{ "tap:", HV_E_INVAL },
		{ "tap:-x", HV_E_INVAL },
		{ "tap:..", HV_E_INVAL },
		{ "tap:.", HV_E_INVAL },
		{ "tap:a,script=/bin/sh", HV_E_INVAL },
		{ "tap:a/b", HV_E_INVAL },
		{ "tap", HV_E_INVAL },
		{ "", HV_E_INVAL },
		{ "user,restrict=off", HV_E_INVAL },
	};
	struct bench b;

	(void)state;
	init(&b);
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		b.guest.net = TEXT(cases[i].net);
		expect(&b, cases[i].code, "partition 'g1': ");
	}
}

static void memory_of_a_pseries_guest_is_whole_blocks(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	b.spec.min_bytes = MIB; /* what it runs with is checked, and that alone */
	b.spec.mem_bytes = 300 * MIB;
	b.spec.max_bytes = 700 * MIB;
	expect(&b, HV_OK, "");
	b.guest.kind = TARN__GUEST_KIND__GUEST_QEMU_PPC64;
	expect(&b, HV_E_INVAL, "memory of 300 MiB is not whole blocks of 256 MiB");
	b.spec.mem_bytes = 512 * MIB;
	expect(&b, HV_OK, "");
}

static void a_guest_has_no_workload_and_no_adapters(void **state)
{
	Tarn__VirtualEthernet ethernet = TARN__VIRTUAL_ETHERNET__INIT,
			      *ethernets[] = { &ethernet };
	struct bench b;

	(void)state;
	init(&b);
	b.workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_ZIPF;
	expect(&b, HV_E_INVAL, "no built-in workload");
	b.workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	b.workload.via_hpt = true;
	expect(&b, HV_E_INVAL, "no built-in workload");
	b.workload.via_hpt = false;
	ethernet.slot = 2;
	ethernet.vlan = 1;
	b.spec.ethernets = ethernets;
	b.spec.n_ethernets = 1;
	b.spec.has_virtual_adapters = true;
	b.spec.virtual_adapters = 3;
	expect(&b, HV_E_INVAL, "none of the hypervisor's virtual adapters");
}

static void kinds_and_processors_are_bounded(void **state)
{
	struct bench b;

	(void)state;
	init(&b);
	b.guest.vcpus = 0;
	expect(&b, HV_E_INVAL, "0 virtual processors are not 1 to 64");
	b.guest.vcpus = HV_GUEST_VCPUS_MAX + 1;
	expect(&b, HV_E_INVAL, "65 virtual processors");
	b.guest.vcpus = 1;
	b.guest.kind = (Tarn__GuestKind)0;
	expect(&b, HV_E_INVAL, "unknown kind");
	b.guest.kind = (Tarn__GuestKind)99;
	expect(&b, HV_E_INVAL, "unknown kind");
}

static void a_program_is_a_bounded_command(void **state)
{
	static char word[HV_GUEST_WORD_MAX + 2];
	char *words[HV_GUEST_WORDS_MAX + 1];
	struct bench b;

	(void)state;
	init(&b);
	for (unsigned i = 0; i < HV_COUNT(words); i++)
		words[i] = TEXT("word");
	b.guest.command = words;
	b.guest.n_command = 1;
	expect(&b, HV_E_INVAL, "a command is for a program");
	b.guest.kind = TARN__GUEST_KIND__GUEST_PROGRAM;
	expect(&b, HV_E_INVAL, "a program has no kernel");
	b.guest.kernel = NULL;
	b.guest.n_command = HV_GUEST_WORDS_MAX;
	expect(&b, HV_OK, "");
	b.guest.n_command++;
	expect(&b, HV_E_LIMIT, "its command is 65 words, at most 64");
	b.guest.n_command = 0;
	expect(&b, HV_E_INVAL, "'' is neither the name of a program");
	b.guest.n_command = 5;
	words[0] = TEXT("bin/a");
	expect(&b, HV_E_INVAL, "nor its absolute path");
	words[0] = TEXT("/bin/a");
	words[1] = TEXT("");
	expect(&b, HV_OK, "");
	words[1] = TEXT("a\x7f");
	expect(&b, HV_E_INVAL, "a byte of 127, which is not printed");
	memset(word, 'a', sizeof(word) - 1);
	words[1] = word;
	expect(&b, HV_E_LIMIT, "a word of its command is longer than 1023 bytes");
	word[HV_GUEST_WORD_MAX] = '\0';
	expect(&b, HV_OK, "");
	words[2] = words[3] = words[4] = word;
	expect(&b, HV_E_LIMIT, "its command is longer than 4096 bytes");
	words[2] = words[3] = words[4] = TEXT("b");
	b.guest.vcpus = 2;
	expect(&b, HV_E_INVAL, "virtual processors of its own");
}

static void each_kind_and_accelerator_has_its_words(void **state)
{
	(void)state;
	assert_string_equal(hv_guest_kind_text(TARN__GUEST_KIND__GUEST_QEMU_X86_64),
			    "qemu-x86_64");
	assert_string_equal(hv_guest_program(TARN__GUEST_KIND__GUEST_QEMU_X86_64),
			    "qemu-system-x86_64");
	assert_string_equal(hv_guest_package(TARN__GUEST_KIND__GUEST_QEMU_X86_64),
			    "qemu-system-x86");
	assert_string_equal(hv_guest_kind_text(TARN__GUEST_KIND__GUEST_QEMU_PPC64),
			    "qemu-ppc64");
	assert_string_equal(hv_guest_program(TARN__GUEST_KIND__GUEST_QEMU_PPC64),
			    "qemu-system-ppc64");
	assert_string_equal(hv_guest_package(TARN__GUEST_KIND__GUEST_QEMU_PPC64),
			    "qemu-system-ppc");
	assert_int_equal(hv_guest_block_bytes(TARN__GUEST_KIND__GUEST_QEMU_PPC64),
			 256 * MIB);
	assert_string_equal(hv_guest_accel_text(TARN__GUEST_ACCEL__GUEST_ACCEL_KVM),
			    "kvm");
	assert_string_equal(hv_guest_accel_text(TARN__GUEST_ACCEL__GUEST_ACCEL_TCG),
			    "tcg");
	assert_string_equal(hv_guest_accel_text(TARN__GUEST_ACCEL__GUEST_ACCEL_AUTO),
			    "auto");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_that_is_right_is_taken),
		cmocka_unit_test(a_guest_boots_from_something),
		cmocka_unit_test(disks_are_few_and_each_is_one),
		cmocka_unit_test(networks_are_none_user_or_an_interface),
		cmocka_unit_test(memory_of_a_pseries_guest_is_whole_blocks),
		cmocka_unit_test(a_guest_has_no_workload_and_no_adapters),
		cmocka_unit_test(kinds_and_processors_are_bounded),
		cmocka_unit_test(a_program_is_a_bounded_command),
		cmocka_unit_test(each_kind_and_accelerator_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
