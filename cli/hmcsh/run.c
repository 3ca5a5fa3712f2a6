/*
 * run - a script is walked; recursion is bounded by HMCSH_DEPTH_MAX, which the parser
 * keeps.
 */
#include "cli/hmcsh/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "cli/hmcsh/parser.h"
#include "cli/hmcsh/process.h"
#include "cli/hmcsh/run_priv.h"
#include "hvcore/base/invariant.h"

static int run_node(struct hmcsh *shell, const struct hmcsh_node *node);

void hmcsh_complain(const struct hv_err *err)
{
	(void)fflush(stdout);
	(void)fprintf(stderr, HMCSH_NAME ": %s\n", hv_err_text(err));
}

/* Nothing more of this script is to be run, or of this loop. */
static bool has_stopped(const struct hmcsh *shell)
{
	return shell->is_leaving || shell->leave_loops > 0 || hmcsh_is_interrupted();
}

int hmcsh_fail(struct hmcsh *shell, const struct hv_err *err)
{
	hmcsh_complain(err);
	shell->status = HMCSH_FAILED;
	return HMCSH_FAILED;
}

/* A stage in its own process; `in` and `out` are closed. */
static _Noreturn void run_stage(struct hmcsh *shell, const struct hmcsh_node *node,
				int in, int out)
{
	if (in >= 0)
		(void)dup2(in, STDIN_FILENO);
	if (out >= 0)
		(void)dup2(out, STDOUT_FILENO);
	/* the others are closed by exec; a subshell must not hold them open */
	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	if (node->kind == HMCSH_COMMAND)
		(void)hmcsh_run_command(shell, node, true);
	else
		(void)run_node(shell, node);
	(void)fflush(stdout);
	_exit(shell->status);
}

struct pipeline {
	pid_t pids[HMCSH_STAGES_MAX];
	unsigned count;
	pid_t group;
	int in; /* where the next stage reads; -1: as the shell */
};

static enum hv_code start_stage(struct hmcsh *shell, const struct hmcsh_node *node,
				struct pipeline *pipeline, struct hv_err *err)
{
	int ends[2] = { -1, -1 };
	pid_t pid;

	HV_INVARIANT(pipeline->count < HMCSH_STAGES_MAX);
	if (node->next != NULL && pipe2(ends, O_CLOEXEC) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "pipe");
	pid = hmcsh_fork(shell, &pipeline->group, err);
	if (pid == 0) {
		if (ends[0] >= 0)
			(void)close(ends[0]);
		run_stage(shell, node, pipeline->in, ends[1]);
	}
	if (pipeline->in >= 0)
		(void)close(pipeline->in);
	if (ends[1] >= 0)
		(void)close(ends[1]);
	pipeline->in = ends[0];
	if (pid < 0)
		return HV_E_OS;
	pipeline->pids[pipeline->count++] = pid;
	return HV_OK;
}

static int run_stages(struct hmcsh *shell, const struct hmcsh_node *node)
{
	struct pipeline pipeline = { .in = -1 };
	enum hv_code code = HV_OK;
	struct hv_err err;
	int status;

	for (const struct hmcsh_node *at = node->body; at != NULL && code == HV_OK;
	     at = at->next)
		code = start_stage(shell, at, &pipeline, &err);
	if (code != HV_OK && pipeline.in >= 0)
		(void)close(pipeline.in);
	status = hmcsh_wait(shell, pipeline.pids, pipeline.count, pipeline.group);
	shell->status = status;
	return code == HV_OK ? status : hmcsh_fail(shell, &err);
}

static int run_pipe(struct hmcsh *shell, const struct hmcsh_node *node)
{
	bool is_one = node->body->next == NULL;
	int status = is_one ? run_node(shell, node->body) : run_stages(shell, node);

	if (node->is_negated && !has_stopped(shell))
		status = status == HMCSH_DONE ? HMCSH_FAILED : HMCSH_DONE;
	shell->status = status;
	return status;
}

static int run_subshell(struct hmcsh *shell, const struct hmcsh_node *node)
{
	struct pipeline pipeline = { .in = -1 };
	struct hmcsh_node stage = *node;
	enum hv_code code;
	struct hv_err err;

	/* as a stage that is alone; there it is a group */
	stage.kind = HMCSH_GROUP;
	stage.next = NULL;
	stage.redirects = NULL; /* done by who called */
	code = start_stage(shell, &stage, &pipeline, &err);
	if (code != HV_OK)
		return hmcsh_fail(shell, &err);
	shell->status = hmcsh_wait(shell, pipeline.pids, pipeline.count, pipeline.group);
	return shell->status;
}

static int run_list(struct hmcsh *shell, const struct hmcsh_node *node)
{
	int status = shell->status;

	for (const struct hmcsh_node *at = node->body; at != NULL && !has_stopped(shell);
	     at = at->next)
		status = run_node(shell, at);
	return status;
}

static int run_chain(struct hmcsh *shell, const struct hmcsh_node *node)
{
	int status = HMCSH_DONE;

	for (const struct hmcsh_node *at = node->body; at != NULL && !has_stopped(shell);
	     at = at->next) {
		bool is_skipped = (at->joint == HMCSH_AND && status != HMCSH_DONE) ||
				  (at->joint == HMCSH_OR && status == HMCSH_DONE);

		if (!is_skipped)
			status = run_node(shell, at);
	}
	return status;
}

