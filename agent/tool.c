/* tool - see tool.h. */
#include "agent/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/command.h"
#include "agent/tail.h"
#include "hvcore/wire/pgdev.h"

#define TOOL_TEXT_BYTES 4096 /* of its output that is looked at */
#define TOOL_DEATH_MS 1000   /* from SIGKILL to giving it up; arbitrary */
#define TOOLS_STUCK_MAX 64   /* given up and not ended; arbitrary */
#define SEEN_ALL 31          /* one bit for each line that is needed */

static const char late_text[] = "the device does not answer";

struct tool {
	struct agent_tools *owner;
	struct tool *next;
	struct hv_watch watch;
	struct hv_timer deadline;
	enum agent_tool_kind kind;
	char path[HV_FILE_PATH_BYTES]; /* of the device */
	uint32_t tag;
	pid_t pid;
	int pidfd;
	int out, error; /* memory files: nothing it writes can block it */
	bool is_late;   /* SIGKILL was sent */
	bool is_told;   /* and still it does not end: the device keeps it */
};

struct agent_tools {
	struct agent_tools_config config;
	struct hv_loop *loop;
	struct tool *first;
};

enum hv_code agent_tools_open(struct hv_loop *loop,
			      const struct agent_tools_config *config,
			      struct agent_tools **ret_tools, struct hv_err *err)
{
	struct agent_tools *tools = calloc(1, sizeof(*tools));

	if (tools == NULL)
		return hv_fail(err, HV_E_NOMEM, "the table of tools");
	tools->config = *config;
	tools->loop = loop;
	*ret_tools = tools;
	return HV_OK;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static void drop(struct tool *tool)
{
	struct tool **at = &tool->owner->first;

	while (*at != tool)
		at = &(*at)->next;
	*at = tool->next;
	hv_watch_stop(&tool->watch);
	hv_timer_stop(&tool->deadline);
	close_fd(tool->pidfd);
	close_fd(tool->out);
	close_fd(tool->error);
	free(tool);
}

void agent_tools_close(struct agent_tools *tools)
{
	if (tools == NULL)
		return;
	while (tools->first != NULL) {
		(void)syscall(SYS_pidfd_send_signal, tools->first->pidfd, SIGTERM, NULL,
			      0);
		drop(tools->first);
	}
	free(tools);
}

/* ---- what it said ---- */

/* Without the program's name. */
static const char *sentence_of(const char *line)
{
	if (strncmp(line, "tarn-vios: ", 11) == 0)
		line += 11;
	return line[0] != '\0' ? line : "tarn-vios failed without a word";
}

static bool parse_hex(const char *text, uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(text) != 2 * count || strspn(text, digits) != 2 * count)
		return false;
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
				     (strchr(digits, text[2 * i + 1]) - digits));
	return true;
}

static bool parse_name(const char *text, char name[HV_NAME_BYTES])
{
	if (text[0] != '\0' && !hv_name_is_valid(text))
		return false;
	(void)snprintf(name, HV_NAME_BYTES, "%s", text);
	return true;
}

static bool parse_line(const char *key, const char *value, struct agent_header *header,
		       unsigned *seen)
{
	uint64_t number = 0;

	if (strcmp(key, "id") == 0) {
		*seen |= 1;
		return parse_hex(value, header->id, sizeof(header->id));
	}
	if (strcmp(key, "host") == 0) {
		*seen |= 2;
		return parse_hex(value, header->host_id, sizeof(header->host_id));
	}
	if (strcmp(key, "host_name") == 0) {
		*seen |= 4;
		return parse_name(value, header->host_name);
	}
	if (strcmp(key, "owner_epoch") == 0) {
		*seen |= 8;
		return hv_u64_parse(value, UINT64_MAX, &header->owner_epoch, NULL) ==
		       HV_OK;
	}
	if (strcmp(key, "slots") == 0) {
		*seen |= 16;
		if (hv_u64_parse(value, UINT64_MAX / HV_PAGE_BYTES, &number, NULL) !=
		    HV_OK)
			return false;
		header->usable_bytes = number * HV_PAGE_BYTES;
	}
	return true; /* others are for people */
}

