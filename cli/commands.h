/*
 * commands - the table of everything tarn can do, and how it is explained.
 *
 * Threads: one. Memory: the table is constant.
 */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/cli.h"

extern const struct cli_command cli_commands[]; /* ends with noun NULL; grouped by noun */

/*
 * The command that the first words name, and how many words that took (1 or 2).
 * INVAL with the nearest one in the sentence.
 */
HV_MUST_USE
enum hv_code cli_command_find(unsigned count, char *const *words,
			      const struct cli_command **ret_command, unsigned *ret_used,
			      struct hv_err *err);
bool cli_noun_exists(const char *noun);

/* help.c */
void cli_help_all(FILE *out, bool is_colour);
void cli_help_noun(FILE *out, const char *noun, bool is_colour);
void cli_help_command(FILE *out, const struct cli_command *command, bool is_colour);
/* "tarn pool create --host HOST --mem SIZE [--max-mem SIZE] [OPTION...]" */
void cli_help_usage(FILE *out, const struct cli_command *command);

/* one file per noun; each is the function of a row */
#define CLI_COMMAND(name) enum hv_code name(struct cli *cli, struct hv_err *err)
CLI_COMMAND(cli_status);
CLI_COMMAND(cli_host_list);
CLI_COMMAND(cli_host_show);
CLI_COMMAND(cli_host_add);
CLI_COMMAND(cli_host_set);
CLI_COMMAND(cli_host_remove);
CLI_COMMAND(cli_host_explain);
CLI_COMMAND(cli_host_advise);
CLI_COMMAND(cli_pool_create);
CLI_COMMAND(cli_pool_set);
CLI_COMMAND(cli_pool_show);
CLI_COMMAND(cli_pool_cancel);
CLI_COMMAND(cli_pool_why);
CLI_COMMAND(cli_pool_table);
CLI_COMMAND(cli_pool_remove);
CLI_COMMAND(cli_pool_assign);
CLI_COMMAND(cli_pool_unassign);
CLI_COMMAND(cli_pool_replace);
CLI_COMMAND(cli_pool_swap);
CLI_COMMAND(cli_vios_list);
CLI_COMMAND(cli_vios_add);
CLI_COMMAND(cli_vios_remove);
CLI_COMMAND(cli_vios_enable);
CLI_COMMAND(cli_vios_disable);
CLI_COMMAND(cli_vios_maintain);
CLI_COMMAND(cli_vios_resume);
CLI_COMMAND(cli_vios_kill);
CLI_COMMAND(cli_vios_inject);
CLI_COMMAND(cli_vios_failback);
CLI_COMMAND(cli_pgdev_list);
CLI_COMMAND(cli_pgdev_add);
CLI_COMMAND(cli_pgdev_remove);
CLI_COMMAND(cli_pgdev_replace);
CLI_COMMAND(cli_lpar_list);
CLI_COMMAND(cli_lpar_show);
CLI_COMMAND(cli_lpar_stat);
CLI_COMMAND(cli_lpar_create);
CLI_COMMAND(cli_lpar_activate);
CLI_COMMAND(cli_lpar_resize);
CLI_COMMAND(cli_lpar_move_memory);
CLI_COMMAND(cli_lpar_set_memory);
CLI_COMMAND(cli_lpar_set_processors);
CLI_COMMAND(cli_lpar_release);
CLI_COMMAND(cli_lpar_shutdown);
CLI_COMMAND(cli_lpar_remove);
CLI_COMMAND(cli_lpar_what_if);
CLI_COMMAND(cli_lpar_console);
CLI_COMMAND(cli_lpar_dispatch_trace);
CLI_COMMAND(cli_lpar_debug);
CLI_COMMAND(cli_place);
CLI_COMMAND(cli_drill_run);
CLI_COMMAND(cli_drill_abort);
CLI_COMMAND(cli_drill_list);
CLI_COMMAND(cli_drill_show);
CLI_COMMAND(cli_events);
CLI_COMMAND(cli_top);
CLI_COMMAND(cli_report);
CLI_COMMAND(cli_completion);
CLI_COMMAND(cli_names);
CLI_COMMAND(cli_help);

/* Choices that the table and a noun's file share; the index is the number. */
extern const char *const cli_mode_names[];     /* dedicated, shared */
extern const char *const cli_workload_names[]; /* idle, zipf, scan, phases, os */

#endif
