/* vterm - see vterm.h. */
#include "cli/vterm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "cli/tilde.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/loop/rpc.h"

#define INPUT_BYTES HV_CONSOLE_INPUT_MAX
#define READ_BYTES 512
#define HOLD_MS 10000
#define ASK_MS 15000
#define AT_ONCE_MAX 2
#define PAUSE_MS 100 /* before an exchange that got lost is repeated */

/* Of standard input and output, to be put back. */
struct terminal {
	bool is_raw;
	struct termios before;
	int in_flags, out_flags;
};

struct vterm {
	struct hv_loop *loop;
	struct hv_client *client;
	struct hv_watch watch;
	struct hv_timer timer;
	struct hv_call calls[AT_ONCE_MAX];
	bool is_busy[AT_ONCE_MAX];
	const uint8_t *session;
	struct cli_tilde tilde;
	bool is_watchable; /* standard input; a file is just read */
	bool is_at_end;    /* of input */
	bool is_over;
	bool has_news;
	enum hv_code code;
	struct hv_err err;
	uint64_t input_at;
	size_t input_count;
	uint8_t input[INPUT_BYTES];
	uint64_t output_seen;
	uint64_t quiet_ms;    /* since when nothing was said */
	uint64_t answered_ms; /* the last answer */
	uint64_t pause_until_ms;
};

/* ---- terminal ---- */

static void terminal_open(struct terminal *terminal)
{
	struct termios raw;

	terminal->in_flags = fcntl(STDIN_FILENO, F_GETFL);
	terminal->out_flags = fcntl(STDOUT_FILENO, F_GETFL);
	terminal->is_raw = false;
	if (tcgetattr(STDIN_FILENO, &terminal->before) != 0)
		return; /* none */
	raw = terminal->before;
	cfmakeraw(&raw);
	terminal->is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

/* What the loop has made non-blocking is shared with whoever started us. */
static void terminal_close(const struct terminal *terminal)
{
	if (terminal->in_flags >= 0)
		(void)fcntl(STDIN_FILENO, F_SETFL, terminal->in_flags);
	if (terminal->out_flags >= 0)
		(void)fcntl(STDOUT_FILENO, F_SETFL, terminal->out_flags);
	if (terminal->is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
}

/* False: it is broken. */
static bool print(const uint8_t *bytes, size_t count)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	while (count > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, count);

		if (n < 0 && errno == EAGAIN)
			(void)poll(&out, 1, -1);
		else if (n < 0 && errno != EINTR)
			return false;
		else if (n > 0) {
			bytes += n;
			count -= (size_t)n;
		}
	}
	return true;
}

/* ---- the end ---- */

static void finish(struct vterm *vterm, enum hv_code code, const char *why)
{
	if (vterm->is_over)
		return;
	vterm->is_over = true;
	vterm->code = code;
	if (code != HV_OK)
		(void)hv_fail(&vterm->err, code, "%s", why);
	hv_loop_stop(vterm->loop);
}

/* ---- exchanges ---- */

static void step(struct vterm *vterm);

static void take_output(struct vterm *vterm, const Tarn__ConsoleReply *reply)
{
	uint64_t skip;

	if (!reply->has_output || reply->output_at > vterm->output_seen)
		return;
	skip = vterm->output_seen - reply->output_at;
	if (skip >= reply->output.len)
		return; /* said already */
	if (!print(reply->output.data + skip, reply->output.len - (size_t)skip)) {
		finish(vterm, HV_E_IO, "standard output is closed");
		return;
	}
	vterm->output_seen += reply->output.len - skip;
	vterm->quiet_ms = hv_clock_ms();
}

static void take_seen(struct vterm *vterm, uint64_t seen)
{
	size_t count;

	if (seen <= vterm->input_at || seen > vterm->input_at + vterm->input_count)
		return;
	count = (size_t)(seen - vterm->input_at);
	vterm->input_count -= count;
	vterm->input_at = seen;
	memmove(vterm->input, vterm->input + count, vterm->input_count);
	vterm->quiet_ms = hv_clock_ms();
}