/* After a turn of a loop: whether there is another. */
static bool goes_on(struct hmcsh *shell)
{
	if (shell->leave_loops == 0)
		return !has_stopped(shell);
	if (--shell->leave_loops > 0 || !shell->is_continuing)
		return false;
	shell->is_continuing = false;
	return !has_stopped(shell);
}

static int run_for(struct hmcsh *shell, const struct hmcsh_node *node)
{
	struct hmcsh_fields fields;
	struct hv_err err;
	bool goes = true, was_left = false;
	int status = HMCSH_DONE;

	hmcsh_fields_init(&fields);
	if (hmcsh_expand_words(shell, node->words, &fields, &err) != HV_OK) {
		hmcsh_fields_fini(&fields);
		return hmcsh_fail(shell, &err);
	}
	shell->loops++;
	for (unsigned i = 0; i < fields.count && goes; i++) {
		if (hmcsh_variables_set(&shell->variables, node->name, fields.words[i],
					&err) != HV_OK) {
			status = hmcsh_fail(shell, &err);
			break;
		}
		status = run_node(shell, node->body);
		was_left = shell->leave_loops > 0;
		goes = goes_on(shell);
	}
	shell->loops--;
	if (fields.count == 0 || (was_left && shell->leave_loops == 0))
		shell->status = status = HMCSH_DONE;
	hmcsh_fields_fini(&fields);
	return status;
}

static int run_while(struct hmcsh *shell, const struct hmcsh_node *node)
{
	bool is_until = node->kind == HMCSH_UNTIL, goes = true;
	int status = HMCSH_DONE;

	shell->loops++;
	while (goes) {
		bool is_true = run_node(shell, node->condition) == HMCSH_DONE;

		if (!has_stopped(shell)) {
			if (is_true == is_until)
				break;
			status = run_node(shell, node->body);
		}
		goes = goes_on(shell);
	}
	shell->loops--;
	if (!shell->is_leaving)
		shell->status = status;
	return status;
}

static int run_if(struct hmcsh *shell, const struct hmcsh_node *node)
{
	for (const struct hmcsh_node *clause = node->body;
	     clause != NULL && !has_stopped(shell); clause = clause->next) {
		bool is_true = clause->condition == NULL ||
			       run_node(shell, clause->condition) == HMCSH_DONE;

		if (is_true && !has_stopped(shell))
			return run_node(shell, clause->body);
	}
	if (!has_stopped(shell))
		shell->status = HMCSH_DONE;
	return shell->status;
}

static int run_compound(struct hmcsh *shell, const struct hmcsh_node *node)
{
	switch (node->kind) {
	case HMCSH_LIST:
		return run_list(shell, node);
	case HMCSH_CHAIN:
		return run_chain(shell, node);
	case HMCSH_PIPE:
		return run_pipe(shell, node);
	case HMCSH_COMMAND:
		return hmcsh_run_command(shell, node, false);
	case HMCSH_FOR:
		return run_for(shell, node);
	case HMCSH_WHILE:
	case HMCSH_UNTIL:
		return run_while(shell, node);
	case HMCSH_IF:
		return run_if(shell, node);
	case HMCSH_GROUP:
		return run_list(shell, node->body);
	case HMCSH_SUBSHELL:
		return run_subshell(shell, node);
	default:
		HV_UNREACHABLE("a clause is run by its if");
	}
}

static int run_node(struct hmcsh *shell, const struct hmcsh_node *node)
{
	struct hmcsh_saved saved;
	struct hv_err err;
	int status;

	if (node->kind == HMCSH_COMMAND || node->redirects == NULL)
		return run_compound(shell, node);
	if (hmcsh_redirect(node->redirects, &saved, &err) != HV_OK)
		return hmcsh_fail(shell, &err);
	status = run_compound(shell, node);
	hmcsh_redirect_undo(&saved);
	return status;
}

int hmcsh_run(struct hmcsh *shell, const struct hmcsh_node *node)
{
	return run_node(shell, node);
}

enum hv_code hmcsh_try_line(struct hmcsh *shell, const char *line, struct hv_err *err)
{
	struct hmcsh_script script;
	enum hv_code code;

	hmcsh_script_init(&script);
	code = hmcsh_parse(line, &script, err);
	if (code == HV_OK)
		(void)hmcsh_run(shell, script.list);
	else
		shell->status = code == HV_E_REFUSED ? HMCSH_FAILED : HMCSH_WRONG;
	if (hmcsh_is_interrupted())
		shell->status = HMCSH_SIGNAL + SIGINT;
	shell->leave_loops = 0;
	shell->is_continuing = false;
	hmcsh_script_fini(&script);
	return code;
}

int hmcsh_run_line(struct hmcsh *shell, const char *line)
{
	struct hv_err err;

	if (hmcsh_try_line(shell, line, &err) != HV_OK)
		hmcsh_complain(&err);
	return shell->status;
}

enum hv_code hmcsh_open(struct hmcsh *shell, const char *directory, struct hv_err *err)
{
	*shell = (struct hmcsh){ .terminal = -1 };
	hmcsh_variables_init(&shell->variables);
	return hmcsh_commands_load(&shell->commands, directory, err);
}

void hmcsh_close(struct hmcsh *shell)
{
	hmcsh_variables_fini(&shell->variables);
}
