/* world - see world.h. */
#include "cli/world.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "cli/screen.h"
#include "cli/vterm.h"
#include "hvcore/base/clock.h"
#include "hvcore/loop/rpc.h"

static enum hv_code ask(struct cli_world *world, const char *url,
			const struct cli_message *request, uint64_t deadline_ms,
			struct cli_message *ret_answer, struct hv_err *err)
{
	(void)world;
	return hv_rpc_ask(url, request->bytes, request->count, deadline_ms,
			  &ret_answer->bytes, &ret_answer->count, err);
}

static uint64_t now_ms(struct cli_world *world)
{
	(void)world;
	return hv_clock_ms();
}

static void sleep_ms(struct cli_world *world, uint64_t ms)
{
	struct timespec left = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	(void)world;
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

static enum hv_code random_bytes(struct cli_world *world, uint8_t *bytes, size_t count,
				 struct hv_err *err)
{
	(void)world;
	if (getrandom(bytes, count, 0) != (ssize_t)count)
		return hv_fail_os(err, HV_E_OS, errno, "make a key");
	return HV_OK;
}

/* Byte by byte: what follows is somebody else's. */
static bool read_line(struct cli_world *world, char *line, size_t size)
{
	size_t count = 0;
	ssize_t n;
	char byte;

	(void)world;
	while ((n = read(STDIN_FILENO, &byte, 1)) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		if (byte == '\n')
			break;
		if (byte != '\r' && count + 1 < size)
			line[count++] = byte;
	}
	line[count] = '\0';
	return n > 0 || count > 0;
}

static unsigned terminal_columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static int64_t utc_offset_s(void)
{
	time_t now = time(NULL);
	struct tm tm;

	return localtime_r(&now, &tm) != NULL ? tm.tm_gmtoff : 0;
}

void cli_world_open(struct cli_world *world, struct cli *ret_cli)
{
	const char *no_color = getenv("NO_COLOR"), *url = getenv("TARN_COORDINATOR");

	*world = (struct cli_world){
		ask,       now_ms,        sleep_ms, random_bytes, cli_vterm_converse,
		read_line, cli_screen_run
	};
	*ret_cli = (struct cli){
		.world = world,
		.out = stdout,
		.err = stderr,
		.is_colour = isatty(STDOUT_FILENO) == 1 &&
			     (no_color == NULL || no_color[0] == '\0'),
		.is_live = isatty(STDERR_FILENO) == 1,
		.columns = terminal_columns(),
		.url = url != NULL && url[0] != '\0' ? url : NULL,
		.utc_offset_s = utc_offset_s(),
	};
}