enum hv_code agent_header_parse(char *text, struct agent_header *ret_header,
				struct hv_err *err)
{
	struct agent_header header = { 0 };
	unsigned seen = 0;
	char *rest = text;
	char *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		char *value = strchr(line, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		if (!parse_line(line, value, &header, &seen))
			return hv_fail(err, HV_E_CORRUPT, "tarn-vios says %.32s=%.64s",
				       line, value);
	}
	if (seen != SEEN_ALL)
		return hv_fail(err, HV_E_CORRUPT,
			       "tarn-vios did not say all of a header");
	*ret_header = header;
	return HV_OK;
}

static bool has_succeeded(const struct tool *tool)
{
	siginfo_t info = { 0 };

	return waitid((idtype_t)P_PIDFD, (id_t)tool->pidfd, &info, WEXITED | WNOHANG) ==
		       0 &&
	       info.si_pid != 0 && info.si_code == CLD_EXITED && info.si_status == 0;
}

/*
 * A refusal by tarn-vios is a sentence, its reason IO as far as we know: REFUSED. The
 * caller repeats what may go away by itself.
 */
static void finish(struct tool *tool)
{
	struct agent_tools *owner = tool->owner;
	struct agent_tool_result result = { .code = HV_E_REFUSED };
	struct agent_header header;
	struct hv_err err = { 0 };
	char text[TOOL_TEXT_BYTES];
	uint32_t tag = tool->tag;

	if (has_succeeded(tool)) {
		result.code = HV_OK;
		tail_read(tool->out, text, sizeof(text));
		if (tool->kind == AGENT_TOOL_INSPECT) {
			result.code = agent_header_parse(text, &header, &err);
			result.header = result.code == HV_OK ? &header : NULL;
		}
		result.text = err.text;
	} else if (tool->is_late) {
		result = (struct agent_tool_result){ HV_E_TIMEOUT, late_text, NULL };
	} else {
		tail_line(tool->error, text, sizeof(text));
		result.text = sentence_of(text);
	}
	drop(tool);
	owner->config.on_done(owner->config.arg, tag, &result);
}

static void on_end(struct hv_watch *watch, unsigned events)
{
	struct tool *tool = HV_CONTAINER(watch, struct tool, watch);

	(void)events; /* a pidfd says only one thing */
	if (!tool->is_told) {
		finish(tool);
		return;
	}
	(void)has_succeeded(tool); /* reaped; nobody waits for its answer any more */
	drop(tool);
}

/*
 * First SIGKILL; where that does not end it, it waits in the kernel for its device,
 * and the caller is told without it. It stays in the table until it has ended.
 */
static void on_deadline(struct hv_timer *timer)
{
	struct tool *tool = HV_CONTAINER(timer, struct tool, deadline);
	struct agent_tool_result result = { HV_E_TIMEOUT, late_text, NULL };
	struct agent_tools *owner = tool->owner;

	if (tool->is_late) {
		tool->is_told = true;
		owner->config.on_done(owner->config.arg, tool->tag, &result);
		return;
	}
	tool->is_late = true;
	(void)syscall(SYS_pidfd_send_signal, tool->pidfd, SIGKILL, NULL, 0);
	/* Started before: cannot fail. */
	(void)!hv_timer_start(owner->loop, timer, TOOL_DEATH_MS, 0, NULL);
}

/* ---- start ---- */

static enum hv_code make_command(const struct agent_tools *tools,
				 const struct agent_tool *what, struct command *command,
				 struct hv_err *err)
{
	static const char *const verbs[AGENT_TOOL_KIND_COUNT] = {
		[AGENT_TOOL_INSPECT] = "inspect",
		[AGENT_TOOL_FORMAT] = "format",
		[AGENT_TOOL_WIPE] = "wipe",
	};
	enum hv_code code = command_begin(command, tools->config.bin, "tarn-vios", err);

