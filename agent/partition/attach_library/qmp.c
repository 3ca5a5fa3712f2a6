/* qmp - see qmp.h. */
#include "agent/partition/attach_library/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/partition/attach_library/qmp_line.h"

/* ---- what it says ---- */

struct named {
	const char *name;
	enum qmp_event_kind kind;
	const char *text; /* path of what is told with it; NULL: nothing */
};

static const struct named events[] = {
	/* clang-format off */
	{ "RESET",           QMP_RESET,     "data.reason" },
	{ "SHUTDOWN",        QMP_SHUTDOWN,  "data.reason" },
	{ "GUEST_PANICKED",  QMP_PANICKED,  "data.action" },
	{ "GUEST_CRASHLOADED", QMP_NOTHING, NULL },
	{ "STOP",            QMP_STOPPED,   NULL },
	{ "RESUME",          QMP_RESUMED,   NULL },
	{ "POWERDOWN",       QMP_POWERDOWN, NULL },
	{ "BLOCK_IO_ERROR",  QMP_IO_ERROR,  "data.node-name" },
	{ "BALLOON_CHANGE",  QMP_BALLOON,   NULL },
	/* clang-format on */
};

/* What is not printable becomes '?': it ends in a log. */
static void copy_text(char to[QMP_TEXT_BYTES], const struct qmp_value *value)
{
	size_t bytes = value->bytes < QMP_TEXT_BYTES - 1 ? value->bytes
							 : QMP_TEXT_BYTES - 1;

	for (size_t i = 0; i < bytes; i++) {
		char c = value->text[i];

		to[i] = c >= ' ' && c <= '~' && c != '\'' && c != '"' ? c : '?';
	}
	to[bytes] = '\0';
}

static void read_text(struct qmp_event *event, const char *line, size_t bytes,
		      const char *path)
{
	struct qmp_value value;

	if (path != NULL && qmp_line_find(line, bytes, path, &value) &&
	    value.kind == QMP_TEXT)
		copy_text(event->text, &value);
}

static struct qmp_event read_event(const char *line, size_t bytes)
{
	struct qmp_event event = { .kind = QMP_NOTHING };

	for (size_t i = 0; i < HV_COUNT(events); i++) {
		if (!qmp_line_is(line, bytes, "event", events[i].name))
			continue;
		event.kind = events[i].kind;
		read_text(&event, line, bytes, events[i].text);
		break;
	}
	if (event.kind == QMP_BALLOON &&
	    !qmp_line_number(line, bytes, "data.actual", &event.bytes))
		event.kind = QMP_NOTHING;
	return event;
}

static uint64_t stat_of(const char *line, size_t bytes, const char *path)
{
	uint64_t number;

	return qmp_line_number(line, bytes, path, &number) ? number : UINT64_MAX;
}

static void read_stats(struct qmp_event *event, const char *line, size_t bytes)
{
	struct qmp_guest_stats *stats = &event->stats;

	event->kind = QMP_STATS;
	stats->total = stat_of(line, bytes, "return.stats.stat-total-memory");
	stats->free = stat_of(line, bytes, "return.stats.stat-free-memory");
	stats->available = stat_of(line, bytes, "return.stats.stat-available-memory");
	stats->caches = stat_of(line, bytes, "return.stats.stat-disk-caches");
	stats->swapped_in = stat_of(line, bytes, "return.stats.stat-swap-in");
	stats->swapped_out = stat_of(line, bytes, "return.stats.stat-swap-out");
	stats->major_faults = stat_of(line, bytes, "return.stats.stat-major-faults");
	if (!qmp_line_number(line, bytes, "return.last-update", &stats->updated_s))
		stats->updated_s = 0;
}

static void add(uint64_t *sum, const struct qmp_value *item, const char *path)
{
	uint64_t number;

	if (qmp_line_number(item->text, item->bytes, path, &number) &&
	    number <= UINT64_MAX - *sum)
		*sum += number;
}

static void read_blocks(struct qmp_event *event, const char *line, size_t bytes)
{
	struct qmp_blocks *blocks = &event->blocks;
	struct qmp_value list, item;
	size_t at = 0;

	if (!qmp_line_find(line, bytes, "return", &list) || list.kind != QMP_OTHER)
		return;
	event->kind = QMP_BLOCKS;
	while (qmp_line_next(&list, &at, &item)) {
		add(&blocks->reads, &item, "stats.rd_operations");
		add(&blocks->writes, &item, "stats.wr_operations");
		add(&blocks->read_bytes, &item, "stats.rd_bytes");
		add(&blocks->written_bytes, &item, "stats.wr_bytes");
		add(&blocks->failed, &item, "stats.failed_rd_operations");
		add(&blocks->failed, &item, "stats.failed_wr_operations");
	}
}

static void read_status(struct qmp_event *event, const char *line, size_t bytes)
{
	event->kind = QMP_STATUS;
	read_text(event, line, bytes, "return.status");
}