static void take_reply(struct vterm *vterm, const Tarn__ClusterReply *reply)
{
	const Tarn__ConsoleReply *console = reply->console;

	if (reply->error != NULL) {
		finish(vterm, HV_E_GONE, reply->error->text);
		return;
	}
	if (console == NULL) {
		finish(vterm, HV_E_CORRUPT,
		       "answer of the coordinator: no console in it");
		return;
	}
	take_output(vterm, console);
	take_seen(vterm, console->input_seen);
	if (!console->has_closed || !console->closed)
		return;
	if (console->reason != NULL)
		finish(vterm, HV_E_GONE, console->reason);
	else
		finish(vterm, HV_OK, "");
}

static void on_done(struct hv_call *call, struct vterm *vterm, enum hv_code code,
		    const uint8_t *bytes, size_t count)
{
	Tarn__ClusterReply *reply = NULL;
	struct hv_err err = { 0 };
	uint64_t now_ms = hv_clock_ms();

	vterm->is_busy[call - vterm->calls] = false;
	if (vterm->is_over)
		return;
	if (code == HV_OK)
		code = hv_cluster_reply_decode(bytes, count, &reply, &err);
	if (code == HV_OK) {
		vterm->answered_ms = now_ms;
		take_reply(vterm, reply);
		tarn__cluster_reply__free_unpacked(reply, NULL);
	} else if (now_ms - vterm->answered_ms >= VTERM_LOST_MS) {
		finish(vterm, HV_E_GONE, "the coordinator does not answer");
	} else {
		vterm->pause_until_ms = now_ms + PAUSE_MS;
		vterm->has_news = true;
	}
	step(vterm);
}

static void on_first(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		     size_t count)
{
	on_done(call, HV_CONTAINER(call, struct vterm, calls[0]), code, bytes, count);
}

static void on_second(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		      size_t count)
{
	on_done(call, HV_CONTAINER(call, struct vterm, calls[1]), code, bytes, count);
}

static enum hv_code ask(struct vterm *vterm, struct hv_call *call, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ConsoleExchange exchange = TARN__CONSOLE_EXCHANGE__INIT;
	uint8_t *bytes;
	size_t count;
	enum hv_code code;

	exchange.session = (ProtobufCBinaryData){ HV_KEY_BYTES,
						  (uint8_t *)vterm->session };
	exchange.input_at = vterm->input_at;
	exchange.has_input = vterm->input_count > 0;
	exchange.input = (ProtobufCBinaryData){ vterm->input_count, vterm->input };
	exchange.output_seen = vterm->output_seen;
	exchange.has_wait_ms = true;
	exchange.wait_ms = HOLD_MS;
	request.has_version = true;
	request.version = CLUSTER_PROTOCOL_VERSION;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_CONSOLE_EXCHANGE;
	request.console_exchange = &exchange;
	code = hv_message_encode(&request.base, &bytes, &count, err);
	if (code != HV_OK)
		return code;
	code = hv_call_start(vterm->client, call, bytes, count, ASK_MS, err);
	free(bytes);
	return code;
}

static void start_timer(struct vterm *vterm, uint64_t after_ms)
{
	/* the first start made it, so it cannot fail */
	(void)!hv_timer_start(vterm->loop, &vterm->timer, after_ms, 0, NULL);
}

static void send(struct vterm *vterm)
{
	unsigned busy = (unsigned)vterm->is_busy[0] + vterm->is_busy[1];
	unsigned free_one = vterm->is_busy[0] ? 1 : 0;
	struct hv_err err = { 0 };
	uint64_t now_ms = hv_clock_ms();

	if (busy == AT_ONCE_MAX || (busy == 1 && !vterm->has_news))
		return;
	if (now_ms < vterm->pause_until_ms) {
		start_timer(vterm, vterm->pause_until_ms - now_ms);
		return;
	}
	vterm->has_news = false;
	if (ask(vterm, &vterm->calls[free_one], &err) == HV_OK)
		vterm->is_busy[free_one] = true;
	else
		finish(vterm, err.code, hv_err_text(&err));
}

/* ---- input ---- */

