/* screen - see screen.h. */
#include "cli/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "cli/keys.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/loop/rpc.h"

#define ASK_MS 5000
#define ESCAPE_MS 50 /* after ESC: what a terminal writes of a key comes at once */
#define RETRY_MS 500 /* after an answer that was lost */
#define ROWS_MAX 500 /* arbitrary, as the next one */
#define COLUMNS_MAX 1000
#define OPEN "\033[?1049h\033[?25l\033[2J" /* other screen, no cursor, empty */
#define SHUT "\033[0m\033[?25h\033[?1049l" /* no colour either: a line may be cut */
#define SHUT_MS 3000 /* for that, where the terminal takes nothing; arbitrary */

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };

struct screen {
	struct cli_live *live;
	struct hv_loop *loop;
	struct hv_client *client;
	struct hv_call call;
	struct hv_timer turn, escape;
	struct hv_watch input, signalled;
	int signal_fd;
	bool is_asking, is_over;
	uint64_t answered_ms;
	struct cli_keys keys;
	struct cli_size size;
	char *shown; /* the frame that is on the screen; NULL: none is */
	enum hv_code code;
	struct hv_err err;
	const char *url;
	/* to be put back */
	struct termios before;
	int in_flags, out_flags;
	sigset_t mask_before;
};

static void finish(struct screen *screen, enum hv_code code, const char *why)
{
	if (screen->is_over)
		return;
	screen->is_over = true;
	screen->code = code;
	if (code != HV_OK)
		(void)hv_fail(&screen->err, code, "%s", why);
	hv_loop_stop(screen->loop);
}

/* ---- the terminal ---- */

/* A terminal that takes nothing does not keep us from a signal. */
static bool wait_for_room(const struct screen *screen)
{
	struct pollfd at[] = { { .fd = STDOUT_FILENO, .events = POLLOUT },
			       { .fd = screen->signal_fd, .events = POLLIN } };

	(void)poll(at, HV_COUNT(at), -1);
	return at[1].revents == 0;
}

/* False: it is broken, or we are to end. */
static bool print(struct screen *screen, const char *bytes, size_t count)
{
	while (count > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, count);

		if (n < 0 && errno == EAGAIN) {
			if (!wait_for_room(screen))
				return false;
		} else if (n < 0 && errno != EINTR) {
			finish(screen, HV_E_IO, "the terminal is gone");
			return false;
		} else if (n > 0) {
			bytes += n;
			count -= (size_t)n;
		}
	}
	return true;
}

static void read_size(struct screen *screen)
{
	struct winsize size = { 0 };

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	screen->size.rows = size.ws_row != 0 ? size.ws_row : 24;
	screen->size.columns = size.ws_col != 0 ? size.ws_col : 80;
	if (screen->size.rows > ROWS_MAX)
		screen->size.rows = ROWS_MAX;
	if (screen->size.columns > COLUMNS_MAX)
		screen->size.columns = COLUMNS_MAX;
}

static enum hv_code open_terminal(struct screen *screen, struct hv_err *err)
{
	const char *term = getenv("TERM");
	struct termios raw;

	if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1 ||
	    tcgetattr(STDIN_FILENO, &screen->before) != 0)
		return hv_fail(err, HV_E_REFUSED,
			       "there is no terminal: use --batch to print it line by "
			       "line");
	if (term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0)
		return hv_fail(err, HV_E_REFUSED,
			       "a terminal of type '%s' only prints: set TERM, or use "
			       "--batch",
			       term != NULL ? term : "");
	screen->in_flags = fcntl(STDIN_FILENO, F_GETFL);
	screen->out_flags = fcntl(STDOUT_FILENO, F_GETFL);
	raw = screen->before;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "set the terminal up");
	read_size(screen);
	return HV_OK;
}

/* Without the loop, which is over: one that is stuck, or gone, is left as it is. */
static void print_last(const char *bytes, size_t count)
{
	uint64_t until_ms = hv_clock_ms() + SHUT_MS;

	while (count > 0) {
		struct pollfd room = { .fd = STDOUT_FILENO, .events = POLLOUT };
		ssize_t n = write(STDOUT_FILENO, bytes, count);
		uint64_t now_ms = hv_clock_ms();

		if (n > 0) {
			bytes += n;
			count -= (size_t)n;
			continue;
		}
		if (now_ms >= until_ms || (n < 0 && errno != EAGAIN && errno != EINTR))
			return;
		(void)poll(&room, 1, (int)(until_ms - now_ms));
	}
}

static void close_terminal(struct screen *screen)
{
	(void)fcntl(STDOUT_FILENO, F_SETFL, screen->out_flags | O_NONBLOCK);
	print_last(SHUT, sizeof(SHUT) - 1);
	/* what the loop has made non-blocking is shared with whoever started us */
	(void)fcntl(STDIN_FILENO, F_SETFL, screen->in_flags);
	(void)fcntl(STDOUT_FILENO, F_SETFL, screen->out_flags);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
}

/* ---- drawing ---- */