struct qmp_event qmp_event_of(const char *line, size_t bytes)
{
	struct qmp_event event = { .kind = QMP_NOTHING };
	struct qmp_value value;

	if (qmp_line_find(line, bytes, "event", &value))
		return read_event(line, bytes);
	if (qmp_line_find(line, bytes, "error", &value)) {
		event.kind = QMP_FAILED;
		read_text(&event, line, bytes, "error.desc");
		return event;
	}
	if (qmp_line_find(line, bytes, "QMP", &value)) {
		event.kind = QMP_GREETING;
		return event;
	}
	if (!qmp_line_find(line, bytes, "return", &value))
		return event;
	event.kind = QMP_DONE;
	if (qmp_line_is(line, bytes, "id", "stats"))
		read_stats(&event, line, bytes);
	else if (qmp_line_is(line, bytes, "id", "blocks"))
		read_blocks(&event, line, bytes);
	else if (qmp_line_is(line, bytes, "id", "status"))
		read_status(&event, line, bytes);
	else if (qmp_line_is(line, bytes, "id", "actual") &&
		 qmp_line_number(line, bytes, "return.actual", &event.bytes))
		event.kind = QMP_BALLOON;
	return event;
}

/* ---- what we say ---- */

#define BALLOON_PATH "\"path\":\"/machine/peripheral/balloon\""

static const char *const sentences[QMP_SAY_COUNT] = {
	[QMP_SAY_READY] = "{\"execute\":\"qmp_capabilities\",\"id\":\"ready\"}\n",
	[QMP_SAY_POWERDOWN] = "{\"execute\":\"system_powerdown\",\"id\":\"powerdown\"}\n",
	[QMP_SAY_POLL_STATS] =
		"{\"execute\":\"qom-set\",\"arguments\":{" BALLOON_PATH
		",\"property\":\"guest-stats-polling-interval\",\"value\":1},"
		"\"id\":\"poll\"}\n",
	[QMP_SAY_STATS] = "{\"execute\":\"qom-get\",\"arguments\":{" BALLOON_PATH
			  ",\"property\":\"guest-stats\"},\"id\":\"stats\"}\n",
	[QMP_SAY_ACTUAL] = "{\"execute\":\"query-balloon\",\"id\":\"actual\"}\n",
	[QMP_SAY_STATUS] = "{\"execute\":\"query-status\",\"id\":\"status\"}\n",
	[QMP_SAY_BLOCKS] = "{\"execute\":\"query-blockstats\",\"id\":\"blocks\"}\n",
};

void qmp_init(struct qmp *qmp, int fd)
{
	int flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;

	qmp->fd = fd;
	qmp->used = 0;
	qmp->is_too_long = false;
	if (flags >= 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Sentences are short: a socket that takes a part of one is full for good. */
static bool say(struct qmp *qmp, const char *text, size_t bytes)
{
	ssize_t sent;

	if (qmp->fd < 0)
		return false;
	sent = send(qmp->fd, text, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent >= 0 && (size_t)sent < bytes)
		qmp->fd = -1; /* half a sentence: no other would be understood */
	return sent == (ssize_t)bytes;
}

bool qmp_say(struct qmp *qmp, enum qmp_say what)
{
	return say(qmp, sentences[what], strlen(sentences[what]));
}

bool qmp_say_balloon(struct qmp *qmp, uint64_t bytes)
{
	char text[128];
	int n = snprintf(text, sizeof(text),
			 "{\"execute\":\"balloon\",\"arguments\":{\"value\":%llu},"
			 "\"id\":\"balloon\"}\n",
			 (unsigned long long)bytes);

	return say(qmp, text, (size_t)n);
}

/* ---- reading ---- */

static void split(struct qmp *qmp, void (*on_event)(const struct qmp_event *, void *),
		  void *arg)
{
	size_t start = 0;

	for (;;) {
		char *end = memchr(qmp->in + start, '\n', qmp->used - start);
		struct qmp_event event;

		if (end == NULL)
			break;
		event = qmp_event_of(qmp->in + start, (size_t)(end - qmp->in) - start);
		if (!qmp->is_too_long && event.kind != QMP_NOTHING)
			on_event(&event, arg);
		qmp->is_too_long = false;
		start = (size_t)(end - qmp->in) + 1;
	}
	memmove(qmp->in, qmp->in + start, qmp->used - start);
	qmp->used -= start;
	if (qmp->used < sizeof(qmp->in))
		return;
	qmp->is_too_long = true;
	qmp->used = 0;
}

enum hv_code qmp_read(struct qmp *qmp,
		      void (*on_event)(const struct qmp_event *event, void *arg),
		      void *arg)
{
	for (;;) {
		ssize_t n;

		if (qmp->fd < 0)
			return HV_E_GONE;
		n = read(qmp->fd, qmp->in + qmp->used, sizeof(qmp->in) - qmp->used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return HV_OK;
		if (n <= 0) {
			qmp->fd = -1;
			return HV_E_GONE;
		}
		qmp->used += (size_t)n;
		split(qmp, on_event, arg);
	}
}
