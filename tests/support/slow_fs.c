/* slow_fs - see slow_fs.h. */
#include "tests/support/slow_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "tests/support/wait.h"

#define FILE_NODE 2u /* the first; the root directory is FUSE_ROOT_ID, 1 */
#define FILE_NAME "device"
#define WRITE_MOST (1u << 20)
#define REQUEST_BYTES (WRITE_MOST + 4096)
#define HELD_MAX 1024 /* what a lane may have out, of two and more */
#define LOOK_MS 2     /* how often the server looks at the control */
#define TIMEOUT_S 3600

struct held {
	struct fuse_in_header head;
	struct fuse_write_in io; /* fuse_read_in begins alike */
	uint8_t *data;           /* of a write */
};

struct server {
	int fd;
	struct slow_fs_control *control;
	uint8_t *bytes[SLOW_FS_FILES];
	size_t size; /* of each */
	struct held held[HELD_MAX];
	unsigned held_count;
};

static void reply(struct server *server, uint64_t unique, int error, const void *data,
		  size_t bytes)
{
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + (error != 0 ? 0 : bytes)),
		.error = -error,
		.unique = unique,
	};
	struct iovec parts[2] = {
		{ &head, sizeof(head) },
		{ (void *)(uintptr_t)data, error != 0 ? 0 : bytes },
	};

	/* ENOENT: the request was interrupted; ENODEV: unmounted. */
	if (writev(server->fd, parts, 2) < 0)
		return;
}

static struct fuse_attr attr_of(const struct server *server, uint64_t node)
{
	bool is_file = node >= FILE_NODE;

	return (struct fuse_attr){
		.ino = node,
		.size = is_file ? server->size : 0,
		.blocks = is_file ? server->size / 512 : 0,
		.mode = is_file ? S_IFREG | 0600 : S_IFDIR | 0700,
		.nlink = 1,
		.blksize = 4096,
	};
}

static void on_init(struct server *server, const struct fuse_in_header *head,
		    const struct fuse_init_in *in)
{
	uint32_t async = server->control->is_async ? FUSE_ASYNC_DIO : 0;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 0,
		.flags = (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_MAX_PAGES | async) &
			 in->flags,
		.max_background = 2 * HELD_MAX, /* what is kept counts */
		.congestion_threshold = HELD_MAX,
		.max_write = WRITE_MOST,
		.max_pages = WRITE_MOST / 4096,
		.time_gran = 1,
	};

	reply(server, head->unique, 0, &out, sizeof(out));
}

static void on_lookup(struct server *server, const struct fuse_in_header *head,
		      const char *name)
{
	uint64_t node = FILE_NODE + (strcmp(name, FILE_NAME "1") == 0);
	struct fuse_entry_out out = {
		.nodeid = node,
		.entry_valid = TIMEOUT_S,
		.attr_valid = TIMEOUT_S,
		.attr = attr_of(server, node),
	};
	bool is_there = node != FILE_NODE || strcmp(name, FILE_NAME) == 0;

	reply(server, head->unique, is_there ? 0 : ENOENT, &out, sizeof(out));
}

static void on_getattr(struct server *server, const struct fuse_in_header *head)
{
	struct fuse_attr_out out = {
		.attr_valid = TIMEOUT_S,
		.attr = attr_of(server, head->nodeid),
	};

	reply(server, head->unique, 0, &out, sizeof(out));
}

static uint8_t *bytes_of(const struct server *server, const struct held *held)
{
	return server->bytes[held->head.nodeid - FILE_NODE];
}

static void do_write(struct server *server, const struct held *held)
{
	struct fuse_write_out out = { .size = held->io.size };
	uint32_t most = atomic_load(&server->control->write_most);
	int error = atomic_load(&server->control->write_error);

	if (most != 0 && out.size > most)
		out.size = most;
	if (held->io.offset + held->io.size > server->size)
		error = ENOSPC;
	if (error == 0)
		memcpy(bytes_of(server, held) + held->io.offset, held->data, out.size);
	atomic_fetch_add(&server->control->writes, 1);
	reply(server, held->head.unique, error, &out, sizeof(out));
}