/* The line that begins at `at`, without its end; NULL: there are no more. */
static const char *next_line(const char *at, size_t *ret_count)
{
	if (at == NULL || *at == '\0')
		return NULL;
	*ret_count = strcspn(at, "\n");
	return at;
}

static const char *after(const char *at, size_t count)
{
	return at == NULL ? NULL : at[count] == '\n' ? at + count + 1 : at + count;
}

/*
 * What differs from the frame before, line by line. Each is cleared before it is
 * written: behind a full one the cursor stands on its last character still.
 */
static void write_changes(const struct screen *screen, const char *frame, FILE *out)
{
	const char *was = screen->shown;

	for (unsigned row = 1; row <= screen->size.rows; row++) {
		size_t count = 0, was_count = 0;
		const char *line = next_line(frame, &count);
		const char *before = next_line(was, &was_count);

		if (line == NULL && before == NULL)
			break;
		if (line == NULL || before == NULL || count != was_count ||
		    memcmp(line, before, count) != 0)
			(void)fprintf(out, "\033[%u;1H\033[K%.*s", row, (int)count,
				      line != NULL ? line : "");
		frame = after(line, count);
		was = after(before, was_count);
	}
}

/* NULL: no memory. */
static char *make_frame(struct screen *screen)
{
	size_t count;
	char *frame = NULL;
	FILE *out = open_memstream(&frame, &count);

	if (out == NULL)
		return NULL;
	screen->live->draw(screen->live, &screen->size, out);
	if (fclose(out) != 0) {
		free(frame);
		return NULL;
	}
	return frame;
}

static void draw(struct screen *screen)
{
	char *frame = make_frame(screen), *changes = NULL;
	size_t count = 0;
	FILE *out;

	if (frame == NULL || (out = open_memstream(&changes, &count)) == NULL) {
		free(frame);
		finish(screen, HV_E_NOMEM, "out of memory");
		return;
	}
	write_changes(screen, frame, out);
	if (fclose(out) == 0)
		(void)print(screen, changes, count);
	free(changes);
	free(screen->shown);
	screen->shown = frame;
}

static void draw_anew(struct screen *screen)
{
	free(screen->shown);
	screen->shown = NULL;
	read_size(screen);
	if (print(screen, "\033[2J", 4))
		draw(screen);
}

/* ---- questions ---- */

static void plan(struct screen *screen, uint64_t after_ms)
{
	if (screen->is_over || screen->live->is_paused)
		return;
	/* the first start made it, so it cannot fail */
	(void)!hv_timer_start(screen->loop, &screen->turn, after_ms, 0, NULL);
}

static void ask(struct screen *screen)
{
	Tarn__ClusterRequest request;
	struct hv_err err = { 0 };
	uint8_t *bytes;
	size_t count;
	enum hv_code code;

	screen->live->ask(screen->live, &request);
	request.has_version = true;
	request.version = CLUSTER_PROTOCOL_VERSION;
	code = hv_message_encode(&request.base, &bytes, &count, &err);
	if (code == HV_OK) {
		code = hv_call_start(screen->client, &screen->call, bytes, count, ASK_MS,
				     &err);
		free(bytes);
	}
	if (code != HV_OK)
		finish(screen, code, hv_err_text(&err));
	else
		screen->is_asking = true;
}

static void lost(struct screen *screen)
{
	(void)snprintf(screen->live->trouble, sizeof(screen->live->trouble),
		       "no answer from the coordinator at %s for %.0f s: trying again",
		       screen->url, (double)(hv_clock_ms() - screen->answered_ms) / 1e3);
}

static void on_done(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		    size_t count)
{
	struct screen *screen = HV_CONTAINER(call, struct screen, call);
	Tarn__ClusterReply *reply = NULL;
	bool has_more = false;

	screen->is_asking = false;
	if (screen->is_over)
		return;
	if (code == HV_OK)
		code = hv_cluster_reply_decode(bytes, count, &reply, NULL);
	if (code == HV_OK) {
		screen->answered_ms = hv_clock_ms();
		has_more = screen->live->take(screen->live, reply);
		tarn__cluster_reply__free_unpacked(reply, NULL);
	} else {
		lost(screen);
	}
	if (has_more) {
		ask(screen);
		return;
	}
	draw(screen);
	plan(screen, code == HV_OK ? screen->live->interval_ms : RETRY_MS);
}

static void on_turn(struct hv_timer *timer)
{
	struct screen *screen = HV_CONTAINER(timer, struct screen, turn);

	if (!screen->is_over && !screen->is_asking && !screen->live->is_paused)
		ask(screen);
}

/* ---- keys and signals ---- */

static void press(struct screen *screen, int key)
{
	if (key == CLI_KEY_NONE || screen->is_over)
		return;
	if (key == CLI_KEY_REDRAW)
		draw_anew(screen);
	else if (!screen->live->key(screen->live, key))
		finish(screen, HV_OK, "");
}

