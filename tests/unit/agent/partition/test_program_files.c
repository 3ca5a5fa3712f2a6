/* Unit tests of agent/partition/program_files.h: files as --program meets them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/partition/program_files.h"
#include "hvcore/base/units.h"

struct program {
	Elf64_Ehdr head;
	Elf64_Phdr segments[2];
};

static struct program some_program(uint32_t second)
{
	struct program program = {
		.head = { .e_phoff = offsetof(struct program, segments),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 2 },
		.segments = { { .p_type = PT_LOAD }, { .p_type = second } },
	};

	memcpy(program.head.e_ident, ELFMAG, SELFMAG);
	program.head.e_ident[EI_CLASS] = ELFCLASS64;
	return program;
}

/* The code, for a file that holds that. */
static enum hv_code check(const void *bytes, size_t count, struct hv_err *err)
{
	int fd = memfd_create("program", MFD_CLOEXEC);
	enum hv_code code;
	char path[64];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	code = program_file_check(path, err);
	assert_int_equal(close(fd), 0);
	return code;
}

static void only_what_takes_a_library_is_run(void **state)
{
	static const char script[] = "#!/bin/sh\nexit 0\n",
			  text[] = "It is no program.\n";
	struct program program = some_program(PT_INTERP);
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(check(&program, sizeof(program), &err), HV_OK);
	assert_int_equal(check(script, sizeof(script), &err), HV_OK);
	assert_int_equal(check(text, sizeof(text), &err), HV_E_INVAL);
	assert_int_equal(check(text, 3, &err), HV_E_INVAL);
	assert_int_equal(check(&program, sizeof(program) - 1, &err), HV_E_INVAL);
	program.head.e_phnum = 65;
	assert_int_equal(check(&program, sizeof(program), &err), HV_E_INVAL);
	program = some_program(PT_INTERP);
	program.head.e_phentsize = 1;
	assert_int_equal(check(&program, sizeof(program), &err), HV_E_INVAL);
	program = some_program(PT_INTERP);
	program.head.e_phoff = UINT64_MAX - 100;
	assert_int_equal(check(&program, sizeof(program), &err), HV_E_INVAL);
	program.head.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(check(&program, sizeof(program), &err), HV_E_INVAL);
	assert_non_null(strstr(hv_err_text(&err), "no program of 64 bits"));
	program = some_program(PT_NOTE);
	assert_int_equal(check(&program, sizeof(program), &err), HV_E_INVAL);
	assert_non_null(strstr(hv_err_text(&err), "is linked statically"));
	assert_int_equal(program_file_check("/nowhere/at/all", &err), HV_E_NOTFOUND);
}

static void a_program_is_found_by_name(void **state)
{
	struct hv_err err = { 0 };
	char path[64];
	int fd = -1;

	(void)state;
	assert_int_equal(program_file_open("sh", path, sizeof(path), &fd, &err), HV_OK);
	assert_non_null(strstr(path, "bin/sh"));
	assert_int_equal(close(fd), 0);
	assert_int_equal(program_file_open("/bin/sh", path, sizeof(path), &fd, &err),
			 HV_OK);
	assert_string_equal(path, "/bin/sh");
	assert_int_equal(close(fd), 0);
	assert_int_equal(
		program_file_open("no-such-program", path, sizeof(path), &fd, &err),
		HV_E_NOTFOUND);
	assert_int_equal(program_file_open("/bin/sh/no", path, sizeof(path), &fd, &err),
			 HV_E_DENIED);
}

static void an_allocator_is_installed_named_or_none(void **state)
{
	struct hv_err err = { 0 };
	const char *why = NULL;
	char path[64];

	(void)state;
	assert_int_equal(program_allocator_find("none", path, sizeof(path), &why, &err),
			 HV_OK);
	assert_string_equal(path, "");
	assert_int_equal(
		program_allocator_find("/bin/sh", path, sizeof(path), &why, &err), HV_OK);
	assert_string_equal(path, "/bin/sh");
	assert_int_equal(
		program_allocator_find("/no/such.so", path, sizeof(path), &why, &err),
		HV_E_NOTFOUND);
	assert_int_equal(
		program_allocator_find("/a.so:/b.so", path, sizeof(path), &why, &err),
		HV_E_INVAL);
	assert_int_equal(program_allocator_find("auto", path, sizeof(path), &why, &err),
			 HV_OK);
	assert_int_equal(path[0] == '\0', strstr(why, "not installed") != NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_takes_a_library_is_run),
		cmocka_unit_test(a_program_is_found_by_name),
		cmocka_unit_test(an_allocator_is_installed_named_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