	if (code != HV_OK)
		return code;
	command_add(command, "--%s=%s", verbs[what->kind], what->path);
	if (what->kind == AGENT_TOOL_INSPECT)
		return HV_OK;
	command_add(command, "--id");
	command_add_hex(command, what->id, HV_PGDEV_ID_BYTES);
	if (what->kind == AGENT_TOOL_WIPE)
		return HV_OK;
	command_add(command, "--host-id");
	command_add_hex(command,
			what->owner_id != NULL ? what->owner_id : tools->config.host_id,
			AGENT_ID_BYTES);
	command_add(command, "--host-name=%s",
		    what->owner_name != NULL ? what->owner_name
					     : tools->config.options->name);
	command_add(command, "--owner-epoch=%llu", (unsigned long long)what->owner_epoch);
	if (what->bytes != 0)
		command_add(command, "--bytes=%llu", (unsigned long long)what->bytes);
	if (what->may_create)
		command_add(command, "--create");
	return HV_OK;
}

static enum hv_code launch(struct tool *tool, const struct command *command,
			   struct hv_err *err)
{
	struct child child = {
		.program = command->program,
		.arguments = command->arguments,
		.dies_with_us = true,
	};

	tool->out = memfd_create("tool-out", MFD_CLOEXEC);
	tool->error = memfd_create("tool-error", MFD_CLOEXEC);
	if (tool->out < 0 || tool->error < 0)
		return hv_fail_os(err, HV_E_NOMEM, errno, "output of tarn-vios");
	child.out = tool->out;
	child.error = tool->error;
	return child_start(&child, &tool->pid, &tool->pidfd, err);
}

static enum hv_code observe(struct tool *tool, uint64_t deadline_ms, struct hv_err *err)
{
	struct hv_loop *loop = tool->owner->loop;
	enum hv_code code = hv_watch_start(loop, &tool->watch, tool->pidfd, HV_WATCH_READ,
					   err);

	if (code == HV_OK && deadline_ms != 0)
		code = hv_timer_start(loop, &tool->deadline, deadline_ms, 0, err);
	if (code != HV_OK)
		child_abandon(tool->pid, -1);
	return code;
}

/* Each device keeps at most one process of ours in the kernel. */
static enum hv_code check_stuck(const struct agent_tools *tools, const char *path,
				struct hv_err *err)
{
	unsigned stuck = 0;

	for (const struct tool *tool = tools->first; tool != NULL; tool = tool->next) {
		stuck += tool->is_told;
		if (tool->is_told && strcmp(tool->path, path) == 0)
			return hv_fail(err, HV_E_BUSY,
				       "%s: process %d still waits for it", late_text,
				       (int)tool->pid);
	}
	if (stuck >= TOOLS_STUCK_MAX)
		return hv_fail(err, HV_E_LIMIT, "%u devices do not answer", stuck);
	return HV_OK;
}

enum hv_code agent_tool_start(struct agent_tools *tools, uint32_t tag,
			      const struct agent_tool *what, struct hv_err *err)
{
	enum hv_code code = check_stuck(tools, what->path, err);
	struct command command;
	struct tool *tool;

	if (code != HV_OK)
		return code;
	tool = calloc(1, sizeof(*tool));
	if (tool == NULL)
		return hv_fail(err, HV_E_NOMEM, "start tarn-vios");
	*tool = (struct tool){ .owner = tools,
			       .next = tools->first,
			       .watch = { .run = on_end },
			       .deadline = { .run = on_deadline },
			       .kind = what->kind,
			       .tag = tag,
			       .pidfd = -1,
			       .out = -1,
			       .error = -1 };
	(void)snprintf(tool->path, sizeof(tool->path), "%s", what->path);
	tools->first = tool;
	code = make_command(tools, what, &command, err);
	if (code == HV_OK)
		code = launch(tool, &command, err);
	if (code == HV_OK)
		code = observe(tool, what->deadline_ms, err);
	if (code != HV_OK)
		drop(tool);
	return code;
}