static void draw_after_keys(struct screen *screen, bool was_paused, uint64_t pace_ms)
{
	if (screen->is_over)
		return;
	draw(screen);
	if (screen->is_asking)
		return;
	if (was_paused && !screen->live->is_paused)
		plan(screen, 0);
	else if (pace_ms != screen->live->interval_ms)
		plan(screen, screen->live->interval_ms);
}

static void on_escape(struct hv_timer *timer)
{
	struct screen *screen = HV_CONTAINER(timer, struct screen, escape);

	press(screen, cli_keys_end(&screen->keys));
	draw_after_keys(screen, screen->live->is_paused, screen->live->interval_ms);
}

static void on_input(struct hv_watch *watch, unsigned events)
{
	struct screen *screen = HV_CONTAINER(watch, struct screen, input);
	bool was_paused = screen->live->is_paused;
	uint64_t pace_ms = screen->live->interval_ms;
	uint8_t bytes[256];
	ssize_t n;

	(void)events; /* an error shows when it is read */
	n = read(STDIN_FILENO, bytes, sizeof(bytes));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		finish(screen, HV_E_IO, "the terminal is gone");
		return;
	}
	hv_timer_pause(&screen->escape);
	for (ssize_t i = 0; i < n; i++)
		press(screen, cli_keys_take(&screen->keys, bytes[i]));
	if (screen->keys.at == CLI_KEYS_ESCAPE)
		(void)!hv_timer_start(screen->loop, &screen->escape, ESCAPE_MS, 0, NULL);
	draw_after_keys(screen, was_paused, pace_ms);
}

static void on_signal(struct hv_watch *watch, unsigned events)
{
	struct screen *screen = HV_CONTAINER(watch, struct screen, signalled);
	struct signalfd_siginfo info;

	(void)events;
	if (read(screen->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		draw_anew(screen);
	else
		finish(screen, HV_OK, "");
}

/* Before there are other threads: they do not take them either. */
static enum hv_code hold_signals(struct screen *screen, struct hv_err *err)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (unsigned i = 0; i < HV_COUNT(signals); i++)
		(void)sigaddset(&set, signals[i]);
	screen->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (screen->signal_fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "watch signals");
	(void)pthread_sigmask(SIG_BLOCK, &set, &screen->mask_before);
	return HV_OK;
}

static void let_signals_go(struct screen *screen)
{
	struct signalfd_siginfo info;

	/* they have done what they are for */
	while (read(screen->signal_fd, &info, sizeof(info)) > 0)
		continue;
	(void)pthread_sigmask(SIG_SETMASK, &screen->mask_before, NULL);
	(void)close(screen->signal_fd);
}

/* ---- beginning and end ---- */

static enum hv_code start(struct screen *screen, struct hv_err *err)
{
	enum hv_code code = hv_client_open(screen->loop, screen->url, HV_RPC_BYTES_MAX,
					   &screen->client, err);

	if (code == HV_OK)
		code = hv_timer_start(screen->loop, &screen->turn, 0, 0, err);
	if (code == HV_OK)
		code = hv_timer_start(screen->loop, &screen->escape, 0, 0, err);
	if (code == HV_OK)
		code = hv_watch_start(screen->loop, &screen->signalled, screen->signal_fd,
				      HV_WATCH_READ, err);
	return code;
}

static enum hv_code show(struct screen *screen, struct hv_err *err)
{
	enum hv_code code = open_terminal(screen, err);

	if (code != HV_OK)
		return code;
	code = hv_watch_start(screen->loop, &screen->input, STDIN_FILENO, HV_WATCH_READ,
			      err);
	if (code == HV_OK) {
		if (print(screen, OPEN, sizeof(OPEN) - 1))
			draw(screen);
		if (!screen->is_over)
			hv_loop_run(screen->loop);
		code = screen->code;
		if (code != HV_OK && err != NULL)
			*err = screen->err;
	}
	close_terminal(screen);
	return code;
}

static void stop(struct screen *screen)
{
	screen->is_over = true;
	hv_watch_stop(&screen->input);
	hv_watch_stop(&screen->signalled);
	hv_timer_stop(&screen->turn);
	hv_timer_stop(&screen->escape);
	if (screen->client != NULL)
		hv_client_close(screen->client);
	hv_loop_close(screen->loop);
	free(screen->shown);
}

enum hv_code cli_screen_run(struct cli_world *world, const char *url,
			    struct cli_live *live, struct hv_err *err)
{
	struct screen screen = {
		.live = live,
		.url = url,
		.call = { .on_done = on_done },
		.turn = { .run = on_turn },
		.escape = { .run = on_escape },
		.input = { .run = on_input },
		.signalled = { .run = on_signal },
		.answered_ms = hv_clock_ms(),
	};
	enum hv_code code = hold_signals(&screen, err);

	(void)world;
	if (code != HV_OK)
		return code;
	code = hv_loop_open(&screen.loop, err);
	if (code == HV_OK) {
		code = start(&screen, err);
		if (code == HV_OK)
			code = show(&screen, err);
		stop(&screen);
	}
	let_signals_go(&screen);
	return code;
}
