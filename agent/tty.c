/* tty - see tty.h. */
#include "agent/tty.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/config.h"

#define BACKLOG 0 /* one that waits while another one is served */

/* "/run/tty-" and a name fit behind the longest state directory. */
static_assert(AGENT_STATE_PATH_MAX + sizeof("/run/tty-") - 1 + HV_NAME_BYTES <=
		      sizeof(((struct sockaddr_un *)0)->sun_path),
	      "sun_path");

static const char *const prefixes[AGENT_TTY_COUNT] = { "tty", "dbg" };
static const char *const nouns[AGENT_TTY_COUNT] = { "console", "debugger" };

static enum hv_code address_of(const char *state, enum agent_tty kind, const char *name,
			       struct sockaddr_un *ret_address, struct hv_err *err)
{
	int n;

	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%s/run/%s-%s",
		     state, prefixes[kind], name);
	if (n < 0 || (size_t)n >= sizeof(ret_address->sun_path))
		return hv_fail(err, HV_E_LIMIT, "'%.120s' is too long for a socket",
			       state);
	return HV_OK;
}

static enum hv_code open_socket(int flags, int *ret_fd, struct hv_err *err)
{
	*ret_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (*ret_fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "open a unix socket");
	return HV_OK;
}

enum hv_code agent_tty_listen(const char *state, enum agent_tty kind, const char *name,
			      int *ret_fd, struct hv_err *err)
{
	struct sockaddr_un address;
	enum hv_code code = address_of(state, kind, name, &address, err);
	int fd = -1;

	if (code == HV_OK)
		code = open_socket(SOCK_NONBLOCK, &fd, err);
	if (code != HV_OK)
		return code;
	/* The mode of the socket's own inode is what bind gives the file: no gap. */
	if ((unlink(address.sun_path) != 0 && errno != ENOENT) ||
	    fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, BACKLOG) != 0) {
		code = hv_fail_os(err, HV_E_OS, errno, "listen on '%s'",
				  address.sun_path);
		(void)close(fd);
		return code;
	}
	*ret_fd = fd;
	return HV_OK;
}

void agent_tty_remove(const char *state, const char *name)
{
	struct sockaddr_un address;

	for (int kind = 0; kind < AGENT_TTY_COUNT; kind++)
		if (address_of(state, (enum agent_tty)kind, name, &address, NULL) ==
		    HV_OK)
			(void)unlink(address.sun_path); /* else the next one does */
}

enum hv_code agent_tty_connect(const char *state, enum agent_tty kind, const char *name,
			       int *ret_fd, struct hv_err *err)
{
	struct sockaddr_un address;
	enum hv_code code = address_of(state, kind, name, &address, err);
	int fd = -1;

	if (code == HV_OK)
		code = open_socket(SOCK_NONBLOCK, &fd, err);
	if (code != HV_OK)
		return code;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		int why = errno;

		(void)close(fd);
		if (why == ECONNREFUSED || why == ENOENT)
			return hv_fail(err, HV_E_GONE,
				       "partition '%s' has no %s: it does not run", name,
				       nouns[kind]);
		if (why == EAGAIN)
			return hv_fail(err, HV_E_BUSY, "the %s of '%s' is already open",
				       nouns[kind], name);
		return hv_fail_os(err, HV_E_OS, why, "connect to '%s'", address.sun_path);
	}
	*ret_fd = fd;
	return HV_OK;
}
