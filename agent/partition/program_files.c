/* program_files - see program_files.h. */
#include "agent/partition/program_files.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/units.h"

#define SEGMENTS_MAX 64 /* of a program; arbitrary, ld makes a dozen */
#define ALLOCATOR "libjemalloc.so.2"

static const char *const program_directories[] = {
	"/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"
};
static const char *const library_directories[] = {
#ifdef __x86_64__
	"/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
	"/usr/lib/aarch64-linux-gnu",
#elif defined(__powerpc64__)
	"/usr/lib/powerpc64le-linux-gnu",
#endif
	"/usr/local/lib", "/usr/lib64", "/usr/lib"
};

static enum hv_code fail_open(const char *path, struct hv_err *err)
{
	return hv_fail_os(err, errno == ENOENT ? HV_E_NOTFOUND : HV_E_DENIED, errno,
			  "open '%s'", path);
}

enum hv_code program_file_open(const char *name, char *path, size_t room, int *ret_fd,
			       struct hv_err *err)
{
	int fd = -1;

	if (strchr(name, '/') != NULL) {
		(void)snprintf(path, room, "%s", name);
		fd = open(path, O_PATH | O_CLOEXEC);
	} else {
		for (unsigned i = 0; i < HV_COUNT(program_directories) && fd < 0; i++) {
			(void)snprintf(path, room, "%s/%s", program_directories[i], name);
			fd = open(path, O_PATH | O_CLOEXEC);
		}
	}
	if (fd < 0)
		return fail_open(name, err);
	*ret_fd = fd;
	return HV_OK;
}

static enum hv_code read_at(int fd, uint64_t offset, void *to, size_t bytes,
			    const char *path, struct hv_err *err)
{
	if (offset > INT64_MAX || pread(fd, to, bytes, (off_t)offset) != (ssize_t)bytes)
		return hv_fail(err, HV_E_INVAL, "'%s' is no program", path);
	return HV_OK;
}

/* Whether something loads libraries into it. */
static enum hv_code has_loader(int fd, const Elf64_Ehdr *head, const char *path,
			       bool *ret_has, struct hv_err *err)
{
	enum hv_code code = HV_OK;
	Elf64_Phdr segment;

	*ret_has = false;
	if (head->e_phentsize != sizeof(segment) || head->e_phnum > SEGMENTS_MAX)
		return hv_fail(err, HV_E_INVAL, "'%s' is no program", path);
	for (unsigned i = 0; i < head->e_phnum && code == HV_OK && !*ret_has; i++) {
		code = read_at(fd, head->e_phoff + i * sizeof(segment), &segment,
			       sizeof(segment), path, err);
		*ret_has = code == HV_OK && segment.p_type == PT_INTERP;
	}
	return code;
}

static enum hv_code check_elf(int fd, const char *path, struct hv_err *err)
{
	Elf64_Ehdr head;
	bool has = false;
	enum hv_code code = read_at(fd, 0, &head, sizeof(head.e_ident), path, err);

	if (code != HV_OK || memcmp(head.e_ident, "#!", 2) == 0)
		return code;
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
		return hv_fail(err, HV_E_INVAL, "'%s' is no program", path);
	if (head.e_ident[EI_CLASS] != ELFCLASS64)
		return hv_fail(err, HV_E_INVAL, "'%s' is no program of 64 bits", path);
	code = read_at(fd, 0, &head, sizeof(head), path, err);
	if (code == HV_OK)
		code = has_loader(fd, &head, path, &has, err);
	if (code == HV_OK && !has)
		return hv_fail(err, HV_E_INVAL,
			       "'%s' is linked statically: no library can be loaded into "
			       "it, so its memory cannot be a partition's",
			       path);
	return code;
}

enum hv_code program_file_check(const char *path, struct hv_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum hv_code code;

	if (fd < 0)
		return errno == EACCES ? HV_OK /* may be executed, and not read */
				       : fail_open(path, err);
	code = check_elf(fd, path, err);
	(void)close(fd);
	return code;
}

static bool is_library(const char *path)
{
	return access(path, R_OK) == 0;
}

enum hv_code program_allocator_find(const char *wanted, char *path, size_t room,
				    const char **ret_why, struct hv_err *err)
{
	*ret_why = "as asked for";
	path[0] = '\0';
	if (strcmp(wanted, "none") == 0)
		return HV_OK;
	if (strcmp(wanted, "auto") != 0) {
		(void)snprintf(path, room, "%s", wanted);
		if (strpbrk(wanted, ": ") != NULL)
			return hv_fail(err, HV_E_INVAL,
				       "--allocator '%s': a space or a colon ends a name",
				       wanted);
		return is_library(path) ? HV_OK : fail_open(path, err);
	}
	*ret_why = "its mappings go by names that libtarn-attach.so can take";
	for (unsigned i = 0; i < HV_COUNT(library_directories); i++) {
		(void)snprintf(path, room, "%s/" ALLOCATOR, library_directories[i]);
		if (is_library(path))
			return HV_OK;
	}
	path[0] = '\0';
	*ret_why = "libjemalloc2 is not installed: what the C library's malloc gives is "
		   "ordinary memory";
	return HV_OK;
}