static void do_read(struct server *server, const struct held *held)
{
	uint64_t left = held->io.offset < server->size ? server->size - held->io.offset
						       : 0;
	size_t bytes = held->io.size < left ? held->io.size : (size_t)left;

	atomic_fetch_add(&server->control->reads, 1);
	reply(server, held->head.unique, atomic_load(&server->control->read_error),
	      bytes_of(server, held) + held->io.offset, bytes);
}

static void hold(struct server *server, const struct held *held, const void *data)
{
	struct held *kept = &server->held[server->held_count++];

	HV_INVARIANT(server->held_count <= HELD_MAX);
	*kept = *held;
	kept->data = NULL;
	if (data != NULL) {
		kept->data = malloc(held->io.size);
		HV_INVARIANT(kept->data != NULL);
		memcpy(kept->data, data, held->io.size);
	}
	atomic_store(&server->control->held, server->held_count);
}

/* `fh` is who opened it. */
static bool is_held(const struct slow_fs_control *control, const struct held *held)
{
	if (held->head.opcode == FUSE_READ)
		return atomic_load(&control->hold_reads);
	return atomic_load(&control->hold_writes) ||
	       held->io.fh == (uint64_t)atomic_load(&control->writer);
}

static void on_io(struct server *server, const struct fuse_in_header *head,
		  const void *body)
{
	struct held held = { .head = *head };
	bool is_write = head->opcode == FUSE_WRITE;
	const uint8_t *data = (const uint8_t *)body + sizeof(struct fuse_write_in);

	memcpy(&held.io, body,
	       is_write ? sizeof(struct fuse_write_in) : sizeof(struct fuse_read_in));
	if (is_held(server->control, &held)) {
		hold(server, &held, is_write ? data : NULL);
	} else if (is_write) {
		held.data = (uint8_t *)(uintptr_t)data;
		do_write(server, &held);
	} else {
		do_read(server, &held);
	}
}

/* The process of that thread. */
static uint64_t process_of(unsigned thread)
{
	char path[64], line[128];
	unsigned process = thread;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%u/status", thread);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "Tgid:", 5) == 0)
			process = (unsigned)strtoul(line + 5, NULL, 10);
	if (file != NULL)
		(void)fclose(file);
	return process;
}

static void do_open(struct server *server, const struct held *held, int error)
{
	struct fuse_open_out opened = { .fh = process_of(held->head.pid) };

	reply(server, held->head.unique, error, &opened, sizeof(opened));
}

static void on_open(struct server *server, const struct fuse_in_header *head)
{
	struct held held = { .head = *head };

	if (atomic_load(&server->control->hold_opens))
		hold(server, &held, NULL);
	else
		do_open(server, &held, 0);
}

static bool may_go(const struct server *server, const struct held *held)
{
	if (held->head.opcode == FUSE_OPEN)
		return !atomic_load(&server->control->hold_opens);
	return !is_held(server->control, held);
}

static void go_on(struct server *server, const struct held *held)
{
	if (held->head.opcode == FUSE_OPEN)
		do_open(server, held, 0);
	else if (held->head.opcode == FUSE_WRITE)
		do_write(server, held);
	else
		do_read(server, held);
}

/* Of an open alone: a write that the device has is not taken back. */
static void on_interrupt(struct server *server, const struct fuse_interrupt_in *in)
{
	for (unsigned i = 0; i < server->held_count; i++) {
		struct held *held = &server->held[i];

		if (held->head.opcode != FUSE_OPEN || held->head.unique != in->unique)
			continue;
		do_open(server, held, EINTR);
		*held = server->held[--server->held_count];
		atomic_store(&server->control->held, server->held_count);
		return;
	}
}

static void let_go(struct server *server)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < server->held_count; i++) {
		struct held *held = &server->held[i];

		if (!may_go(server, held)) {
			server->held[kept++] = *held;
			continue;
		}
		go_on(server, held);
		free(held->data);
	}
	server->held_count = kept;
	atomic_store(&server->control->held, kept);
}

