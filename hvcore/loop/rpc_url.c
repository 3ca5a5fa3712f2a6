/* rpc_url - see rpc_priv.h. */
#include "hvcore/base/units.h"
#include "hvcore/loop/rpc_priv.h"

#include <string.h>
#include <sys/un.h>

#define IPC "ipc://"
#define TCP "tcp://127.0.0.1:"
#define PORT_MAX 65535

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static enum hv_code check_ipc(const char *path, struct hv_err *err)
{
	size_t room = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (path[0] != '/')
		return hv_fail(err, HV_E_INVAL, "'ipc://%.100s' is not an absolute path",
			       path);
	if (strlen(path) > room)
		return hv_fail(err, HV_E_LIMIT,
			       "socket path '%.120s' has %zu bytes, the limit is %zu",
			       path, strlen(path), room);
	return HV_OK;
}

enum hv_code hv_rpc_url_check(const char *url, struct hv_err *err)
{
	uint64_t port;

	if (hv_rpc_url_is_ipc(url))
		return check_ipc(url + strlen(IPC), err);
	if (!starts_with(url, TCP))
		return hv_fail(err, HV_E_REFUSED,
			       "'%.100s' is neither ipc:///path nor "
			       "tcp://127.0.0.1:port; connections that leave the machine "
			       "are not encrypted yet",
			       url);
	if (hv_u64_parse(url + strlen(TCP), PORT_MAX, &port, NULL) != HV_OK || port == 0)
		return hv_fail(err, HV_E_INVAL, "'%.100s' has no port from 1 to %d", url,
			       PORT_MAX);
	return HV_OK;
}

bool hv_rpc_url_is_ipc(const char *url)
{
	return starts_with(url, IPC);
}
