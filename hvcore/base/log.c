/* log - see log.h. */
#include "hvcore/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_BYTES 1024 /* under PIPE_BUF, so that lines do not mix */

static const char *const level_names[HV_LOG_LEVEL_COUNT] = { "error", "warn", "info",
							     "debug" };
static const char *log_who = "tarn";
static enum hv_log_level log_level = HV_LOG_INFO;

void hv_log_open(const char *who, enum hv_log_level level)
{
	log_who = who;
	log_level = level;
}

static size_t put_head(char *line, size_t size, enum hv_log_level level,
		       const char *event)
{
	struct timespec now;
	struct tm tm;
	size_t at;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	at = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	at += (size_t)snprintf(line + at, size - at, ".%03ldZ %s %s %s ",
			       now.tv_nsec / 1000000, level_names[level], log_who, event);
	return at < size ? at : size - 1;
}

void hv_log(enum hv_log_level level, const char *event, const char *format, ...)
{
	char line[LOG_LINE_BYTES];
	va_list args;
	size_t at;
	int n;

	if (level > log_level)
		return;
	at = put_head(line, sizeof(line) - 1, level, event);
	va_start(args, format);
	n = vsnprintf(line + at, sizeof(line) - 1 - at, format, args);
	va_end(args);
	if (n > 0)
		at = strlen(line);
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, at) < 0)
		return; /* nobody left to tell */
}