static void on_request(struct server *server, const struct fuse_in_header *head)
{
	const void *body = head + 1;
	struct fuse_statfs_out statfs = { .st.bsize = 4096, .st.namelen = 255 };

	switch (head->opcode) {
	case FUSE_INIT:
		on_init(server, head, body);
		return;
	case FUSE_LOOKUP:
		on_lookup(server, head, body);
		return;
	case FUSE_GETATTR:
		on_getattr(server, head);
		return;
	case FUSE_OPEN:
		on_open(server, head);
		return;
	case FUSE_STATFS:
		reply(server, head->unique, 0, &statfs, sizeof(statfs));
		return;
	case FUSE_READ:
	case FUSE_WRITE:
		on_io(server, head, body);
		return;
	case FUSE_FSYNC:
		atomic_fetch_add(&server->control->syncs, 1);
		reply(server, head->unique, atomic_load(&server->control->sync_error),
		      NULL, 0);
		return;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		reply(server, head->unique, 0, NULL, 0);
		return;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		return;
	case FUSE_INTERRUPT:
		on_interrupt(server, body);
		return;
	default:
		reply(server, head->unique, ENOSYS, NULL, 0);
	}
}

static _Noreturn void serve(struct server *server)
{
	struct pollfd poll_fd = { .fd = server->fd, .events = POLLIN };
	uint8_t *request = malloc(REQUEST_BYTES);

	HV_INVARIANT(request != NULL);
	for (;;) {
		ssize_t n;

		let_go(server);
		if (poll(&poll_fd, 1, LOOK_MS) <= 0)
			continue;
		n = read(server->fd, request, REQUEST_BYTES);
		if (n < 0 && errno == ENODEV)
			_exit(0); /* unmounted */
		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			on_request(server, (const void *)request);
	}
}

static void start_server(struct slow_fs *fs, int fd, size_t bytes)
{
	struct server *server;
	int parent = getpid();

	(void)fflush(NULL);
	fs->server = fork();
	HV_INVARIANT(fs->server >= 0);
	if (fs->server != 0)
		return;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	server = calloc(1, sizeof(*server));
	HV_INVARIANT(server != NULL);
	server->fd = fd;
	server->control = fs->control;
	server->size = bytes;
	for (unsigned i = 0; i < SLOW_FS_FILES; i++) {
		server->bytes[i] = calloc(1, bytes);
		HV_INVARIANT(server->bytes[i] != NULL);
	}
	serve(server);
}

static bool mount_it(struct slow_fs *fs, int fd)
{
	char options[128];

	(void)snprintf(options, sizeof(options),
		       "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fd, geteuid(),
		       getegid());
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	return mount("slow_fs", fs->dir.path, "fuse", MS_NOSUID | MS_NODEV, options) == 0;
}

bool slow_fs_open(struct slow_fs *fs, size_t bytes, bool async)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	int why;

	if (fd < 0) {
		(void)printf("no FUSE here: %s\n", strerror(errno));
		return false;
	}
	*fs = (struct slow_fs){ 0 };
	test_tmpdir_make(&fs->dir);
	(void)snprintf(fs->file, sizeof(fs->file), "%s/" FILE_NAME, fs->dir.path);
	fs->control = mmap(NULL, sizeof(*fs->control), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	HV_INVARIANT(fs->control != MAP_FAILED);
	fs->control->is_async = async;
	if (!mount_it(fs, fd)) {
		why = errno;
		(void)close(fd);
		test_tmpdir_remove(&fs->dir);
		(void)munmap(fs->control, sizeof(*fs->control));
		(void)printf("cannot mount FUSE here: %s\n", strerror(why));
		return false;
	}
	start_server(fs, fd, bytes);
	(void)close(fd);
	return true;
}

void slow_fs_close(struct slow_fs *fs)
{
	/* Its descriptor was the last: the connection ends, whoever waits gets errors. */
	(void)kill(fs->server, SIGKILL);
	(void)waitpid(fs->server, NULL, 0);
	(void)umount2(fs->dir.path, MNT_DETACH);
	test_tmpdir_remove(&fs->dir);
	(void)munmap(fs->control, sizeof(*fs->control));
}