static void read_input(struct vterm *vterm)
{
	uint8_t bytes[READ_BYTES], clean[READ_BYTES + 1];
	size_t count;
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* EIO: the terminal is gone */
		vterm->is_at_end = true;
		vterm->quiet_ms = hv_clock_ms();
		hv_watch_stop(&vterm->watch);
		return;
	}
	if (cli_tilde_take(&vterm->tilde, bytes, (size_t)n, clean, &count))
		finish(vterm, HV_OK, "");
	memcpy(vterm->input + vterm->input_count, clean, count);
	vterm->input_count += count;
	vterm->has_news = vterm->has_news || count > 0;
}

static bool has_room(const struct vterm *vterm)
{
	return !vterm->is_at_end && !vterm->is_over &&
	       sizeof(vterm->input) - vterm->input_count > READ_BYTES;
}

static void on_input(struct hv_watch *watch, unsigned events)
{
	struct vterm *vterm = HV_CONTAINER(watch, struct vterm, watch);

	(void)events; /* an error shows when it is read */
	if (has_room(vterm))
		read_input(vterm);
	step(vterm);
}

static void want_input(struct vterm *vterm)
{
	struct hv_err err = { 0 };

	if (!has_room(vterm))
		hv_watch_stop(&vterm->watch);
	else if (hv_watch_start(vterm->loop, &vterm->watch, STDIN_FILENO, HV_WATCH_READ,
				&err) != HV_OK)
		finish(vterm, err.code, hv_err_text(&err));
}

/* All was typed, taken and answered. */
static void look_for_quiet(struct vterm *vterm)
{
	uint64_t now_ms = hv_clock_ms();

	if (!vterm->is_at_end || vterm->input_count > 0)
		return;
	if (now_ms - vterm->quiet_ms >= VTERM_QUIET_MS)
		finish(vterm, HV_OK, "");
	else
		start_timer(vterm, vterm->quiet_ms + VTERM_QUIET_MS - now_ms);
}

static void step(struct vterm *vterm)
{
	if (vterm->is_over)
		return;
	while (!vterm->is_watchable && has_room(vterm))
		read_input(vterm);
	if (vterm->is_watchable)
		want_input(vterm);
	send(vterm);
	look_for_quiet(vterm);
}

static void on_timer(struct hv_timer *timer)
{
	step(HV_CONTAINER(timer, struct vterm, timer));
}

static void on_terminate(void *arg, int signal)
{
	(void)signal;
	finish(arg, HV_OK, "");
}

/* A terminal, pipe or socket can be waited for; a file, or /dev/null, cannot. */
static bool is_watchable(void)
{
	struct stat status;

	return isatty(STDIN_FILENO) == 1 ||
	       (fstat(STDIN_FILENO, &status) == 0 &&
		(S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)));
}

static enum hv_code run(struct vterm *vterm, const char *url, struct hv_err *err)
{
	struct terminal terminal;
	enum hv_code code = hv_client_open(vterm->loop, url, HV_RPC_BYTES_MAX,
					   &vterm->client, err);

	if (code == HV_OK)
		code = hv_timer_start(vterm->loop, &vterm->timer, 0, 0, err);
	if (code == HV_OK)
		code = hv_loop_on_terminate(vterm->loop, on_terminate, vterm, err);
	if (code == HV_OK) {
		terminal_open(&terminal);
		hv_loop_run(vterm->loop);
		terminal_close(&terminal);
		code = vterm->code;
		if (code != HV_OK && err != NULL)
			*err = vterm->err;
	}
	vterm->is_over = true;
	hv_watch_stop(&vterm->watch);
	hv_timer_stop(&vterm->timer);
	hv_client_close(vterm->client);
	return code;
}

enum hv_code cli_vterm_converse(struct cli_world *world, const char *url,
				const uint8_t *session, struct hv_err *err)
{
	struct vterm vterm = {
		.session = session,
		.is_watchable = is_watchable(),
		.answered_ms = hv_clock_ms(),
		.watch = { .run = on_input },
		.timer = { .run = on_timer },
		.calls = { { .on_done = on_first }, { .on_done = on_second } },
	};
	enum hv_code code = hv_loop_open(&vterm.loop, err);

	(void)world;
	if (code != HV_OK)
		return code;
	code = run(&vterm, url, err);
	hv_loop_close(vterm.loop);
	return code;
}
